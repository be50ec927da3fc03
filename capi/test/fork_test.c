/*
 * fork_test.c - a child after fork is told so by every function, at once, and
 * the parent goes on; a program that is started inherits no descriptor.
 */
#include "every.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static libsocket_server server;
static libsocket_client client;

static bool others_run; /* threads that allocate */

/* What the child does: every function, at once also where it would wait. */
static void in_child(void)
{
    for (EACH_FUNCTION(f)) {
        arguments a = every_arguments();
        a.server = server;
        a.client = client;
        check_name = f->name;
        CHECK_STATUS(f->call(&a), LIBSOCKET_E_FORKED);
        CHECK(every_untouched(&a));
        CHECK_SAYS("fork");
    }
    CHECK(strcmp(libsocket_version(), LIBSOCKET_VERSION) == 0);
    CHECK(strcmp(libsocket_strerror(LIBSOCKET_E_FORKED), libsocket_last_error()) == 0);
    if (!others_run) /* one of them may have been in malloc */
        libsocket_free(malloc(1));
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
        if (others_run && check_misses == 0) /* sooner than a leak check under valgrind */
            execl("/bin/true", "true", (char *)NULL);
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

/* ---- While callbacks run --------------------------------------------------- */

static box flowing = BOX, arrived = BOX;
static uint32_t in_order; /* the number that comes next */

static void take(const libsocket_event *events, size_t count, void *user)
{
    (void)user;
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind != LIBSOCKET_EVENT_MESSAGE)
            continue;
        CHECK(event_number(&events[i]) == in_order);
        in_order++;
        box_add(&arrived, 1);
    }
}

static void *send_until_told(void *unused)
{
    (void)unused;
    uint32_t sent = 0;
    numbered number;
    for (; box_get(&flowing) > 0; sent++) {
        CHECK_OK(libsocket_server_send(server, number_message(&number, sent)));
        if (sent % 64 == 63)
            box_wait(&arrived, sent - 63); /* none is dropped for being slow */
    }
    box_wait(&arrived, sent);
    return NULL;
}

static void start_and_wait(char *const arguments[], pid_t (*start)(char *const[]))
{
    int status = -1;
    pid_t pid = start(arguments);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t by_vfork(char *const arguments[])
{
    pid_t pid = vfork();
    if (pid == 0) {
        execv(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

static pid_t by_posix_spawn(char *const arguments[])
{
    extern char **environ;
    pid_t pid = -1;
    CHECK(posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ) == 0);
    return pid;
}

/* Children of every kind, and the parent's callbacks miss nothing. */
static void while_callbacks_run(void)
{
    char *const nothing[] = {(char *)"/bin/true", NULL};
    pthread_t sender;
    server = open_server("unix", "flow", NULL, 0);
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "flow", NULL, 0, take, NULL)),
               "no client");
    others_run = true;
    box_add(&flowing, 1);
    check_need(pthread_create(&sender, NULL, send_until_told, NULL) == 0, "no thread");
    box_wait(&arrived, 1);
    for (uint32_t i = support_times(500); i > 0; i--) {
        long before = box_get(&arrived);
        child_is_told(i % 2 == 0 ? fork : raw_fork);
        if (i % 10 == 0) {
            start_and_wait(nothing, by_vfork);
            start_and_wait(nothing, by_posix_spawn);
            CHECK(system("exec true") == 0);
        }
        box_wait(&arrived, before + 1); /* the parent goes on */
    }
    box_add(&flowing, -1);
    pthread_join(sender, NULL);
    close_both();
    CHECK(box_get(&arrived) == (long)in_order);
}

/* ---- A child made in a callback -------------------------------------------- */

static pid_t returned; /* the child that returned from its callback */

static void fork_and_return(const libsocket_event *events, size_t count, void *user)
{
    (void)user;
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE) {
            returned = fork();
            if (returned == 0) {
                close(STDERR_FILENO); /* what it says is not for who reads the test */
                return;
            }
            box_add(&arrived, 1);
        }
}

static void child_that_returns_is_ended(void)
{
    int status = -1;
    numbered number;
    long before = box_get(&arrived);
    server = open_server("unix", "returns", NULL, 0);
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "returns", NULL, 0,
                                              fork_and_return, NULL)),
               "no client");
    CHECK_OK(libsocket_server_send(server, number_message(&number, 1)));
    box_wait(&arrived, before + 1);
    CHECK(returned > 0 && waitpid(returned, &status, 0) == returned);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 70);
    close_both();
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
    RUN(while_callbacks_run);
    RUN(child_that_returns_is_ended);
    return support_end();
}
