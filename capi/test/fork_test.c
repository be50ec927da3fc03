/*
 * fork_test.c - a child after fork is told so by every function, at once, and
 * the parent goes on; a program that is started inherits no descriptor.
 */
#include "support.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static libsocket_server server;
static libsocket_client client;

#define WANT(call) CHECK_STATUS(call, LIBSOCKET_E_FORKED)

static void nothing(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)count, (void)user;
}

/* What the child does: every function that is not void or a text. */
static void in_child(void)
{
    libsocket_message message = data_message(NULL, 0);
    libsocket_event *events = NULL;
    libsocket_client_info *infos = NULL;
    void *block = NULL;
    char *text = NULL;
    size_t size = 7;
    WANT(libsocket_server_open(&server, "unix", "child", NULL, 0, nothing, NULL));
    WANT(libsocket_server_send(server, &message));
    WANT(libsocket_server_send_many(&size, server, &message, 1));
    WANT(libsocket_server_send_to(server, 1, &message));
    WANT(libsocket_server_send_packed(&size, server, "\x90", 1));
    WANT(libsocket_server_receive(&events, &size, server, 0, -1));
    WANT(libsocket_server_receive_packed(&block, &size, server, 0, -1));
    WANT(libsocket_server_fd(server));
    WANT(libsocket_server_clients(&infos, &size, server));
    WANT(libsocket_server_wait_clients(server, 9, -1));
    WANT(libsocket_server_address(&text, server));
    WANT(libsocket_server_queue_length(&size, server));
    WANT(libsocket_server_queue_clear(server));
    WANT(libsocket_server_queue_take(&block, &size, server));
    WANT(libsocket_server_stats(&block, &size, server));
    WANT(libsocket_server_announce_restart(server));
    WANT(libsocket_server_close(server));
    WANT(libsocket_client_open(&client, "unix", "child", NULL, 0, NULL, NULL));
    WANT(libsocket_client_send(client, &message));
    WANT(libsocket_client_send_many(&size, client, &message, 1));
    WANT(libsocket_client_send_packed(&size, client, "\x90", 1));
    WANT(libsocket_client_receive(&events, &size, client, 0, -1));
    WANT(libsocket_client_receive_packed(&block, &size, client, 0, -1));
    WANT(libsocket_client_fd(client));
    WANT(libsocket_client_connected(client));
    WANT(libsocket_client_buffered(&size, client));
    WANT(libsocket_client_buffer_clear(client));
    WANT(libsocket_client_close(client));
    WANT(libsocket_inspect(&block, &size, "unix", "fork", NULL));
    WANT(libsocket_list(&block, &size, NULL));
    WANT(libsocket_settings(&block, &size, NULL, NULL));
    WANT(libsocket_json_to_msgpack(&block, &size, "1", 1));
    WANT(libsocket_msgpack_to_json(&text, "\x01", 1));
    CHECK_SAYS("fork");
    CHECK(strcmp(libsocket_version(), LIBSOCKET_VERSION) == 0);
    CHECK(strcmp(libsocket_strerror(LIBSOCKET_E_FORKED), libsocket_last_error()) == 0);
    libsocket_free(malloc(1));
    CHECK(size == 7);
}

static void open_both(void)
{
    server = open_server("unix", "fork", NULL, LIBSOCKET_PULL);
    client = join_server(server, "unix", "fork", "");
}

static void close_both(void)
{
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* The raw call goes past the handlers that a library may leave with fork(). */
static pid_t raw_fork(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static void child_is_told(pid_t (*make_child)(void))
{
    pid_t pid = make_child();
    if (pid == 0) {
        in_child();
        fflush(stdout);
        _exit(check_misses == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void parent_goes_on(void)
{
    numbered number;
    CHECK_OK(libsocket_server_send(server, number_message(&number, 5)));
    libsocket_event *event = next_message(client);
    CHECK(event_number(event) == 5);
    libsocket_free(event);
}

/* As the program that is started: nothing of the library is open. */
static int look_at_descriptors(void)
{
    int strange = 0;
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[64] = "", target[256] = "";
        int fd = atoi(entry->d_name);
        if (fd <= 2 || fd == dirfd(dir))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0 &&
            (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0 ||
             strstr(target, "libsocket-test") != NULL)) {
            printf("inherited: %s\n", target);
            strange++;
        }
    }
    closedir(dir);
    return strange;
}

static void started_program_is_clean(const char *self)
{
    extern char **environ;
    char *arguments[] = {(char *)self, (char *)"descriptors", NULL};
    pid_t pid;
    int status = -1;
    check_need(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "no process");
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return look_at_descriptors();
    support_start();
    RUN(open_both);
    RUN_WITH(child_is_told, fork);
    RUN(parent_goes_on);
    RUN_WITH(child_is_told, raw_fork);
    RUN(parent_goes_on);
    RUN_WITH(started_program_is_clean, argv[0]);
    RUN(close_both);
    return support_end();
}
