/* A client of the broadcast scenario prints the weather until the server says
 * that it is done. */
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
        fprintf(stderr, "usage: client unix|tcp\n");
        return 64;
    }
    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "broadcast", NULL, 0, NULL,
                                NULL));
    bool done = false;
    while (!done) {
        libsocket_event *message = receive(client);
        const libsocket_value data =
            libsocket_payload(message->data, message->data_size);
        char weather[64];
        done = message->type == LIBSOCKET_CONTROL;
        if (!done)
            printf("%d %s\n", (int)libsocket_get_int(data, "number", 0),
                   libsocket_get_str(data, "weather", weather, sizeof weather,
                                     "?"));
        fflush(stdout);
        libsocket_free(message);
    }
    check(libsocket_client_close(client));
    return 0;
}
