/* The limit: sockets of the system and nothing else. A message is `size`
 * bytes, of which the first four are its length and the next eight its number.
 * kind=each writes every message by itself, kind=batch 64 KiB at a time. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 64 << 10, NUMBER = 4 };

typedef union endpoint {
    struct sockaddr any;
    struct sockaddr_un path;
    struct sockaddr_in port;
} endpoint;

static socklen_t endpoint_of(const options *o, endpoint *e)
{
    memset(e, 0, sizeof *e);
    if (strcmp(o->transport, "tcp") == 0) {
        e->port.sin_family = AF_INET;
        e->port.sin_port = htons((uint16_t)o->port);
        e->port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof e->port;
    }
    e->path.sun_family = AF_UNIX;
    snprintf(e->path.sun_path, sizeof e->path.sun_path, "%s/raw", o->address);
    return sizeof e->path;
}

static int new_socket(const endpoint *e)
{
    const int fd = socket(e->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket failed");
    return fd;
}

static void no_delay(int fd, const endpoint *e)
{
    const int on = 1;
    if (e->any.sa_family == AF_INET)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int listen_at(const options *o)
{
    endpoint e;
    const socklen_t size = endpoint_of(o, &e);
    if (e.any.sa_family == AF_UNIX)
        unlink(e.path.sun_path); /* of a run before */
    const int fd = new_socket(&e), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &e.any, size) != 0 || listen(fd, 1024) != 0)
        die("listen failed");
    return fd;
}

static int accept_one(const options *o, int listener)
{
    endpoint e;
    endpoint_of(o, &e);
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept failed");
    no_delay(fd, &e);
    return fd;
}

static int connect_to(const options *o)
{
    endpoint e;
    const socklen_t size = endpoint_of(o, &e);
    const int fd = new_socket(&e);
    if (connect(fd, &e.any, size) != 0)
        die("connect failed");
    no_delay(fd, &e);
    return fd;
}

static void write_all(int fd, const unsigned char *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            die("send failed");
        data += n;
        size -= (size_t)n;
    }
}

static void read_all(int fd, unsigned char *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = read(fd, data, size);
        if (n <= 0)
            die("read failed");
        data += n;
        size -= (size_t)n;
    }
}

static unsigned char *message_of(const options *o)
{
    unsigned char *message = calloc(1, o->size);
    const uint32_t length = htonl((uint32_t)o->size);
    memcpy(message, &length, sizeof length);
    return message;
}

/* ---- one way ------------------------------------------------------------ */

typedef struct sender {
    const options *options;
    int *clients;
    unsigned char *message;
    unsigned char *batch;
    size_t used, capacity;
} sender;

static void flush(sender *s)
{
    for (int i = 0; i < s->options->clients; i++)
        write_all(s->clients[i], s->batch, s->used);
    s->used = 0;
}

static void send_one(void *context, uint64_t number)
{
    sender *s = context;
    const size_t size = s->options->size;
    put_number(s->message + NUMBER, number);
    if (s->used + size > s->capacity)
        flush(s);
    memcpy(s->batch + s->used, s->message, size);
    s->used += size;
    if (number == LAST)
        flush(s);
}

void role_send(const options *o)
{
    const int listener = listen_at(o);
    say("ready");
    sender s = {.options = o, .message = message_of(o)};
    s.capacity = strcmp(o->kind, "batch") == 0 && o->size < BATCH ? BATCH : o->size;
    s.batch = malloc(s.capacity);
    s.clients = calloc((size_t)o->clients + 1, sizeof *s.clients);
    for (int i = 0; i < o->clients; i++)
        s.clients[i] = accept_one(o, listener);
    run_sender(o, send_one, &s);
}

typedef struct receivers {
    const options *options;
    int *connections;
} receivers;

static void receive(void *context, int index, tally *t)
{
    receivers *r = context;
    const size_t size = r->options->size, capacity = size < BATCH ? 4 * BATCH : 4 * size;
    unsigned char *buffer = malloc(capacity);
    size_t have = 0;
    for (bool done = false; !done;) {
        const ssize_t n = read(r->connections[index], buffer + have, capacity - have);
        if (n <= 0)
            die("read failed");
        have += (size_t)n;
        size_t at = 0;
        while (!done && have - at >= NUMBER + 8) {
            uint32_t length;
            memcpy(&length, buffer + at, sizeof length);
            length = ntohl(length);
            if (have - at < length)
                break;
            done = take(t, get_number(buffer + at + NUMBER));
            at += length;
        }
        have -= at;
        memmove(buffer, buffer + at, have);
    }
    free(buffer);
}

void role_receive(const options *o)
{
    receivers r = {.options = o};
    r.connections = calloc((size_t)o->clients, sizeof *r.connections);
    for (int i = 0; i < o->clients; i++)
        r.connections[i] = connect_to(o);
    run_receivers(o, receive, &r);
}

/* ---- there and back ----------------------------------------------------- */

/* Many to one is measured with others. */
void role_collect(const options *o)
{
    die("no such role: %s", o->role);
}

void role_give(const options *o)
{
    role_collect(o);
}

void role_echo(const options *o)
{
    const int listener = listen_at(o);
    say("ready");
    const int fd = accept_one(o, listener);
    unsigned char *message = message_of(o);
    for (;;) {
        const ssize_t n = read(fd, message, o->size);
        if (n <= 0)
            break;
        read_all(fd, message + n, o->size - (size_t)n);
        write_all(fd, message, o->size);
    }
    free(message);
}

typedef struct asker {
    int fd;
    size_t size;
    unsigned char *message;
} asker;

static void ask(void *context, uint64_t number)
{
    asker *a = context;
    put_number(a->message + NUMBER, number);
    write_all(a->fd, a->message, a->size);
    put_number(a->message + NUMBER, LAST);
    read_all(a->fd, a->message, a->size);
    if (get_number(a->message + NUMBER) != number)
        die("the wrong answer came");
}

void role_ask(const options *o)
{
    asker a = {.fd = connect_to(o), .size = o->size, .message = message_of(o)};
    run_asker(o, ask, &a);
}

void role_first(const options *o)
{
    const int listener = listen_at(o), client = connect_to(o);
    const int server = accept_one(o, listener);
    unsigned char *message = message_of(o);
    write_all(server, message, o->size);
    read_all(client, message, o->size);
    say("first");
}
