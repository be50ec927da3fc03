/* api_values.c - the public functions that need no handle. */
#include "_cgo_export.h"
#include "shim.h"

int libsocket_settings(void **block, size_t *size, const char *transport,
                       const char *settings)
{
    if (ls_forked())
        return ls_fail_forked();
    if (block == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the block or size to store is NULL");
    ls_text texts[] = {ls_read_text(transport), ls_read_text(settings)};
    void *made = NULL;
    size_t bytes = 0;
    int status = goSettings(&made, &bytes, texts);
    if (status == LIBSOCKET_OK) {
        *block = made;
        *size = bytes;
    }
    return status;
}

int libsocket_json_to_msgpack(void **data, size_t *size, const char *json,
                              size_t length)
{
    if (ls_forked())
        return ls_fail_forked();
    if (data == NULL || size == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the data or size to store is NULL");
    if (json == NULL || length > PTRDIFF_MAX)
        return ls_fail(LIBSOCKET_E_INVALID, "json is NULL or too long");
    ls_read_bytes(json, length);
    void *made = NULL;
    size_t bytes = 0;
    ls_text text = {json, length};
    int status = goJSONToMsgpack(&made, &bytes, &text);
    if (status == LIBSOCKET_OK) {
        *data = made;
        *size = bytes;
    }
    return status;
}

int libsocket_msgpack_to_json(char **json, const void *data, size_t size)
{
    if (ls_forked())
        return ls_fail_forked();
    if (json == NULL)
        return ls_fail(LIBSOCKET_E_INVALID, "the json to store is NULL");
    if (data == NULL || size > PTRDIFF_MAX)
        return ls_fail(LIBSOCKET_E_INVALID, "data is NULL or too long");
    ls_read_bytes(data, size);
    char *made = NULL;
    ls_text value = {data, size};
    int status = goMsgpackToJSON(&made, &value);
    if (status == LIBSOCKET_OK)
        *json = made;
    return status;
}
