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
