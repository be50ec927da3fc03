/* A client of the tcp scenario is told the port and prints the greeting. */
#include <stdio.h>
#include <stdlib.h>

#include "libsocket.h"
#include "libsocket_payload.h"

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        exit(69);
    }
}

/* Waits for the next message, which is to be freed. */
static libsocket_event *receive(libsocket_client client)
{
    libsocket_event *event;
    size_t count;
    for (;;) {
        check(libsocket_client_receive(&event, &count, client, 1, -1));
        if (event->kind == LIBSOCKET_EVENT_MESSAGE)
            return event;
        libsocket_free(event);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: client PORT\n");
        return 64;
    }
    char settings[64], text[256];
    snprintf(settings, sizeof settings, "port = %s", argv[1]);
    libsocket_client client;
    check(libsocket_client_open(&client, "tcp", "tcp", settings, 0, NULL,
                                NULL));
    libsocket_event *greeting = receive(client);
    const libsocket_value data =
        libsocket_payload(greeting->data, greeting->data_size);
    printf("%s\n", libsocket_get_str(data, "text", text, sizeof text, "?"));
    libsocket_free(greeting);
    check(libsocket_client_close(client));
    return 0;
}
