/*
 * load_test.c - a program that loads the library while it runs: what loading
 * leaves alone, unloading and loading again, a second user and a second copy of
 * the library, another Go library, a host that handles SIGSEGV.
 *
 * The program is not linked with the library; all that it loads is in build.
 * Valgrind is not asked: the faults are meant, and it knows the stacks of the
 * other library even less than ours.
 */
#include "support.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What the tests call, as one copy of the library has it. */
typedef struct library {
    void *handle;
    int (*server_open)(libsocket_server *, const char *, const char *, const char *, uint32_t,
                       libsocket_callback, void *);
    int (*server_close)(libsocket_server);
    int (*server_send)(libsocket_server, const libsocket_message *);
    int (*client_open)(libsocket_client *, const char *, const char *, const char *, uint32_t,
                       libsocket_callback, void *);
    int (*client_close)(libsocket_client);
    const char *(*last_error)(void);
} library;

/* An object pointer that is a function's, as POSIX has it. */
static void find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    check_need(found != NULL, name);
    memcpy(function, &found, sizeof found);
}

static library load(const char *path)
{
    library l;
    l.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check_need(l.handle != NULL, path);
    find(l.handle, "libsocket_server_open", &l.server_open);
    find(l.handle, "libsocket_server_close", &l.server_close);
    find(l.handle, "libsocket_server_send", &l.server_send);
    find(l.handle, "libsocket_client_open", &l.client_open);
    find(l.handle, "libsocket_client_close", &l.client_close);
    find(l.handle, "libsocket_last_error", &l.last_error);
    return l;
}

static void take(const libsocket_event *events, size_t count, void *user)
{
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
            box_add(user, 1);
}

/* A server of one copy of the library, a client of the same or another. */
static void exchange(const library *from, const library *to, const char *event)
{
    box arrived = BOX;
    libsocket_server server = {0};
    libsocket_client client = {0};
    numbered number;
    check_need(CHECK(from->server_open(&server, "unix", event, NULL, 0, NULL, NULL) == 0),
               "no server");
    check_need(CHECK(to->client_open(&client, "unix", event, NULL, 0, take, &arrived) == 0),
               "no client");
    for (uint32_t i = 0; i < 100; i++)
        CHECK(from->server_send(server, number_message(&number, i)) == 0);
    box_wait(&arrived, 100);
    CHECK(to->client_close(client) == 0);
    CHECK(from->server_close(server) == 0);
}

/* ---- Before and after the first loading ------------------------------------ */

static sigjmp_buf back;
static volatile sig_atomic_t faults;

static void leave(int signal)
{
    (void)signal;
    faults++;
    siglongjmp(back, 1);
}

/* A fault of the host's own code goes to the host's handler. */
static void fault(void)
{
    int before = faults;
    volatile char *nowhere = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sigsetjmp(back, 1) == 0) {
        *nowhere = 1;
        CHECK(!"it did not fault");
    }
    CHECK(faults == before + 1);
    munmap((void *)nowhere, 1);
}

typedef struct state {
    sigset_t mask;
    struct rlimit files;
    struct sigaction actions[32];
} state;

static void look(state *s)
{
    memset(s, 0, sizeof *s);
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    getrlimit(RLIMIT_NOFILE, &s->files);
    for (int i = 1; i < 32; i++)
        sigaction(i, NULL, &s->actions[i]);
}

/* The runtime takes these; what it does not know of it hands on. */
static bool is_taken(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGPIPE ||
           signal == SIGURG;
}

static library first;

static void loading_changes_nothing(const char *path)
{
    static state before, after;
    look(&before);
    first = load(path);
    look(&after);
    CHECK(memcmp(&before.mask, &after.mask, sizeof before.mask) == 0);
    CHECK(memcmp(&before.files, &after.files, sizeof before.files) == 0);
    for (int i = 1; i < 32; i++) {
        bool same = before.actions[i].sa_handler == after.actions[i].sa_handler &&
                    (before.actions[i].sa_flags | SA_ONSTACK) ==
                        (after.actions[i].sa_flags | SA_ONSTACK);
        if (!CHECK(same || is_taken(i)))
            printf("  signal %d: flags %x, then %x\n", i, (unsigned)before.actions[i].sa_flags,
                   (unsigned)after.actions[i].sa_flags);
    }
}

