/* A viewer of the progress scenario draws a bar for each run of the server. It
 * may be started first, and waits for the next run after each. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "bar.h"

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        exit(69);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: client unix|tcp RUNS (0: for ever)\n");
        return 64;
    }
    const long runs = atol(argv[2]);
    long seen = 0;
    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "progress",
                                "wait_for_server = true", 0, NULL, NULL));
    do {
        libsocket_event *event;
        size_t count;
        check(libsocket_client_receive(&event, &count, client, 1, -1));
        if (event->kind == LIBSOCKET_EVENT_MESSAGE && bar_draw(event))
            seen++;
        fflush(stdout);
        libsocket_free(event);
    } while (seen == 0 || seen != runs);
    check(libsocket_client_close(client));
    return 0;
}
