/* A client of the types scenario treats each type of message in its own way.
 * A quiet one tells the server that it wants no DATA, and is sent none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>

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

/* Prints a message; true when it was the last. */
static bool show(const libsocket_event *message)
{
    const libsocket_value data =
        libsocket_payload(message->data, message->data_size);
    char file[256], text[256];
    switch (message->type) {
    case LIBSOCKET_DATA:
        printf("%3d %%\n", (int)libsocket_get_int(data, "percent", 0));
        return false;
    case LIBSOCKET_ERROR:
        printf("error: %s %s\n",
               libsocket_get_str(data, "file", file, sizeof file, "?"),
               libsocket_get_str(data, "text", text, sizeof text, "?"));
        return false;
    default:
        printf("%s\n",
               libsocket_get_str(data, "status", text, sizeof text, "?"));
        return true;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: client unix|tcp all|quiet\n");
        return 64;
    }
    const char *types = strcmp(argv[2], "quiet") == 0
                            ? "types = [\"error\", \"control\"]"
                            : "types = []";
    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "types", types, 0, NULL,
                                NULL));
    bool done = false;
    while (!done) {
        libsocket_event *message = receive(client);
        done = show(message);
        fflush(stdout);
        libsocket_free(message);
    }
    check(libsocket_client_close(client));
    return 0;
}
