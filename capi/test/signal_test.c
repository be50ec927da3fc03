/*
 * signal_test.c - signals stay the host's: the library's threads take none,
 * and a handler that runs while a call waits ends the waiting.
 */
#include "support.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static volatile sig_atomic_t handled;
static sem_t taken; /* counts what a thread that signals may go on after */

static void handle(int signal)
{
    (void)signal;
    handled++;
}

/* A handler that takes more stack than a goroutine begins with. */
static void handle_deep(int signal)
{
    volatile char room[32768];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = (char)signal;
    handled += room[sizeof room / 2] == signal;
    sem_post(&taken);
}

/* Without SA_ONSTACK: on a thread of Go it would end the process. */
static void install(int signal, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    check_need(sigaction(signal, &action, NULL) == 0, "no handler");
}

static void host_mask_is_restored(void)
{
    sigset_t mask;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(!sigismember(&mask, SIGINT) && !sigismember(&mask, SIGTERM));
    CHECK(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGALRM));
}

/* The signals that a thread of this process blocks, as the kernel has it. */
static uint64_t blocked_by(const char *task)
{
    char path[64], line[128];
    uint64_t mask = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task);
    FILE *status = fopen(path, "r");
    check_need(status != NULL, path);
    while (fgets(line, sizeof line, status) != NULL)
        sscanf(line, "SigBlk: %" SCNx64, &mask);
    fclose(status);
    return mask;
}

static void library_threads_take_none(void)
{
    static const int asynchronous[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2,
                                       SIGALRM, SIGTERM, SIGCHLD, SIGWINCH};
    uint64_t wanted = UINT64_C(1) << (SIGRTMIN - 1);
    int threads = 0;
    for (size_t i = 0; i < sizeof asynchronous / sizeof *asynchronous; i++)
        wanted |= UINT64_C(1) << (asynchronous[i] - 1);
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    check_need(dir != NULL, "/proc/self/task");
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
            continue;
        CHECK((blocked_by(entry->d_name) & wanted) == wanted);
        threads++;
    }
    closedir(dir);
    CHECK(threads > 0);
}

/*
 * The handler finds room wherever in a call it interrupts the thread. The next
 * signal waits for the one before: a thread that only handles signals would
 * come to no calls.
 */
static int pestered;

static void *pester(void *thread)
{
    for (int i = 0; i < pestered; i++) {
        pthread_kill(*(pthread_t *)thread, SIGUSR2);
        sem_wait(&taken);
    }
    return NULL;
}

static void calls_are_interrupted(void)
{
    pthread_t self = pthread_self(), thread;
    libsocket_server server = open_server("unix", "calls", NULL, 0);
    numbered number;
    check_need(sem_init(&taken, 0, 0) == 0, "no semaphore");
    install(SIGUSR2, handle_deep);
    handled = 0;
    pestered = (int)support_times(400);
    check_need(pthread_create(&thread, NULL, pester, &self) == 0, "no thread");
    for (uint32_t i = 0; handled < pestered; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
    pthread_join(thread, NULL);
    CHECK_OK(libsocket_server_close(server));
}

/* A host may block SIGCHLD everywhere and read it from a descriptor. */
static void children_are_not_missed(void)
{
    sigset_t mask, before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    int fd = signalfd(-1, &mask, SFD_CLOEXEC);
    check_need(fd >= 0, "no signalfd");
    for (uint32_t i = support_times(50); i > 0; i--) {
        struct signalfd_siginfo info;
        struct pollfd waited = {fd, POLLIN, 0};
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (CHECK(support_poll(&waited, 10000) == 1))
            CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD);
        CHECK(waitpid(pid, NULL, 0) == pid);
    }
    close(fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static box flowing = BOX;

static void count_events(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)user;
    box_add(&flowing, (long)count);
}

/* Signals to the process while its library is busy. */
static void storm(void)
{
    const uint32_t signals = support_times(2000);
    libsocket_server server = open_server("unix", "storm", NULL, 0);
    libsocket_client client = {0};
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "storm", NULL, 0, count_events,
                                              NULL)), "no client");
    numbered number;
    handled = 0;
    for (uint32_t i = 0; i < signals; i++) {
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
        kill(getpid(), SIGUSR1); /* taken here: no other thread may */
    }
    CHECK((uint32_t)handled == signals);
    box_wait(&flowing, signals);
    library_threads_take_none(); /* the callback's thread is one of them */
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* Calls that wait for ever, each on a thread that a signal comes to. */
static libsocket_server server;
static libsocket_client client;

typedef struct waiter {
    int (*call)(void);
    box task; /* the thread's id, when it is about to call */
    int status;
    bool says; /* the thread's last error names the signal */
} waiter;

static int receive_for_ever(void)
{
    libsocket_event *events = NULL;
    size_t count = 0;
    return libsocket_client_receive(&events, &count, client, 0, -1);
}

static int receive_packed_for_ever(void)
{
    void *block = NULL;
    size_t size = 0;
    return libsocket_server_receive_packed(&block, &size, server, 0, -1);
}

static int receive_packed_of_client(void)
{
    void *block = NULL;
    size_t size = 0;
    return libsocket_client_receive_packed(&block, &size, client, 0, -1);
}

static int receive_of_server(void)
{
    libsocket_event *events = NULL;
    size_t count = 0;
    return libsocket_server_receive(&events, &count, server, 0, -1);
}

