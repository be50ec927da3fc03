/* Uses a function of the library and one of the payload headers. */
#include <libsocket.h>
#include <libsocket_payload.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    void *block = NULL;
    size_t size = 0;
    const int status = libsocket_json_to_msgpack(&block, &size, "{\"a\": 5}", 8);
    const libsocket_value value = libsocket_payload(block, size);
    const int same = status == LIBSOCKET_OK &&
                     libsocket_get_int(value, "a", 0) == 5 &&
                     strcmp(libsocket_version(), LIBSOCKET_VERSION) == 0;
    libsocket_free(block);
    puts(same ? libsocket_version() : "not the library that was installed");
    return same ? 0 : 1;
}
