/*
 * shim.h - what the C half and the Go half of libsocket.so share.
 *
 * The public functions are C (api_*.c). They answer in a forked child, judge
 * arguments, read the caller's memory and wait; for everything else they call
 * the functions that the Go half exports. Nothing here is visible outside the
 * library (libsocket.map).
 */
#ifndef LIBSOCKET_SHIM_H
#define LIBSOCKET_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsocket.h"

/* ---- process.c: the process that the library is loaded into ------------- */

/* Points to 1; to 0 in a child after fork. */
extern const volatile unsigned char *ls_alive;

/* Ends a child made by fork that is about to use Go, which would hang. */
__attribute__((noreturn)) void ls_end_child(const char *why);

/* Sets the limit of open files back to what it was before Go raised it. */
void ls_restore_nofile(void);

/* The variables of the environment, as the host has it now; ends in NULL. */
char **ls_environ(void);

/* ---- status.c: errors --------------------------------------------------- */

/*
 * Return the status after making the text the thread's last error: a string
 * that lives for ever, a copy of one that does not, the status's own.
 */
int ls_fail(int status, const char *literal);
int ls_fail_copy(int status, const char *text, size_t length);
int ls_fail_plain(int status);

/* What every public function returns in a child after fork. */
static inline bool ls_forked(void) { return *ls_alive == 0; }
int ls_fail_forked(void);

/*
 * Stores memory that libsocket_free() releases; false when there is none left.
 * Stored here, in memory of C, it is found by a leak checker whenever another
 * thread ends the process.
 */
bool ls_allocate(void **block, size_t size);

/* ---- input.c: reading what the caller passed ---------------------------- */

/* A string or bytes of the caller; text is NULL where none were given. */
typedef struct ls_text {
    const char *text;
    size_t length;
} ls_text;

/* A libsocket_message that was read and judged. */
typedef struct ls_message {
    const void *data;
    size_t data_size;
    ls_text event_name;
    ls_text timestamp_iso;
    ls_text retain_key;
    int64_t timestamp_ms;
    uint32_t type;
} ls_message;

ls_text ls_read_text(const char *text);

/*
 * Touches every page of what the Go half is going to read, so that a bad
 * pointer faults here, in C, where the host can tell whose it is.
 */
void ls_read_bytes(const void *data, size_t size);

/* Reads one message: LIBSOCKET_OK, or a status with its text set. */
int ls_read_message(ls_message *out, const libsocket_message *message);

/* ---- wait.c: waiting in C ----------------------------------------------- */

typedef struct ls_deadline {
    bool never;
    int64_t at_ns; /* CLOCK_MONOTONIC */
} ls_deadline;

/* timeout_ms of the public functions, -1: never. */
ls_deadline ls_deadline_in(int timeout_ms);

/*
 * Waits until fd is readable: LIBSOCKET_OK, LIBSOCKET_E_TIMEOUT,
 * LIBSOCKET_E_INTERRUPTED or LIBSOCKET_E_IO. The caller sets the text. It looks
 * for spin_us before it sleeps, and hears of signals after that.
 */
int ls_wait(int fd, const ls_deadline *deadline, int spin_us);

/*
 * Waits until fd is readable, on a thread of the library's; false when the
 * system lets the process poll nothing, as one that may have no descriptors.
 */
bool ls_wait_for_ever(int fd);

/* ---- api_*.c: what both kinds of handle do ------------------------------ */

enum ls_kind { LS_SERVER = 1, LS_CLIENT = 2 };

/* How goReceive gives the events. */
enum ls_form { LS_STRUCTS, LS_PACKED };

/* What goReceive does when nothing is there. */
enum ls_step {
    LS_TRY,   /* return LIBSOCKET_E_TIMEOUT */
    LS_JOIN,  /* register a waiter and give it the fd */
    LS_AGAIN, /* give the fd to the registered waiter once more */
};

/* What goReceive and goJoin found. */
typedef struct ls_receipt {
    void *block;
    size_t size;  /* events in the block, or bytes of it when packed */
    int fd;       /* >= 0: nothing there; a waiter is registered: poll this */
    int spin_us;  /* look at it for so long before */
    bool closing; /* the handle is being closed */
} ls_receipt;

int ls_open(uint64_t *id, enum ls_kind kind, const char *transport,
            const char *event, const char *settings, uint32_t flags,
            libsocket_callback callback, void *user);
int ls_close(enum ls_kind kind, uint64_t id);
int ls_send(enum ls_kind kind, uint64_t id, const libsocket_message *message);
int ls_send_many(size_t *sent, enum ls_kind kind, uint64_t id,
                 const libsocket_message *messages, size_t count);
int ls_send_packed(size_t *sent, enum ls_kind kind, uint64_t id,
                   const void *document, size_t size);
int ls_wait_events(enum ls_kind kind, uint64_t id, int timeout_ms);
int ls_receive(void **block, size_t *size, enum ls_kind kind,
               enum ls_form form, uint64_t id, size_t max, int timeout_ms);

/* ---- callback.c --------------------------------------------------------- */

/*
 * Calls the host. Both pointers come as integers: a host may pass any value
 * as "user", and Go must not take it for a pointer.
 */
void ls_call(uintptr_t callback, const libsocket_event *events, size_t count,
             uintptr_t user);

/* At least "size" bytes for the next call, instead of those before; or NULL. */
void *ls_callback_block(size_t size);
void ls_callback_end(void);

/* Whether this thread is inside a callback of any handle. */
bool ls_in_callback(void);

#endif
