/*
 * wait.c - waiting for a descriptor.
 *
 * A thread that waits inside Go hears of no signal; one that waits here does,
 * and wakes faster.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "shim.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

ls_deadline ls_deadline_in(int timeout_ms)
{
    ls_deadline deadline = {timeout_ms < 0, 0};
    if (timeout_ms > 0)
        deadline.at_ns = now_ns() + timeout_ms * NS_PER_MS;
    return deadline;
}

/* What is left until the deadline, as poll takes it; rounded up. */
static int left_ms(const ls_deadline *deadline)
{
    if (deadline->never)
        return -1;
    int64_t left = deadline->at_ns - now_ns();
    return left <= 0 ? 0 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

/*
 * A thread that lets others run and is away for longer than CROWDED_NS has met
 * a program that computes. It does not try again for RESTING_NS.
 */
#define CROWDED_NS NS_PER_MS
#define RESTING_NS (100 * NS_PER_MS)

static __thread int64_t resting_until;

/* Looks until fd is readable or the time is up, and lets others run between. */
static int spin(int fd, const ls_deadline *deadline, int most_us)
{
    struct pollfd looked = {fd, POLLIN, 0};
    int64_t now = now_ns();
    int64_t until = now + most_us * NS_PER_US;
    if (!deadline->never && deadline->at_ns < until)
        until = deadline->at_ns;
    int ready;
    while ((ready = poll(&looked, 1, 0)) == 0 && now >= resting_until &&
           (now = now_ns()) < until) {
        sched_yield();
        if (now_ns() - now > CROWDED_NS)
            resting_until = now + RESTING_NS;
    }
    return ready;
}

/*
 * Go uses SIGURG among its own threads. One that was meant for a call that has
 * just left Go must not look like a signal of the host.
 */
static int just_sleep(int fd, const ls_deadline *deadline)
{
    struct pollfd waited = {fd, POLLIN, 0};
    sigset_t urgent, before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    int ready = poll(&waited, 1, left_ms(deadline));
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return ready;
}

/*
 * A signal that comes while the thread spins waits, so that it ends the sleep.
 * Only this needs ppoll, which fails under valgrind once a signal has
 * interrupted it.
 */
static int spin_and_sleep(int fd, const ls_deadline *deadline, int spin_us)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ready = spin(fd, deadline, spin_us);
    if (ready == 0) {
        struct pollfd waited = {fd, POLLIN, 0};
        int left = left_ms(deadline);
        struct timespec limit = {left / 1000, left % 1000 * NS_PER_MS};
        sigset_t asleep = before;
        sigaddset(&asleep, SIGURG);
        ready = ppoll(&waited, 1, left < 0 ? NULL : &limit, &asleep);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return ready;
}

bool ls_wait_for_ever(int fd)
{
    const ls_deadline never = ls_deadline_in(-1);
    int ready;
    while ((ready = just_sleep(fd, &never)) < 0 && errno == EINTR)
        ;
    return ready > 0;
}

int ls_wait(int fd, const ls_deadline *deadline, int spin_us)
{
    int ready = spin_us > 0 ? spin_and_sleep(fd, deadline, spin_us)
                            : just_sleep(fd, deadline);
    if (ready > 0)
        return LIBSOCKET_OK;
    if (ready == 0)
        return LIBSOCKET_E_TIMEOUT;
    return errno == EINTR ? LIBSOCKET_E_INTERRUPTED : LIBSOCKET_E_IO;
}
