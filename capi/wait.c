/*
 * wait.c - waiting for a descriptor.
 *
 * A thread that waits inside Go hears of no signal; one that waits here does,
 * and wakes faster.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "shim.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

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
 * Go uses SIGURG among its own threads. One that was meant for a call that has
 * just left Go must not look like a signal of the host.
 */
static int poll_without_urgent(struct pollfd *waited, int timeout_ms)
{
    sigset_t urgent, before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    int ready = poll(waited, 1, timeout_ms);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return ready;
}

int ls_wait(int fd, const ls_deadline *deadline)
{
    struct pollfd waited = {fd, POLLIN, 0};
    int ready = poll_without_urgent(&waited, left_ms(deadline));
    if (ready > 0)
        return LIBSOCKET_OK;
    if (ready == 0)
        return LIBSOCKET_E_TIMEOUT;
    return errno == EINTR ? LIBSOCKET_E_INTERRUPTED : LIBSOCKET_E_IO;
}
