/*
 * soak_test.c - everything at once, in rounds: threads open, use and close
 * handles that they share, callbacks close their own handle and others,
 * processes are forked, signals come, a server is killed and comes back. After
 * each round all is closed, and what the process holds is what it held before.
 *
 * TEST_SECONDS is how long it takes: 2, or what make soak gives it.
 */
#include "every.h"

#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { THREADS = 4, SLOTS = 24, EVENTS = 6, MOST_ROUNDS = 2000 };

/* ---- Numbers and chance --------------------------------------------------- */

static long running, opened, closed, calls, forks, kills, signals;

static long get(long *number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }

static long add(long *number, long by)
{
    return __atomic_add_fetch(number, by, __ATOMIC_SEQ_CST);
}

static __thread uint64_t seed;

static uint32_t chance(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

/* ---- Handles that all threads share --------------------------------------- */

/* A server's id or a client's; the one before is closed by who puts another. */
static uint64_t servers[SLOTS], clients[SLOTS];

static libsocket_server any_server(void)
{
    libsocket_server s = {__atomic_load_n(&servers[chance(SLOTS)], __ATOMIC_SEQ_CST)};
    return s;
}

static libsocket_client any_client(void)
{
    libsocket_client c = {__atomic_load_n(&clients[chance(SLOTS)], __ATOMIC_SEQ_CST)};
    return c;
}

static void closes(int status)
{
    CHECK(status == LIBSOCKET_OK || status == LIBSOCKET_E_BAD_HANDLE);
}

static void put_server(uint32_t slot, libsocket_server server)
{
    libsocket_server before = {
        __atomic_exchange_n(&servers[slot], server.id, __ATOMIC_SEQ_CST)};
    closes(libsocket_server_close(before));
}

static void put_client(uint32_t slot, libsocket_client client)
{
    libsocket_client before = {
        __atomic_exchange_n(&clients[slot], client.id, __ATOMIC_SEQ_CST)};
    closes(libsocket_client_close(before));
}

/* User data of a callback: its handle, there before the first event. */
typedef struct user {
    libsocket_server server;
    libsocket_client client;
    bool last; /* CLOSED has come */
    long held; /* by the thread that opens, and by the callback */
} user;

static void let_go(user *u)
{
    if (add(&u->held, -1) == 0)
        free(u);
}

static void act(const user *u)
{
    static const struct timespec moment = {0, 1000000};
    numbered number;
    switch (chance(300)) {
    case 0:
        if (u->server.id != 0)
            closes(libsocket_server_close(u->server));
        else
            closes(libsocket_client_close(u->client));
        break;
    case 1:
        closes(libsocket_server_close(any_server()));
        break;
    case 2:
        closes(libsocket_client_close(any_client()));
        break;
    case 3:
        nanosleep(&moment, NULL);
        break;
    case 4:
        libsocket_client_send(any_client(), number_message(&number, 1));
        break;
    }
}

static void take(const libsocket_event *events, size_t count, void *arg)
{
    user *u = arg;
    if (seed == 0)
        seed = (uintptr_t)u | 1;
    CHECK(count > 0 && !u->last && (u->server.id != 0) != (u->client.id != 0));
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
            CHECK(events[i].data_size == 5 || events[i].data_size == 1);
        u->last = events[i].kind == LIBSOCKET_EVENT_CLOSED;
        CHECK(u->last <= (i == count - 1));
        if (!u->last && get(&running))
            act(u);
    }
    if (u->last) {
        add(&closed, 1);
        let_go(u);
    }
}

static void open_server_of(user *u, bool calls_back)
{
    static const char *const settings[] = {
        "linger = 0.02\nmax_connections = 50",
        "linger = 0.02\nslow_client = \"latest\"",
        "linger = 0.02\nslow_client = \"disconnect\"\nlog_messages = 50",
        "linger = 0.02\nslow_client = \"block\"\nsend_timeout = 0.002",
        "linger = 0.02\nhistory_size = 20\nlog_level = \"debug\"",
    };
    char event[20];
    uint32_t flags = chance(2) * (calls_back ? LIBSOCKET_HOLD : LIBSOCKET_PULL);
    snprintf(event, sizeof event, "event%u", chance(EVENTS));
    int status = libsocket_server_open(&u->server, "unix", event, settings[chance(5)], flags,
                                       calls_back ? take : NULL, u);
    CHECK(status == LIBSOCKET_OK || status == LIBSOCKET_E_IN_USE);
    if (status == LIBSOCKET_OK)
        put_server(chance(SLOTS), u->server);
    else if (calls_back)
        let_go(u); /* the callback never runs */
    if (calls_back && status == LIBSOCKET_OK)
        add(&opened, 1);
}

