/*
 * process_test.c - loading and using the library leaves the process as it was:
 * its limit of open files, its descriptors, its signal handlers.
 */
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LIMIT = 200 };

/* Go raises the soft limit of the process that it starts in. */
static int keeps_the_limit(void)
{
    struct rlimit limit;
    libsocket_server server = {0};
    if (libsocket_server_open(&server, "unix", "limit", NULL, 0, NULL, NULL) != LIBSOCKET_OK)
        return 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != LIMIT)
        return 2;
    return libsocket_server_close(server) == LIBSOCKET_OK ? 0 : 3;
}

static box arrived = BOX;

static void count_events(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)user;
    box_add(&arrived, (long)count);
}

/* A program that leaves while callbacks run, and closes nothing. */
static int leaves_at_once(void)
{
    libsocket_server server = {0};
    libsocket_client client = {0};
    numbered number;
    if (libsocket_server_open(&server, "unix", "exit", NULL, 0, NULL, NULL) != LIBSOCKET_OK ||
        libsocket_client_open(&client, "unix", "exit", NULL, 0, count_events, NULL) != LIBSOCKET_OK)
        return 1;
    for (uint32_t i = 0; i < 1000; i++)
        if (libsocket_server_send(server, number_message(&number, i)) != LIBSOCKET_OK)
            return 2;
    box_wait(&arrived, 1);
    return 0;
}

/* Runs this program with an argument, after a command of the shell. */
static void run_self(const char *before, const char *self, const char *argument)
{
    char command[512];
    snprintf(command, sizeof command, "%s exec '%.400s' %s", before, self, argument);
    int status = system(command);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A shell sets the limit: within this process it may be an emulated one. */
static void limit_is_kept(const char *self) { run_self("ulimit -S -n 200 &&", self, "limit"); }

static void exit_is_clean(const char *self)
{
    for (int i = 0; i < 10; i++)
        run_self("", self, "exit");
}

static void no_stray_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    check_need(dir != NULL, "/proc/self/fd");
    while ((entry = readdir(dir)) != NULL) {
        char path[64], target[256] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%.20s", entry->d_name);
        if (readlink(path, target, sizeof target - 1) > 0)
            CHECK(strstr(target, "cgroup") == NULL);
    }
    closedir(dir);
}

static void handlers_are_the_hosts(void)
{
    static const int hosts[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD,
                                SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP};
    struct sigaction action;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        CHECK(sigaction(hosts[i], NULL, &action) == 0);
        CHECK(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    }
    CHECK(sigaction(SIGALRM, NULL, &action) == 0);
    CHECK(action.sa_handler == check_hung); /* this test's own */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "limit") == 0 ? keeps_the_limit() : leaves_at_once();
    support_start();
    RUN_WITH(limit_is_kept, argv[0]);
    RUN_WITH(exit_is_clean, argv[0]);
    open_server("tcp", "process", NULL, LIBSOCKET_PULL); /* the library is at work */
    RUN(no_stray_descriptors);
    RUN(handlers_are_the_hosts);
    return support_end();
}
