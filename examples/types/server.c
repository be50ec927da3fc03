/* The server of the types scenario reports a backup: DATA for how far it is,
 * ERROR for what went wrong, CONTROL for the end. */
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

static void send_map(libsocket_server server, uint32_t type,
                     const libsocket_writer *w)
{
    const libsocket_message message = {
        .type = type, .data = w->buffer, .data_size = libsocket_writer_size(w)};
    check(libsocket_server_send(server, &message));
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: server unix|tcp CLIENTS\n");
        return 64;
    }
    libsocket_server server;
    check(libsocket_server_open(&server, argv[1], "types", NULL, 0, NULL,
                                NULL));
    printf("serving types over %s, clients expected: %s\n", argv[1], argv[2]);
    fflush(stdout);
    check(libsocket_server_wait_clients(server, strtoul(argv[2], NULL, 10),
                                        -1));

    unsigned char buffer[64];
    libsocket_writer w;
    for (int percent = 25; percent <= 100; percent += 25) {
        libsocket_writer_init(&w, buffer, sizeof buffer);
        libsocket_write_map(&w);
        libsocket_put_int(&w, "percent", percent);
        libsocket_write_end(&w);
        send_map(server, LIBSOCKET_DATA, &w);
        if (percent == 50) {
            libsocket_writer_init(&w, buffer, sizeof buffer);
            libsocket_write_map(&w);
            libsocket_put_str(&w, "file", "notes.txt");
            libsocket_put_str(&w, "text", "is locked");
            libsocket_write_end(&w);
            send_map(server, LIBSOCKET_ERROR, &w);
        }
    }
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "status", "done");
    libsocket_write_end(&w);
    send_map(server, LIBSOCKET_CONTROL, &w);
    check(libsocket_server_close(server)); /* delivers what was sent first */
    printf("backup reported\n");
    return 0;
}
