/* api_client.c - the public functions of clients. */
#include "_cgo_export.h"
#include "shim.h"

int libsocket_client_open(libsocket_client *client, const char *transport,
                          const char *event, const char *settings,
                          uint32_t flags, libsocket_callback callback,
                          void *user)
{
    return ls_open(client == NULL ? NULL : &client->id, LS_CLIENT, transport,
                   event, settings, flags, callback, user);
}

int libsocket_client_close(libsocket_client client)
{
    return ls_close(LS_CLIENT, client.id);
}

int libsocket_client_send(libsocket_client client,
                          const libsocket_message *message)
{
    return ls_send(LS_CLIENT, client.id, message);
}

int libsocket_client_send_many(size_t *sent, libsocket_client client,
                               const libsocket_message *messages, size_t count)
{
    return ls_send_many(sent, LS_CLIENT, client.id, messages, count);
}

int libsocket_client_send_packed(size_t *sent, libsocket_client client,
                                 const void *document, size_t size)
{
    return ls_send_packed(sent, LS_CLIENT, client.id, document, size);
}

int libsocket_client_receive(libsocket_event **events, size_t *count,
                             libsocket_client client, size_t max,
                             int timeout_ms)
{
    if (ls_forked())
        return ls_fail_forked();
    if (events == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the events to store is NULL");
    void *block = *events;
    int status = ls_receive(&block, count, LS_CLIENT, LS_STRUCTS, client.id, max,
                            timeout_ms);
    *events = block;
    return status;
}

int libsocket_client_receive_packed(void **block, size_t *size,
                                    libsocket_client client, size_t max,
                                    int timeout_ms)
{
    return ls_receive(block, size, LS_CLIENT, LS_PACKED, client.id, max,
                      timeout_ms);
}

int libsocket_client_wait_events(libsocket_client client, int timeout_ms)
{
    return ls_wait_events(LS_CLIENT, client.id, timeout_ms);
}

int libsocket_client_fd(libsocket_client client)
{
    if (ls_forked())
        return ls_fail_forked();
    return goFD(LS_CLIENT, client.id);
}

int libsocket_client_connected(libsocket_client client)
{
    if (ls_forked())
        return ls_fail_forked();
    return goConnected(client.id);
}

int libsocket_client_buffered(size_t *count, libsocket_client client)
{
    if (ls_forked())
        return ls_fail_forked();
    if (count == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the count to store is NULL");
    size_t buffered = 0;
    int status = goBuffered(&buffered, client.id);
    if (status == LIBSOCKET_OK)
        *count = buffered;
    return status;
}

int libsocket_client_buffer_clear(libsocket_client client)
{
    if (ls_forked())
        return ls_fail_forked();
    return goBufferClear(client.id);
}