static void open_client_of(user *u, bool calls_back)
{
    char event[20] = "victim";
    if (chance(4) > 0)
        snprintf(event, sizeof event, "event%u", chance(EVENTS));
    int status = libsocket_client_open(&u->client, "unix", event,
                                       "wait_for_server = true\nlinger = 0.02\nsend_timeout = 0.002",
                                       0, calls_back ? take : NULL, u);
    if (!CHECK_OK(status))
        return;
    put_client(chance(SLOTS), u->client);
    if (calls_back)
        add(&opened, 1);
}

static void open_one(void)
{
    bool calls_back = chance(2) == 0;
    user *u = calloc(1, sizeof *u);
    check_need(u != NULL, "no memory");
    u->held = calls_back ? 2 : 1;
    if (chance(3) == 0)
        open_server_of(u, calls_back);
    else
        open_client_of(u, calls_back);
    let_go(u);
}

/* ---- What the threads do --------------------------------------------------- */

static bool opens_or_closes(const function *f)
{
    size_t length = strlen(f->name);
    return strcmp(f->name + length - 5, "_open") == 0 ||
           strcmp(f->name + length - 6, "_close") == 0;
}

/* Any function with any handle: the status is one that its manual names. */
static void call_any(void)
{
    arguments a = every_arguments();
    numbered number;
    const function *f = &functions[chance(sizeof functions / sizeof *functions)];
    if (opens_or_closes(f))
        return;
    a.server = any_server();
    a.client = any_client();
    a.message = *number_message(&number, chance(1000));
    a.timeout_ms = (int)chance(4);
    every_call(f, &a);
}

/* The child ends without an exit: a leak checker would look for blocks that the
   other threads, which it has not, were just storing. */
static void fork_one(void)
{
#ifndef __SANITIZE_THREAD__ /* which cannot follow a fork of many threads */
    libsocket_server server = any_server();
    libsocket_message message = data_message(NULL, 0);
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        kill(getpid(), libsocket_server_send(server, &message) == LIBSOCKET_E_FORKED ? SIGKILL : SIGABRT);
    CHECK(pid > 0);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue;
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
#endif
    add(&forks, 1);
}

static void *work(void *number)
{
    numbered text;
    seed = (uint64_t)time(NULL) * 977 + *(uint32_t *)number + 1;
    check_name = "work";
    while (get(&running)) {
        uint32_t what = chance(1000);
        if (what < 30)
            open_one();
        else if (what < 40)
            closes(libsocket_server_close(any_server()));
        else if (what < 50)
            closes(libsocket_client_close(any_client()));
        else if (what == 50)
            fork_one();
        else if (what < 400)
            libsocket_server_send(any_server(), number_message(&text, what));
        else
            call_any();
        add(&calls, 1);
    }
    return NULL;
}

/* ---- The server that is killed --------------------------------------------- */

static int be_victim(void)
{
    libsocket_server server = {0};
    numbered number;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (libsocket_server_open(&server, "unix", "victim", "max_connections = 50", 0, NULL, NULL) !=
        LIBSOCKET_OK)
        return 1;
    for (uint32_t i = 0; getppid() != 1; i++) {
        libsocket_server_send(server, number_message(&number, i));
        libsocket_server_wait_clients(server, 50, 1);
    }
    return 0;
}

static pid_t start_victim(const char *self)
{
    extern char **environ;
    char *arguments[] = {(char *)self, (char *)"victim", NULL};
    pid_t pid;
    check_need(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "no process");
    return pid;
}

static void kill_victim(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    add(&kills, 1);
}

/* ---- Signals ---------------------------------------------------------------- */

static void count_signal(int signal)
{
    (void)signal;
    add(&signals, 1);
}

static timer_t start_signals(void)
{
    struct sigevent to = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec every = {{0, 5000000}, {0, 5000000}};
    struct sigaction action; /* without SA_ONSTACK */
    timer_t timer;
    memset(&action, 0, sizeof action);
    action.sa_handler = count_signal;
    check_need(sigaction(SIGUSR1, &action, NULL) == 0 &&
                   timer_create(CLOCK_MONOTONIC, &to, &timer) == 0 &&
                   timer_settime(timer, 0, &every, NULL) == 0, "no timer");
    return timer;
}

/* ---- Rounds ------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the process holds between two rounds. */
typedef struct holding {
    int descriptors, threads;
    long heap_kb, resident_kb;
} holding;

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    check_need(file != NULL && fscanf(file, "%*d %ld", &pages) == 1, "/proc/self/statm");
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static holding held(void)
{
    holding h = {0, 0, 0, 0};
    malloc_trim(0);
    h.descriptors = support_entries("/proc/self/fd");
    h.threads = support_entries("/proc/self/task") + 1; /* no descriptor of its own is one */
    h.heap_kb = (long)(mallinfo2().uordblks / 1024);
    h.resident_kb = resident_kb();
    return h;
}

