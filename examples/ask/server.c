/* The server of the ask scenario knows the colours of fruits. Every question
 * is answered to the client that asked, and to nobody else. */
#include <stdio.h>
#include <stdlib.h>
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

static const char *colour_of(const char *fruit)
{
    static const char *const colours[][2] = {
        {"apple", "red"}, {"lemon", "yellow"}, {"plum", "blue"}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        if (strcmp(fruit, colours[i][0]) == 0)
            return colours[i][1];
    return NULL;
}

static void answer(libsocket_server server, const libsocket_event *question)
{
    char fruit[256];
    libsocket_get_str(libsocket_payload(question->data, question->data_size),
                      "fruit", fruit, sizeof fruit, "");
    const char *colour = colour_of(fruit);

    unsigned char buffer[512];
    libsocket_writer w;
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "fruit", fruit);
    if (colour != NULL)
        libsocket_put_str(&w, "colour", colour);
    else
        libsocket_put_str(&w, "text", "nobody knows");
    libsocket_write_end(&w);
    const libsocket_message message = {
        .type = colour != NULL ? LIBSOCKET_DATA : LIBSOCKET_ERROR,
        .data = buffer,
        .data_size = libsocket_writer_size(&w)};
    const int status =
        libsocket_server_send_to(server, question->client, &message);
    if (status != LIBSOCKET_E_UNKNOWN_CLIENT) /* it has gone meanwhile */
        check(status);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: server unix|tcp CLIENTS\n");
        return 64;
    }
    const size_t clients = strtoul(argv[2], NULL, 10);
    libsocket_server server;
    check(libsocket_server_open(&server, argv[1], "ask", NULL, LIBSOCKET_PULL,
                                NULL, NULL));
    printf("serving ask over %s, clients expected: %zu\n", argv[1], clients);
    fflush(stdout);
    check(libsocket_server_wait_clients(server, clients, -1));
    const libsocket_message ready = {.type = LIBSOCKET_CONTROL};
    check(libsocket_server_send(server, &ready));

    size_t questions = 0;
    for (size_t left = 0; left < clients;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_server_receive(&events, &count, server, 0, -1));
        for (size_t i = 0; i < count; i++) {
            if (events[i].kind == LIBSOCKET_EVENT_MESSAGE) {
                questions++;
                answer(server, &events[i]);
            } else if (events[i].kind == LIBSOCKET_EVENT_DISCONNECTED) {
                left++;
            }
        }
        libsocket_free(events);
    }
    check(libsocket_server_close(server));
    printf("answered: %zu\n", questions);
    return 0;
}
