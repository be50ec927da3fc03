/* api_server.c - the public functions of servers. */
#include <pthread.h>
#include <stdio.h>

#include "_cgo_export.h"
#include "shim.h"

int libsocket_server_open(libsocket_server *server, const char *transport,
                          const char *event, const char *settings,
                          uint32_t flags, libsocket_callback callback,
                          void *user)
{
    return ls_open(server == NULL ? NULL : &server->id, LS_SERVER, transport,
                   event, settings, flags, callback, user);
}

int libsocket_server_close(libsocket_server server)
{
    return ls_close(LS_SERVER, server.id);
}

int libsocket_server_send(libsocket_server server,
                          const libsocket_message *message)
{
    return ls_send(LS_SERVER, server.id, message);
}

int libsocket_server_send_many(size_t *sent, libsocket_server server,
                               const libsocket_message *messages, size_t count)
{
    return ls_send_many(sent, LS_SERVER, server.id, messages, count);
}

int libsocket_server_send_to(libsocket_server server, uint64_t client,
                             const libsocket_message *message)
{
    if (ls_forked())
        return ls_fail_forked();
    if (message == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "message is NULL");
    ls_message read;
    int status = ls_read_message(&read, message);
    if (status != LIBSOCKET_OK)
        return status;
    return goSendTo(server.id, client, &read);
}

int libsocket_server_send_packed(size_t *sent, libsocket_server server,
                                 const void *document, size_t size)
{
    return ls_send_packed(sent, LS_SERVER, server.id, document, size);
}

int libsocket_server_receive(libsocket_event **events, size_t *count,
                             libsocket_server server, size_t max,
                             int timeout_ms)
{
    if (ls_forked())
        return ls_fail_forked();
    if (events == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the events to store is NULL");
    void *block = *events;
    int status = ls_receive(&block, count, LS_SERVER, LS_STRUCTS, server.id, max,
                            timeout_ms);
    *events = block;
    return status;
}

int libsocket_server_receive_packed(void **block, size_t *size,
                                    libsocket_server server, size_t max,
                                    int timeout_ms)
{
    return ls_receive(block, size, LS_SERVER, LS_PACKED, server.id, max,
                      timeout_ms);
}

int libsocket_server_wait_events(libsocket_server server, int timeout_ms)
{
    return ls_wait_events(LS_SERVER, server.id, timeout_ms);
}

int libsocket_server_fd(libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    return goFD(LS_SERVER, server.id);
}

int libsocket_server_clients(libsocket_client_info **clients, size_t *count,
                             libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    if (clients == NULL || count == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the clients or count to store is NULL");
    libsocket_client_info *block = NULL;
    size_t size = 0;
    int status = goClients(&block, &size, server.id);
    if (status == LIBSOCKET_OK) {
        *clients = block;
        *count = size;
    }
    return status;
}

/* When pthread_cancel() ends the thread in its wait. */
static void end_wait(void *audience) { goWaitClientsEnd(*(uintptr_t *)audience); }

int libsocket_server_wait_clients(libsocket_server server, size_t count,
                                  int timeout_ms)
{
    if (ls_forked())
        return ls_fail_forked();
    if (timeout_ms < -1)
        return ls_fail(LIBSOCKET_E_INVALID, "timeout_ms is below -1");
    ls_deadline deadline = ls_deadline_in(timeout_ms);
    uintptr_t audience = 0;
    int fd = -1;
    int status = goWaitClients(&audience, &fd, server.id, count);
    if (status != LIBSOCKET_OK || audience == 0)
        return status;
    pthread_cleanup_push(end_wait, &audience);
    status = ls_wait(fd, &deadline, 0);
    pthread_cleanup_pop(0);
    int outcome = goWaitClientsEnd(audience);
    if (status == LIBSOCKET_OK || outcome == LIBSOCKET_OK)
        return outcome;
    if (status != LIBSOCKET_E_TIMEOUT)
        return ls_fail_plain(status);
    char text[80];
    int length = snprintf(text, sizeof text, "fewer than %zu clients after %d ms", count, timeout_ms);
    return ls_fail_copy(status, text, (size_t)length);
}

int libsocket_server_address(char **address, libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    if (address == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the address to store is NULL");
    char *block = NULL;
    int status = goAddress(&block, server.id);
    if (status == LIBSOCKET_OK)
        *address = block;
    return status;
}

int libsocket_server_queue_length(size_t *count, libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    if (count == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the count to store is NULL");
    size_t length = 0;
    int status = goQueueLength(&length, server.id);
    if (status == LIBSOCKET_OK)
        *count = length;
    return status;
}

int libsocket_server_announce_restart(libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    return goAnnounceRestart(server.id);
}

int libsocket_server_end_sending(libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    return goEndSending(server.id);
}

int libsocket_server_queue_clear(libsocket_server server)
{
    if (ls_forked())
        return ls_fail_forked();
    return goQueueClear(server.id);
}

/* Calls one that stores a block, and stores it only when it succeeded. */
static int store_block(void **block, size_t *size, libsocket_server server,
                       int (*take)(void **, size_t *, uint64_t))
{
    if (ls_forked())
        return ls_fail_forked();
    if (block == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the block or size to store is NULL");
    void *taken = NULL;
    size_t bytes = 0;
    int status = take(&taken, &bytes, server.id);
    if (status == LIBSOCKET_OK) {
        *block = taken;
        *size = bytes;
    }
    return status;
}

int libsocket_server_queue_take(void **block, size_t *size,
                                libsocket_server server)
{
    return store_block(block, size, server, goQueueTake);
}

int libsocket_server_stats(void **block, size_t *size, libsocket_server server)
{
    return store_block(block, size, server, goStats);
}
