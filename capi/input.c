/*
 * input.c - reading what the caller passed.
 *
 * A bad pointer that Go follows ends the process with a Go trace that nobody
 * can recover from and that blames the library. Read here it is an ordinary
 * fault of the calling thread, with the caller's own stack.
 */
#include <string.h>

#include "shim.h"

/* The smallest page of any machine; touching more often does no harm. */
#define PAGE 4096

/* max_message_size is never larger than this. */
#define LARGEST_DATA 2147483647u

ls_text ls_read_text(const char *text)
{
    ls_text read = {text, text == NULL ? 0 : strlen(text)};
    return read;
}

void ls_read_bytes(const void *data, size_t size)
{
    const volatile unsigned char *bytes = data;
    if (size == 0)
        return;
    for (size_t i = 0; i < size; i += PAGE)
        (void)bytes[i];
    (void)bytes[size - 1];
}

int ls_read_message(ls_message *out, const libsocket_message *message)
{
    if (message->type > LIBSOCKET_CONTROL)
        return ls_fail(LIBSOCKET_E_INVALID, "message.type is not a LIBSOCKET_ type");
    if (message->flags != 0 || message->reserved[0] != 0 ||
        message->reserved[1] != 0)
        return ls_fail(LIBSOCKET_E_INVALID, "message.flags and message.reserved must be 0");
    if (message->data == NULL && message->data_size != 0)
        return ls_fail(LIBSOCKET_E_INVALID, "message.data is NULL and data_size is not 0");
    if (message->data != NULL && message->data_size == 0)
        return ls_fail(LIBSOCKET_E_BAD_MESSAGE,
                       "message.data_size is 0, and an empty map has a byte: libsocket_writer_size() "
                       "gives 0 when the buffer is too small, or a map was not ended");
    if (message->data_size > LARGEST_DATA)
        return ls_fail(LIBSOCKET_E_TOO_LARGE, "message.data_size is beyond 2147483647");
    ls_read_bytes(message->data, message->data_size);
    out->data = message->data;
    out->data_size = message->data_size;
    out->event_name = ls_read_text(message->event_name);
    out->timestamp_iso = ls_read_text(message->timestamp_iso);
    out->retain_key = ls_read_text(message->retain_key);
    out->timestamp_ms = message->timestamp_ms;
    out->type = message->type;
    return LIBSOCKET_OK;
}