/* Closes all, and waits until each callback was given CLOSED. */
static void close_all(void)
{
    static const struct timespec moment = {0, 1000000};
    libsocket_server no_server = {0};
    libsocket_client no_client = {0};
    for (uint32_t i = 0; i < SLOTS; i++) {
        put_client(i, no_client);
        put_server(i, no_server);
    }
    while (get(&closed) < get(&opened)) /* those that closed themselves */
        nanosleep(&moment, NULL);
    CHECK(get(&closed) == get(&opened));
}

/* Waits for what ends a moment after close: the threads of callbacks. */
static void settle(const holding *first)
{
    static const struct timespec moment = {0, 5000000};
    for (int i = 0; i < 400; i++) {
        if (support_entries("/proc/self/fd") <= first->descriptors &&
            support_entries("/proc/self/task") < first->threads)
            return;
        nanosleep(&moment, NULL);
    }
}

static void one_round(const char *self, int64_t milliseconds)
{
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    int64_t end = now_ms() + milliseconds;
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        check_need(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0, "no thread");
    }
    while (now_ms() < end) {
        pid_t victim = start_victim(self);
        struct timespec life = {0, 200000000};
        while (nanosleep(&life, &life) == -1)
            continue;
        kill_victim(victim);
    }
    __atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_all();
}

/* The slots of all handles that were open at once are few. */
static void slots_are_reused(void)
{
    libsocket_server server = open_server("unix", "slot", NULL, 0);
    CHECK((uint32_t)server.id < 4 * SLOTS + 2 * THREADS);
    CHECK_OK(libsocket_server_close(server));
}

static int by_size(const void *a, const void *b)
{
    long left = *(const long *)a, right = *(const long *)b;
    return (left > right) - (left < right);
}

/* The middle one: what grows round by round moves it, what comes and goes not. */
static long middle(const holding *list, int count, long (*of)(const holding *))
{
    static long sorted[MOST_ROUNDS];
    for (int i = 0; i < count; i++)
        sorted[i] = of(&list[i]);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    return sorted[count / 2];
}

static long threads_of(const holding *h) { return h->threads; }
/* AddressSanitizer keeps what was freed, up to a bound of its own. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEPS_FREED = 1 };
#else
enum { KEEPS_FREED = 0 };
#endif

static long heap_of(const holding *h) { return h->heap_kb; }
static long resident_of(const holding *h) { return h->resident_kb; }

/*
 * The last third of the rounds holds no more than the first did. Of threads
 * the runtime keeps idle ones after a burst, which the callbacks of a later
 * round take and end: their number goes up and down.
 */
static void is_flat(const holding *list, int rounds)
{
    int third = rounds / 3;
    const holding *last = &list[rounds - third];
    CHECK(list[rounds - 1].descriptors <= list[0].descriptors);
    if (third < 3)
        return; /* the runtime is still growing to its working size */
    CHECK(middle(last, third, threads_of) <= middle(list, third, threads_of) + 3);
    if (KEEPS_FREED)
        return;
    CHECK(middle(last, third, heap_of) <= middle(list, third, heap_of) + 64);
    CHECK(middle(last, third, resident_of) <= middle(list, third, resident_of) + 2048);
}

static void soak(const char *self)
{
    static holding list[MOST_ROUNDS];
    const char *given = getenv("TEST_SECONDS");
    int64_t seconds = given == NULL ? 2 : atoll(given);
    int rounds = seconds < 20 ? 2 : (int)(seconds / 10);
    if (rounds > MOST_ROUNDS)
        rounds = MOST_ROUNDS;
    timer_t timer = start_signals();
    one_round(self, 200); /* what the library keeps for good is there now */
    list[0] = held();
    for (int i = 0; i < rounds; i++) {
        alarm((unsigned)(seconds / rounds) + SUPPORT_SECONDS);
        one_round(self, seconds * 1000 / rounds);
        settle(&list[0]);
        list[i] = held();
        if (seconds > 10)
            printf("%4d: %d descriptors, %d threads, heap %ld KiB, resident %ld KiB; "
                   "%ld calls, %ld callbacks, %ld forks, %ld kills, %ld signals\n",
                   i, list[i].descriptors, list[i].threads, list[i].heap_kb,
                   list[i].resident_kb, get(&calls), get(&closed), get(&forks), get(&kills),
                   get(&signals));
    }
    timer_delete(timer);
    slots_are_reused();
    is_flat(list, rounds);
    CHECK(get(&signals) > 0 && get(&kills) > 0 && get(&closed) > 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be_victim();
    support_start();
    unsetenv("TEST_RECORD"); /* a status that comes by chance is not a test of it */
    RUN_WITH(soak, argv[0]);
    return support_end();
}
