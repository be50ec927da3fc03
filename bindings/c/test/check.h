/*
 * check.h - the test harness: a line for each failed check, a last line
 * "N passed, N failed" that counts tests, and an exit status other than 0 when
 * one failed. A test is a function, or whatever lies between check_begin() and
 * check_end(). With check_bound() a test that hangs ends the program, and is
 * named.
 */
#ifndef CHECK_H
#define CHECK_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned check_passed, check_failed; /* tests */
static unsigned check_misses;               /* failed checks of this test */
static __thread const char *check_name = ""; /* the test, or a case of it */
static const char *check_test = "main";     /* the test */
static unsigned check_seconds;              /* that a test may take; 0: any */

/* Runs in a signal handler. */
static inline void check_say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        return;
}

static inline void check_hung(int signal_number)
{
    check_say("hung, and ended: ");
    check_say(check_test);
    if (check_name != check_test) {
        check_say(", ");
        check_say(check_name);
    }
    check_say("\n");
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* From now on a test that takes longer ends the program with SIGALRM. */
static inline void check_bound(unsigned seconds)
{
    check_seconds = seconds;
    signal(SIGALRM, check_hung);
    alarm(seconds);
}

static inline void check_begin(const char *name)
{
    check_name = check_test = name;
    check_misses = 0;
    if (check_seconds != 0)
        alarm(check_seconds);
}

static inline void check_end(void)
{
    if (check_misses == 0)
        check_passed++;
    else
        check_failed++;
}

static inline bool check_that(bool holds, const char *file, int line,
                              const char *text)
{
    /* A loop that fails would say the same line a million times. */
    if (!holds && check_misses++ < 5)
        printf("%s:%d: %s: failed: %s\n", file, line, check_name, text);
    return holds;
}

#define CHECK(holds) check_that((holds), __FILE__, __LINE__, #holds)

/* Runs a function as one test. */
#define RUN(test) (check_begin(#test), test(), check_end())

/* The exit status of the program. */
static inline int check_report(void)
{
    printf("%u passed, %u failed\n", check_passed, check_failed);
    return check_failed == 0 && check_passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Stops the program when it cannot go on: no memory, no vectors. */
static inline void check_need(bool holds, const char *what)
{
    if (holds)
        return;
    printf("cannot test: %s\n", what);
    exit(EXIT_FAILURE);
}

/* A block of exactly "size" bytes with a copy of "data" in it, so that a
 * sanitizer sees every byte read or written beyond it. */
static inline unsigned char *check_block(const void *data, size_t size)
{
    unsigned char *const block = (unsigned char *)malloc(size);
    check_need(block != NULL || size == 0, "out of memory");
    if (data != NULL && size > 0)
        memcpy(block, data, size);
    return block;
}

#endif
