/*
 * wait_test.c - how a receive waits in C: wait.c itself, with a clock of the
 * test's and with looks that the test counts. Nothing here depends on time.
 */
#include "support.h"

#include <sched.h>

static int64_t clock_ns;
static int looks, slept; /* calls that do not wait, and that may */
static int signal_at;    /* the look at which a signal comes; 0: none */
static int ready_at;     /* the look at which the descriptor is readable */
static int crowded;      /* the yield that takes long; 0: none */
static int refusal;      /* why the system lets nobody poll; 0: it does */
static int ends[2];      /* of a pipe */
static volatile sig_atomic_t handled;

/* Each look takes 10 microseconds. One that would sleep says that the time is
   up. */
static int counted_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    sigset_t mask;
    if (refusal != 0) {
        errno = refusal;
        return -1;
    }
    if (timeout_ms != 0) {
        slept++;
        CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGURG) == 1);
        return poll(fds, count, 0);
    }
    clock_ns += 10000;
    if (++looks == signal_at)
        raise(SIGUSR1);
    CHECK(handled == 0);
    if (looks == ready_at)
        check_need(write(ends[1], "x", 1) == 1, "no pipe");
    return poll(fds, count, timeout_ms);
}

static int counted_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
                         const sigset_t *mask)
{
    static const struct timespec now = {0, 0};
    slept++;
    CHECK(sigismember(mask, SIGURG) == 1 && sigismember(mask, SIGUSR1) == 0);
    return ppoll(fds, count, limit == NULL ? NULL : &now, mask);
}

static int test_clock(clockid_t id, struct timespec *now)
{
    (void)id;
    now->tv_sec = clock_ns / 1000000000;
    now->tv_nsec = clock_ns % 1000000000;
    return 0;
}

static int test_yield(void)
{
    if (crowded > 0 && --crowded == 0)
        clock_ns += 3000000;
    return 0;
}

#define sched_yield test_yield
#define poll counted_poll
#define ppoll counted_ppoll
#define clock_gettime test_clock
#include "../wait.c"
#undef sched_yield
#undef poll
#undef ppoll
#undef clock_gettime

static void handle(int number)
{
    (void)number;
    handled++;
}

static int wait_for(int timeout_ms, int spin_us)
{
    looks = slept = 0;
    handled = 0;
    ls_deadline deadline = ls_deadline_in(timeout_ms);
    return ls_wait(ends[0], &deadline, spin_us);
}

static void empty(void)
{
    char byte;
    check_need(read(ends[0], &byte, 1) == 1, "nothing was readable");
    ready_at = signal_at = 0;
}

static void without_a_spin_nobody_looks(void)
{
    CHECK_STATUS(wait_for(50, 0), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 0 && slept == 1);
}

static void a_spin_ends_at_its_bound(void)
{
    CHECK_STATUS(wait_for(50, 100), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 10 && slept == 1);
}

static void a_spin_is_no_longer_than_the_timeout(void)
{
    CHECK_STATUS(wait_for(1, 5000), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 100 && slept == 1);
}

static void what_comes_ends_a_spin(void)
{
    ready_at = 3;
    CHECK_OK(wait_for(-1, 100));
    CHECK(looks == 3 && slept == 0);
    empty();
}

/* With a timeout of -1 it would hang otherwise. */
static void a_signal_that_came_meanwhile_interrupts(void)
{
    signal_at = 3;
    CHECK_STATUS(wait_for(-1, 100), LIBSOCKET_E_INTERRUPTED);
    CHECK(looks == 10 && slept == 1 && handled == 1);
    signal_at = 0;
}

/* The signal is handled, and the host is given what has come. */
static void a_signal_takes_nothing_away(void)
{
    sigset_t mask;
    signal_at = 3;
    ready_at = 4;
    CHECK_OK(wait_for(-1, 100));
    CHECK(looks == 4 && slept == 0 && handled == 1);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGINT));
    empty();
}

/* Who finds that others compute leaves them the core for a while. */
static void a_crowd_ends_spins(void)
{
    crowded = 2;
    CHECK_STATUS(wait_for(50, 100), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 3 && slept == 1 && crowded == 0);
    CHECK_STATUS(wait_for(50, 100), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 1 && slept == 1);
    clock_ns += RESTING_NS;
    CHECK_STATUS(wait_for(50, 100), LIBSOCKET_E_TIMEOUT);
    CHECK(looks == 10 && slept == 1);
}

/* A host may have taken all descriptors from itself. */
static void who_may_not_poll_is_told(void)
{
    check_need(write(ends[1], "x", 1) == 1, "no pipe");
    CHECK(ls_wait_for_ever(ends[0]));
    refusal = EINVAL;
    CHECK(!ls_wait_for_ever(ends[0]));
    CHECK_STATUS(wait_for(-1, 0), LIBSOCKET_E_IO);
    refusal = 0;
    empty();
}

int main(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    check_bound(SUPPORT_SECONDS);
    check_need(sigaction(SIGUSR1, &action, NULL) == 0 && pipe(ends) == 0, "no pipe");
    RUN(without_a_spin_nobody_looks);
    RUN(a_spin_ends_at_its_bound);
    RUN(a_spin_is_no_longer_than_the_timeout);
    RUN(what_comes_ends_a_spin);
    RUN(a_signal_that_came_meanwhile_interrupts);
    RUN(a_signal_takes_nothing_away);
    RUN(a_crowd_ends_spins);
    RUN(who_may_not_poll_is_told);
    return check_report();
}