static void handle_faults(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = leave;
    check_need(sigaction(SIGSEGV, &action, NULL) == 0, "no handler");
}

/* A host that writes where nobody reads ends as it would without the library. */
static int write_to_nobody(const char *path)
{
    int ends[2];
    load(path);
    if (pipe(ends) != 0 || close(ends[0]) != 0)
        return 1;
    return write(ends[1], "x", 1) == 1 ? 2 : 3;
}

static void broken_pipe_is_the_hosts(const char *self)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, "pipe", (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

/* ---- More than one -------------------------------------------------------- */

/* A part of the program that comes and goes does not take the library along. */
static void unloaded_and_loaded_again(const char *path)
{
    box arrived = BOX;
    libsocket_server server = {0};
    libsocket_client client = {0};
    numbered number;
    CHECK(first.server_open(&server, "unix", "stays", NULL, 0, NULL, NULL) == 0);
    CHECK(first.client_open(&client, "unix", "stays", NULL, 0, take, &arrived) == 0);
    for (uint32_t i = 0; i < 10; i++) {
        library again = load(path);
        CHECK(again.server_open == first.server_open); /* the same copy */
        exchange(&again, &first, "again");
        CHECK(dlclose(again.handle) == 0);
        CHECK(first.server_send(server, number_message(&number, i)) == 0);
        box_wait(&arrived, i + 1);
    }
    CHECK(first.client_close(client) == 0);
    CHECK(first.server_close(server) == 0);
    CHECK(dlclose(first.handle) == 0); /* nobody has it any more */
    first = load(path);
    exchange(&first, &first, "once_more");
}

/* Two parts of a program that know nothing of each other. */
typedef struct part {
    const library *l;
    char event[20];
} part;

static void *live(void *arg)
{
    const part *p = arg;
    for (uint32_t i = support_times(20); i > 0; i--) {
        libsocket_client none = {0};
        CHECK(p->l->client_open(&none, "unix", p->event, NULL, 0, NULL, NULL) ==
              LIBSOCKET_E_NO_SERVER);
        exchange(p->l, p->l, p->event);
        CHECK(strstr(p->l->last_error(), p->event) != NULL); /* its own error, not another's */
    }
    return NULL;
}

static void live_together(part *parts, int count)
{
    pthread_t threads[4];
    for (int i = 0; i < count; i++)
        check_need(pthread_create(&threads[i], NULL, live, &parts[i]) == 0, "no thread");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void two_users(void)
{
    part parts[] = {{&first, "one"}, {&first, "other"}};
    live_together(parts, 2);
}

/* As in a program and in a Python package that brings its own. */
static void second_copy(void)
{
    library copy = load("build/test/copy/libsocket.so.0");
    check_need(CHECK(copy.server_open != first.server_open), "the same copy");
    exchange(&first, &copy, "to_the_copy");
    exchange(&copy, &first, "to_the_first");
    part parts[] = {{&first, "first"}, {&copy, "copy"}};
    live_together(parts, 2);
}

static long (*second_work)(int);

static void *work(void *unused)
{
    (void)unused;
    for (uint32_t i = support_times(20); i > 0; i--)
        CHECK(second_work(20) == 20 * 65536L);
    return NULL;
}

static void another_go_library(void)
{
    pthread_t thread;
    part parts[] = {{&first, "beside_go"}};
    void *handle = dlopen("build/test/libsecond.so", RTLD_NOW | RTLD_LOCAL);
    check_need(handle != NULL, "build/test/libsecond.so");
    find(handle, "secondWork", &second_work);
    check_need(pthread_create(&thread, NULL, work, NULL) == 0, "no thread");
    live_together(parts, 1);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    static const char path[] = "build/libsocket.so.0";
    if (argc > 1)
        return write_to_nobody(path);
    support_start();
    handle_faults();
    RUN(fault);
    RUN_WITH(loading_changes_nothing, path);
    RUN(fault); /* the runtime hands it on */
    RUN_WITH(broken_pipe_is_the_hosts, argv[0]);
    RUN_WITH(unloaded_and_loaded_again, path);
    RUN(two_users);
    RUN(second_copy);
    RUN(another_go_library);
    RUN(fault);
    handle_faults(); /* as one that comes later would */
    RUN(fault);
    exchange(&first, &first, "last");
    return support_end();
}
