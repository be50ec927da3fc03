/* A client of the ask scenario asks for the colours of fruits. */
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

static void ask(libsocket_client client, const char *fruit)
{
    unsigned char buffer[512];
    libsocket_writer w;
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "fruit", fruit);
    libsocket_write_end(&w);
    const libsocket_message message = {.type = LIBSOCKET_DATA,
                                       .data = buffer,
                                       .data_size = libsocket_writer_size(&w)};
    check(libsocket_client_send(client, &message));
}

static void show(const libsocket_event *answer)
{
    char fruit[256], colour[64], text[256];
    const libsocket_value data =
        libsocket_payload(answer->data, answer->data_size);
    libsocket_get_str(data, "fruit", fruit, sizeof fruit, "?");
    if (answer->type == LIBSOCKET_ERROR)
        printf("%s: error: %s\n", fruit,
               libsocket_get_str(data, "text", text, sizeof text, "?"));
    else
        printf("%s: %s\n", fruit,
               libsocket_get_str(data, "colour", colour, sizeof colour, "?"));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: client unix|tcp FRUIT...\n");
        return 64;
    }
    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "ask", NULL, 0, NULL, NULL));
    libsocket_free(receive(client)); /* the server is ready */

    for (int i = 2; i < argc; i++)
        ask(client, argv[i]);
    for (int i = 2; i < argc; i++) {
        libsocket_event *message = receive(client);
        show(message);
        libsocket_free(message);
    }
    check(libsocket_client_close(client));
    return 0;
}