static int wait_for_events(void) { return libsocket_server_wait_events(server, -1); }
static int wait_for_events_of_client(void) { return libsocket_client_wait_events(client, -1); }
static int wait_for_ever(void) { return libsocket_server_wait_clients(server, 5, -1); }

static void *call_and_wait(void *arg)
{
    waiter *w = arg;
    box_add(&w->task, support_task());
    w->status = w->call();
    w->says = strstr(libsocket_last_error(), "signal") != NULL;
    return NULL;
}

/* One signal is enough when the thread does wait. */
static void interrupt(int (*call)(void))
{
    waiter w = {call, BOX, LIBSOCKET_OK, false};
    pthread_t thread;
    handled = 0;
    check_need(pthread_create(&thread, NULL, call_and_wait, &w) == 0, "no thread");
    box_wait(&w.task, 1);
    support_sleeps((pid_t)box_get(&w.task), SUPPORT_POLL);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    CHECK(handled == 1 && w.says);
    CHECK_STATUS(w.status, LIBSOCKET_E_INTERRUPTED);
}

static void waiting_is_interrupted(void)
{
    server = open_server("unix", "waiting", NULL, LIBSOCKET_PULL);
    client = join_server(server, "unix", "waiting", "");
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_FIRST_CLIENT));
    interrupt(receive_for_ever);
    interrupt(receive_packed_for_ever);
    interrupt(receive_packed_of_client);
    interrupt(receive_of_server);
    interrupt(wait_for_events);
    interrupt(wait_for_events_of_client);
    interrupt(wait_for_ever);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* A host that lets SIGPIPE end it is not ended by a client that went. */
static void no_sigpipe(void)
{
    check_need(signal(SIGPIPE, SIG_DFL) != SIG_ERR, "no SIGPIPE");
    server = open_server("unix", "pipe", NULL, LIBSOCKET_PULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.60s/pipe.sock", support_dir);
    numbered number;
    for (uint32_t round = 0; round < 20; round++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check_need(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "no connection");
        libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
        close(fd);
        for (uint32_t i = 0; i < 100; i++) {
            int status = libsocket_server_send_to(server, event->client, number_message(&number, i));
            CHECK(status == LIBSOCKET_OK || status == LIBSOCKET_E_UNKNOWN_CLIENT);
        }
        libsocket_free(event);
    }
    CHECK_OK(libsocket_server_close(server));
}

/* ---- Four signals, each 2000 times a second -------------------------------- */

static timer_t every_half_millisecond(int signal)
{
    struct sigevent to = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec every = {{0, 500000}, {0, 500000}};
    timer_t timer;
    check_need(timer_create(CLOCK_MONOTONIC, &to, &timer) == 0 &&
                   timer_settime(timer, 0, &every, NULL) == 0, "no timer");
    return timer;
}

static void install_with(int signal, int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = flags;
    check_need(sigaction(signal, &action, NULL) == 0, "no handler");
}

/* Takes one message, however often a handler ends the waiting. */
static libsocket_event *next_uninterrupted(libsocket_client from)
{
    for (;;) {
        libsocket_event *event = NULL;
        size_t count = 0;
        int status = libsocket_client_receive(&event, &count, from, 1, -1);
        if (status == LIBSOCKET_E_INTERRUPTED)
            continue;
        check_need(CHECK_OK(status), "no event");
        if (event->kind == LIBSOCKET_EVENT_MESSAGE)
            return event;
        libsocket_free(event);
    }
}

/* In a process of its own: SIGALRM is among them. */
static void traffic_goes_on(int flags)
{
    static const int often[] = {SIGINT, SIGTERM, SIGCHLD, SIGALRM};
    enum { KINDS = sizeof often / sizeof *often };
    const uint32_t messages = support_times(3000);
    timer_t timers[KINDS];
    static char other_stack[65536];
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    check_need(sigaltstack(&stack, NULL) == 0, "no stack");
    libsocket_client calls_back = {0};
    numbered number;
    server = open_server("unix", "often", NULL, 0);
    client = join_server(server, "unix", "often", "");
    check_need(CHECK_OK(libsocket_client_open(&calls_back, "unix", "often", NULL, 0, count_events,
                                              NULL)), "no client");
    for (int i = 0; i < KINDS; i++) {
        install_with(often[i], flags);
        timers[i] = every_half_millisecond(often[i]);
    }
    for (uint32_t i = 0; i < messages || handled < 1000; i++) {
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
        libsocket_event *event = next_uninterrupted(client);
        CHECK(event_number(event) == i);
        libsocket_free(event);
    }
    box_wait(&flowing, messages);
    for (int i = 0; i < KINDS; i++)
        timer_delete(timers[i]);
    library_threads_take_none();
    CHECK_OK(libsocket_client_close(calls_back));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void signals_come_often(const char *self, const char *stack)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it takes SIGALRM for nothing special */
        execl(self, self, stack, (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        RUN_WITH(traffic_goes_on, strcmp(argv[1], "on_stack") == 0 ? SA_ONSTACK : 0);
        return check_report();
    }
    support_start();
    RUN(host_mask_is_restored);
    install(SIGUSR1, handle);
    RUN(library_threads_take_none);
    RUN(storm);
    RUN(calls_are_interrupted);
    RUN(children_are_not_missed);
    RUN(waiting_is_interrupted);
    RUN(no_sigpipe);
    RUN_WITH(signals_come_often, argv[0], "on_stack");
    RUN_WITH(signals_come_often, argv[0], "no_stack");
    return support_end();
}
