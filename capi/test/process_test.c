/*
 * process_test.c - loading and using the library leaves the process as it was:
 * its limits, its descriptors, its signal handlers, its environment, what it
 * prints; and it may end in any way while callbacks run.
 */
#include "rawpeer.h"

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

/* ---- Programs that end while callbacks run, and close nothing ------------- */

static libsocket_server server;
static libsocket_client pulled;

static void *send_for_ever(void *unused)
{
    (void)unused;
    numbered number;
    for (uint32_t i = 0;; i++)
        libsocket_server_send(server, number_message(&number, i));
    return NULL;
}

static void *receive_for_ever(void *unused)
{
    (void)unused;
    libsocket_event *events = NULL;
    size_t count = 0;
    while (libsocket_client_receive(&events, &count, pulled, 0, -1) == LIBSOCKET_OK)
        libsocket_free(events);
    return NULL;
}

static bool traffic_flows(void)
{
    pthread_t threads[2];
    libsocket_client client;
    if (libsocket_server_open(&server, "unix", "exit", NULL, 0, NULL, NULL) != LIBSOCKET_OK ||
        libsocket_client_open(&client, "unix", "exit", NULL, 0, count_events, NULL) !=
            LIBSOCKET_OK ||
        libsocket_client_open(&pulled, "unix", "exit", NULL, 0, NULL, NULL) != LIBSOCKET_OK ||
        pthread_create(&threads[0], NULL, send_for_ever, NULL) != 0 ||
        pthread_create(&threads[1], NULL, receive_for_ever, NULL) != 0)
        return false;
    box_wait(&arrived, 100);
    return true;
}

enum { LEFT = 42 };

static void leave_by_handler(void) { quick_exit(LEFT); }

static void *leave_later(void *main_thread)
{
#ifndef __SANITIZE_THREAD__ /* which does not know that main can be joined */
    pthread_join(*(pthread_t *)main_thread, NULL);
#else
    (void)main_thread;
#endif
    box_wait(&arrived, box_get(&arrived) + 100); /* it goes on without main */
    exit(LEFT);
}

static int leaves(const char *how)
{
    static pthread_t self;
    pthread_t other;
    check_bound(SUPPORT_SECONDS);
    if (!traffic_flows())
        return 1;
    if (strcmp(how, "exit") == 0)
        exit(LEFT);
    if (strcmp(how, "_exit") == 0)
        _exit(LEFT);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(LEFT);
    if (strcmp(how, "exit_handler") == 0)
        return atexit(leave_by_handler) == 0 ? 2 : 1;
    if (strcmp(how, "pthread_exit") == 0) {
        self = pthread_self();
        if (pthread_create(&other, NULL, leave_later, &self) != 0)
            return 1;
        pthread_exit(NULL);
    }
    return LEFT; /* from main */
}

/* ---- What a program leaves on the terminal, and in itself ------------------ */

/* Things that go wrong, and would be worth a line of a log. */
static int is_quiet(void)
{
    libsocket_client client = {0};
    libsocket_server other;
    char text[200];
    check_bound(SUPPORT_SECONDS);
    snprintf(text, sizeof text, "no_such_key = 1\nmax_connections = 1");
    if (libsocket_server_open(&server, "unix", "quiet", text, 0, NULL, NULL) != LIBSOCKET_OK ||
        libsocket_client_open(&client, "unix", "quiet", text, 0, NULL, NULL) != LIBSOCKET_OK)
        return 1;
    libsocket_server_open(&other, "unix", "quiet", NULL, 0, NULL, NULL);
    libsocket_server_open(&other, "unix", "quiet", "port =", 0, NULL, NULL);
    libsocket_client_open(&pulled, "unix", "quiet", NULL, 0, NULL, NULL); /* full */
    libsocket_client_close(client);
    strcpy(support_dir, getenv("SOCKET__SOCKET_DIR"));
    int fd = raw_client("quiet");
    raw_write(fd, "\0\0\0\1\xc1\xff\xff\xff\xff", 9); /* malformed, then too large */
    while (read(fd, text, sizeof text) > 0)
        continue;
    close(fd);
    return libsocket_server_close(server) == LIBSOCKET_OK ? 0 : 2;
}

