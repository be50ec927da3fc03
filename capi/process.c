/*
 * process.c - what loading the library does to the process, and undoes.
 *
 * The Go runtime starts in a constructor of its own. Two constructors enclose
 * it: the early one runs before, thanks to its priority, the late one after.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "shim.h"

static unsigned char alive_fallback = 1;
const volatile unsigned char *ls_alive = &alive_fallback;

static sigset_t mask_before;
static struct rlimit nofile_before;

static void child_after_fork(void) { alive_fallback = 0; }

/*
 * A page that the kernel zeroes in every child with memory of its own is the
 * cheapest way to notice fork, and the only one that also notices _Fork and
 * clone. A kernel without it leaves pthread_atfork.
 */
static void watch_fork(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) {
        if (madvise(page, size, MADV_WIPEONFORK) == 0) {
            *page = 1;
            ls_alive = page;
            return;
        }
        munmap(page, size);
    }
    pthread_atfork(NULL, NULL, child_after_fork);
}

/*
 * The threads of the Go runtime inherit the mask of the thread that loads the
 * library. With all asynchronous signals blocked they never run a handler of
 * the host: one that was installed without SA_ONSTACK would end the process.
 */
static void block_signals(void)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                                      SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        sigdelset(&blocked, synchronous[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &mask_before);
}

__attribute__((constructor(101))) static void before_go(void)
{
    watch_fork();
    getrlimit(RLIMIT_NOFILE, &nofile_before);
    block_signals();
}

__attribute__((constructor)) static void after_go(void)
{
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

void ls_end_child(const char *why)
{
    ssize_t ignored = write(STDERR_FILENO, why, strlen(why));
    (void)ignored;
    _exit(EX_SOFTWARE);
}

void ls_restore_nofile(void) { setrlimit(RLIMIT_NOFILE, &nofile_before); }

char **ls_environ(void)
{
    static char *none[] = {NULL};
    return environ == NULL ? none : environ; /* NULL after clearenv() */
}
