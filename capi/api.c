/*
 * api.c - what servers and clients have in common. The public functions of
 * both kinds are thin names for these.
 */
#include <pthread.h>

#include "_cgo_export.h"
#include "shim.h"

/* Messages that cross to Go in one call of send_many. */
#define SEND_BATCH 64

int ls_open(uint64_t *id, enum ls_kind kind, const char *transport,
            const char *event, const char *settings, uint32_t flags,
            libsocket_callback callback, void *user)
{
    if (ls_forked())
        return ls_fail_forked();
    if (id == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the handle to store is NULL");
    if (transport == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "transport is NULL");
    if (event == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "event is NULL");
    /* Go stores the handle, before the first callback: see that it can. */
    *(volatile uint64_t *)id = *(volatile uint64_t *)id;
    ls_text texts[] = {ls_read_text(transport), ls_read_text(event),
                       ls_read_text(settings)};
    return goOpen(id, kind, texts, flags, (uintptr_t)callback,
                  (uintptr_t)user);
}

int ls_close(enum ls_kind kind, uint64_t id)
{
    if (ls_forked())
        return ls_fail_forked();
    return goClose(kind, id, ls_in_callback());
}

int ls_send(enum ls_kind kind, uint64_t id, const libsocket_message *message)
{
    if (ls_forked())
        return ls_fail_forked();
    if (message == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "message is NULL");
    ls_message read;
    int status = ls_read_message(&read, message);
    if (status != LIBSOCKET_OK)
        return status;
    return goSend(kind, id, &read);
}

/*
 * Reads messages until the batch is full or one is bad, and gives the number
 * that is good. *status tells about the one after them.
 */
static size_t read_messages(int *status, ls_message *batch,
                            const libsocket_message *messages, size_t count)
{
    size_t read = 0;
    *status = LIBSOCKET_OK;
    while (read < count && read < SEND_BATCH) {
        *status = ls_read_message(&batch[read], &messages[read]);
        if (*status != LIBSOCKET_OK)
            break;
        read++;
    }
    return read;
}

int ls_send_many(size_t *sent, enum ls_kind kind, uint64_t id,
                 const libsocket_message *messages, size_t count)
{
    if (sent != NULL)
        *sent = 0;
    if (ls_forked())
        return ls_fail_forked();
    if (messages == NULL && count != 0)
        return ls_fail(LIBSOCKET_E_INVALID, "messages is NULL");
    ls_message batch[SEND_BATCH];
    size_t done = 0;
    int status = LIBSOCKET_OK;
    /* Also without messages: the handle is judged in any case. */
    do {
        int bad;
        size_t accepted = 0;
        size_t size = read_messages(&bad, batch, messages + done, count - done);
        status = goSendMany(&accepted, kind, id, batch, size);
        done += accepted;
        if (status == LIBSOCKET_OK)
            status = bad;
    } while (status == LIBSOCKET_OK && done < count);
    if (sent != NULL)
        *sent = done;
    return status;
}

int ls_send_packed(size_t *sent, enum ls_kind kind, uint64_t id,
                   const void *document, size_t size)
{
    if (sent != NULL)
        *sent = 0;
    if (ls_forked())
        return ls_fail_forked();
    if (document == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "document is NULL");
    if (size > PTRDIFF_MAX)
        return ls_fail(LIBSOCKET_E_INVALID, "size is negative");
    ls_read_bytes(document, size);
    size_t done = 0;
    int status = goSendPacked(&done, kind, id, (void *)document, size);
    if (sent != NULL)
        *sent = done;
    return status;
}

/*
 * The handle that is gone, when this thread was taking its last events while
 * it was closed: the thread is told so once, instead of that it does not know
 * the handle. Ids never come back, so a late word is about the same handle.
 */
static __thread uint64_t ended;

static int tell_end(int status, uint64_t id)
{
    if (status == LIBSOCKET_E_TIMEOUT)
        return ls_fail_plain(status);
    if (status != LIBSOCKET_E_BAD_HANDLE || id == 0 || id != ended)
        return status;
    ended = 0;
    return ls_fail_plain(LIBSOCKET_E_CLOSED);
}

/*
 * poll is a point of cancellation: a thread that pthread_cancel() ends there
 * must not remain a waiter, for whom close would wait for ever.
 */
typedef struct waiter {
    enum ls_kind kind;
    uint64_t id;
    int fd;
} waiter;

static void leave(void *given)
{
    const waiter *gone = given;
    goLeave(gone->kind, gone->id, gone->fd);
}

/* Waits; who does not succeed is a waiter no longer. */
static int wait_as(waiter *self, const ls_deadline *deadline, int spin_us)
{
    int status;
    pthread_cleanup_push(leave, self);
    status = ls_wait(self->fd, deadline, spin_us);
    pthread_cleanup_pop(0);
    if (status == LIBSOCKET_OK)
        return status;
    leave(self);
    return ls_fail_plain(status);
}

int ls_wait_events(enum ls_kind kind, uint64_t id, int timeout_ms)
{
    if (ls_forked())
        return ls_fail_forked();
    if (timeout_ms < -1)
        return ls_fail(LIBSOCKET_E_INVALID, "timeout_ms is below -1");
    ls_deadline deadline = ls_deadline_in(timeout_ms);
    ls_receipt receipt = {NULL, 0, -1, 0, false};
    int status = goJoin(&receipt, kind, id);
    if (status != LIBSOCKET_OK || receipt.fd < 0)
        return status;
    waiter self = {kind, id, receipt.fd};
    status = wait_as(&self, &deadline, receipt.spin_us);
    if (status == LIBSOCKET_OK)
        leave(&self);
    return status;
}

int ls_receive(void **block, size_t *size, enum ls_kind kind,
               enum ls_form form, uint64_t id, size_t max, int timeout_ms)
{
    if (ls_forked())
        return ls_fail_forked();
    if (block == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the block or size to store is NULL");
    if (timeout_ms < -1)
        return ls_fail(LIBSOCKET_E_INVALID, "timeout_ms is below -1");
    ls_deadline deadline = ls_deadline_in(timeout_ms);
    enum ls_step step = timeout_ms == 0 ? LS_TRY : LS_JOIN;
    ls_receipt receipt = {NULL, 0, -1, 0, false};
    for (;;) {
        int status = goReceive(&receipt, kind, id, form, step, max);
        if (receipt.closing)
            ended = id;
        if (receipt.fd < 0) {
            if (status == LIBSOCKET_OK) {
                *block = receipt.block;
                *size = receipt.size;
            }
            return tell_end(status, id);
        }
        waiter self = {kind, id, receipt.fd};
        status = wait_as(&self, &deadline, receipt.spin_us);
        if (status != LIBSOCKET_OK)
            return status;
        step = LS_AGAIN;
    }
}
