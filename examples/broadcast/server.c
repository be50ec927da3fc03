/* The server of the broadcast scenario sends the weather to all its clients,
 * and the last three messages to one that comes late. */
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

static void send_weather(libsocket_server server, int number,
                         const char *weather)
{
    unsigned char buffer[64];
    libsocket_writer w;
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_int(&w, "number", number);
    libsocket_put_str(&w, "weather", weather);
    libsocket_write_end(&w);
    const libsocket_message message = {.type = LIBSOCKET_DATA,
                                       .data = buffer,
                                       .data_size = libsocket_writer_size(&w)};
    check(libsocket_server_send(server, &message));
}

int main(int argc, char **argv)
{
    static const char *const weather[] = {"rain", "wind", "snow", "fog", "sun"};
    if (argc != 3) {
        fprintf(stderr, "usage: server unix|tcp CLIENTS\n");
        return 64;
    }
    const size_t clients = strtoul(argv[2], NULL, 10);
    libsocket_server server;
    check(libsocket_server_open(&server, argv[1], "broadcast",
                                "history_size = 3", 0, NULL, NULL));
    printf("serving broadcast over %s, clients expected: %zu\n", argv[1],
           clients);
    fflush(stdout);
    check(libsocket_server_wait_clients(server, clients, -1));

    for (int i = 0; i < 5; i++)
        send_weather(server, i + 1, weather[i]);
    printf("sent: 5, one more client expected\n");
    fflush(stdout);
    check(libsocket_server_wait_clients(server, clients + 1, -1));

    send_weather(server, 6, "rainbow");
    const libsocket_message end = {.type = LIBSOCKET_CONTROL};
    check(libsocket_server_send(server, &end));
    check(libsocket_server_close(server)); /* delivers what was sent first */
    printf("sent: 6\n");
    return 0;
}