/* Runs this program with an argument, within a command of the shell. */
static void run_self(const char *before, const char *self, const char *argument,
                     const char *after, int wanted)
{
    char command[512];
    snprintf(command, sizeof command, "%s '%.400s' %s %s", before, self, argument, after);
    int status = system(command);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

/* A shell sets the limit: within this process it may be an emulated one. */
static void limit_is_kept(const char *self)
{
    run_self("ulimit -S -n 200 && exec", self, "limit", "", 0);
}

static void ends_cleanly(const char *self, const char *how)
{
    for (uint32_t i = support_times(10); i > 0; i--)
        run_self("exec", self, how, "", LEFT);
}

static void says_nothing(const char *self)
{
    run_self("said=$(", self, "quiet", "2>&1) && [ -z \"$said\" ]", 0);
}

/* What the process is, apart from what only it can see. */
typedef struct process {
    char **environment;
    char *variables[200];
    char directory[4096];
    mode_t mask;
    sigset_t signals;
    struct rlimit limits[RLIM_NLIMITS];
} process;

extern char **environ;

static void look_at(process *p)
{
    memset(p, 0, sizeof *p);
    p->environment = environ;
    for (int i = 0; environ[i] != NULL && i < 199; i++)
        p->variables[i] = environ[i];
    CHECK(getcwd(p->directory, sizeof p->directory) != NULL);
    p->mask = umask(0);
    umask(p->mask);
    pthread_sigmask(SIG_SETMASK, NULL, &p->signals);
    for (int i = 0; i < RLIM_NLIMITS; i++)
        getrlimit((unsigned)i, &p->limits[i]);
}

/* Files are made with the permissions of the settings, whatever the umask. */
static void process_is_as_it_was(void)
{
    static process before, after;
    char path[200], *text = NULL;
    struct stat made;
    mode_t mask = umask(0);
    look_at(&before);
    server = open_server("unix", "same", "socket_permissions = \"0620\"", 0);
    libsocket_client client = join_server(server, "unix", "same", "");
    snprintf(path, sizeof path, "%s/same.sock", support_dir);
    CHECK(stat(path, &made) == 0 && (made.st_mode & 0777) == 0620);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    look_at(&after);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    umask(0777);
    server = open_server("unix", "same", "socket_permissions = \"0640\"", 0);
    CHECK(stat(path, &made) == 0 && (made.st_mode & 0777) == 0640);
    CHECK_OK(libsocket_server_address(&text, server));
    libsocket_free(text);
    CHECK_OK(libsocket_server_close(server));
    CHECK(umask(mask) == 0777);
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
    if (argc > 1 && strcmp(argv[1], "limit") == 0)
        return keeps_the_limit();
    if (argc > 1 && strcmp(argv[1], "quiet") == 0)
        return is_quiet();
    if (argc > 1)
        return leaves(argv[1]);
    support_start();
    RUN_WITH(limit_is_kept, argv[0]);
    RUN_WITH(ends_cleanly, argv[0], "return");
    RUN_WITH(ends_cleanly, argv[0], "exit");
    RUN_WITH(ends_cleanly, argv[0], "_exit");
    RUN_WITH(ends_cleanly, argv[0], "quick_exit");
    RUN_WITH(ends_cleanly, argv[0], "exit_handler");
    RUN_WITH(ends_cleanly, argv[0], "pthread_exit");
    RUN_WITH(says_nothing, argv[0]);
    RUN(process_is_as_it_was);
    open_server("tcp", "process", NULL, LIBSOCKET_PULL); /* the library is at work */
    RUN(no_stray_descriptors);
    RUN(handlers_are_the_hosts);
    return support_end();
}
