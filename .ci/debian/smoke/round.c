/* A message there and back, with what libsocket-dev has installed. */
#include <libsocket.h>
#include <libsocket_payload.h>

#include <stdio.h>

int main(void)
{
    libsocket_server server;
    libsocket_client client;
    libsocket_message message = {LIBSOCKET_DATA, 0, "\x81\xa1k\x05", 4, NULL, NULL, 0, NULL, {0, 0}};
    int64_t got = 0;
    if (libsocket_server_open(&server, "unix", "smoke", NULL, 0, NULL, NULL) != LIBSOCKET_OK ||
        libsocket_client_open(&client, "unix", "smoke", NULL, 0, NULL, NULL) != LIBSOCKET_OK ||
        libsocket_server_send(server, &message) != LIBSOCKET_OK)
        return puts(libsocket_last_error()), 1;
    while (got == 0) {
        libsocket_event *event;
        size_t count;
        if (libsocket_client_receive(&event, &count, client, 1, -1) != LIBSOCKET_OK)
            return puts(libsocket_last_error()), 1;
        if (event->kind == LIBSOCKET_EVENT_MESSAGE)
            got = libsocket_get_int(libsocket_payload(event->data, event->data_size), "k", -1);
        libsocket_free(event);
    }
    libsocket_client_close(client);
    libsocket_server_close(server);
    return got == 5 ? 0 : 1;
}
