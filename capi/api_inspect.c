/* api_inspect.c - the public functions that look at servers elsewhere. */
#include "_cgo_export.h"
#include "shim.h"

int libsocket_inspect(void **block, size_t *size, const char *transport,
                      const char *event, const char *settings)
{
    if (ls_forked())
        return ls_fail_forked();
    if (block == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the block or size to store is NULL");
    if (transport == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "transport is NULL");
    if (event == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "event is NULL");
    ls_text texts[] = {ls_read_text(transport), ls_read_text(event),
                       ls_read_text(settings)};
    void *made = NULL;
    size_t bytes = 0;
    int status = goInspect(&made, &bytes, texts);
    if (status == LIBSOCKET_OK) {
        *block = made;
        *size = bytes;
    }
    return status;
}

int libsocket_list(void **block, size_t *size, const char *settings)
{
    if (ls_forked())
        return ls_fail_forked();
    if (block == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the block or size to store is NULL");
    ls_text text = ls_read_text(settings);
    void *made = NULL;
    size_t bytes = 0;
    int status = goList(&made, &bytes, &text);
    if (status == LIBSOCKET_OK) {
        *block = made;
        *size = bytes;
    }
    return status;
}
