/*
 * service_test.c - a server that a service manager starts: it takes the socket
 * that was passed, serves who connected before it ran, tells the manager how
 * it is, and leaves socket and environment as they were.
 */
#include "rawpeer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#define PASSED 3 /* the first descriptor that a manager passes */

static void told(int manager, const char *what)
{
    char text[64] = "";
    CHECK(recv(manager, text, sizeof text - 1, 0) > 0 && strcmp(text, what) == 0);
}

/* The manager's datagram socket, which has a name and no file. */
static int manager_listens(void)
{
    struct sockaddr_un address = {AF_UNIX, ""};
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                          "libsocket-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    check_need(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0, "no manager");
    address.sun_path[0] = '@';
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    return fd;
}

/* The program that is started. The variables are set after the library was
   loaded: those of the moment count. */
static int passed_program(const char *path)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "passed", 1);
    int manager = manager_listens();
    check_bound(SUPPORT_SECONDS);
    check_name = "passed_program";

    for (uint32_t life = 0; life < 2; life++) {
        libsocket_server server = open_server("unix", "passed", "sd_notify = true", LIBSOCKET_PULL);
        told(manager, "READY=1");
        char *address = NULL;
        CHECK_OK(libsocket_server_address(&address, server));
        CHECK(address != NULL && strcmp(address, path) == 0);
        libsocket_free(address);
        CHECK(fcntl(PASSED, F_GETFD) == FD_CLOEXEC);
        CHECK(strcmp(getenv("LISTEN_PID"), pid) == 0 && strcmp(getenv("LISTEN_FDS"), "1") == 0);

        libsocket_server second = {0};
        CHECK_STATUS(libsocket_server_open(&second, "unix", "passed", NULL, 0, NULL, NULL),
                     LIBSOCKET_E_IN_USE);
        CHECK_SAYS("by this process");

        libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
        numbered number;
        CHECK(event_number(event) == 10 + life);
        CHECK_OK(libsocket_server_send_to(server, event->client, number_message(&number, 20 + life)));
        libsocket_free(event);
        CHECK_OK(libsocket_server_close(server));
        told(manager, "STOPPING=1");
    }
    close(manager);
    return check_misses != 0;
}

/* A client that connects to the socket while nobody serves it. */
static libsocket_client early_client(uint32_t says)
{
    libsocket_client client = {0};
    numbered number;
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "passed", NULL, 0, NULL, NULL)),
               "no client");
    CHECK_OK(libsocket_client_send(client, number_message(&number, says)));
    return client;
}

/* The answer, and that the server has ended: who connects now waits for the
   next one. */
static void hears(libsocket_client client, uint32_t wanted)
{
    libsocket_event *event = next_message(client);
    CHECK(event_number(event) == wanted);
    libsocket_free(event);
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_DISCONNECTED));
    CHECK_OK(libsocket_client_close(client));
}

static void socket_is_passed(const char *self)
{
    extern char **environ;
    struct sockaddr_un address = raw_address("passed");
    int listener = raw_listen("passed");
    struct stat before, after;
    CHECK(chmod(address.sun_path, 0640) == 0 && stat(address.sun_path, &before) == 0);
    libsocket_client client = early_client(10);

    char *arguments[] = {(char *)self, address.sun_path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    /* By way of another number: dup2 to its own leaves a descriptor closed on exec. */
    posix_spawn_file_actions_adddup2(&actions, listener, 99);
    posix_spawn_file_actions_adddup2(&actions, 99, PASSED);
    posix_spawn_file_actions_addclose(&actions, 99);
    pid_t pid;
    int status = -1;
    check_need(posix_spawn(&pid, self, &actions, NULL, arguments, environ) == 0, "no process");
    posix_spawn_file_actions_destroy(&actions);

    hears(client, 20);
    hears(early_client(11), 21);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(stat(address.sun_path, &after) == 0);
    CHECK(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
    close(listener);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return passed_program(argv[1]);
    support_start();
    RUN_WITH(socket_is_passed, argv[0]);
    return support_end();
}
