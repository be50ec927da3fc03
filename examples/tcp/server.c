/* The server of the tcp scenario takes the first free port of a range and
 * greets one client. */
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

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: server FIRST-PORT LAST-PORT\n");
        return 64;
    }
    char settings[256], text[256], *address;
    snprintf(settings, sizeof settings,
             "port = -1\nport_range_start = %s\nport_range_end = %s", argv[1],
             argv[2]);
    libsocket_server server;
    check(libsocket_server_open(&server, "tcp", "tcp", settings, 0, NULL,
                                NULL));
    check(libsocket_server_address(&address, server));
    printf("serving tcp on %s\n", address);
    fflush(stdout);
    check(libsocket_server_wait_clients(server, 1, -1));

    unsigned char buffer[512];
    libsocket_writer w;
    snprintf(text, sizeof text, "hello from %s", address);
    libsocket_free(address);
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "text", text);
    libsocket_write_end(&w);
    const libsocket_message greeting = {.type = LIBSOCKET_DATA,
                                        .data = buffer,
                                        .data_size = libsocket_writer_size(&w)};
    check(libsocket_server_send(server, &greeting));
    check(libsocket_server_close(server)); /* delivers what was sent first */
    printf("greeted\n");
    return 0;
}
