/* libzmq: XPUB and SUB without loss (XPUB_NODROP) one way, PAIR there and
 * back. Its queues get the bounds that libsocket has by default. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench.h"

/* The same memory as libsocket's log: 16 384 messages, 8 MiB. */
static int high_water_mark(const options *o)
{
    const size_t fit = ((size_t)8 << 20) / o->size;
    return fit > 16384 ? 16384 : (int)fit;
}

static const char *endpoint_of(const options *o)
{
    static char text[256];
    if (strcmp(o->transport, "tcp") == 0)
        snprintf(text, sizeof text, "tcp://127.0.0.1:%d", o->port);
    else
        snprintf(text, sizeof text, "ipc://%s/zmq", o->address);
    return text;
}

static void check(int status)
{
    if (status < 0)
        die("libzmq: %s", zmq_strerror(zmq_errno()));
}

static void *open_context(int sockets)
{
    void *context = zmq_ctx_new();
    check(zmq_ctx_set(context, ZMQ_MAX_SOCKETS, sockets + 8));
    return context;
}

static void *open_socket(void *context, int type, const options *o)
{
    void *socket = zmq_socket(context, type);
    if (socket == NULL)
        check(-1);
    const int mark = high_water_mark(o), never = 0;
    check(zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark));
    check(zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark));
    check(zmq_setsockopt(socket, ZMQ_LINGER, &never, sizeof never));
    return socket;
}

static void *serve_clients(void *context, const options *o)
{
    void *server = open_socket(context, ZMQ_XPUB, o);
    const int on = 1, backlog = 1024;
    check(zmq_setsockopt(server, ZMQ_XPUB_NODROP, &on, sizeof on));
    check(zmq_setsockopt(server, ZMQ_XPUB_VERBOSE, &on, sizeof on));
    check(zmq_setsockopt(server, ZMQ_BACKLOG, &backlog, sizeof backlog));
    check(zmq_bind(server, endpoint_of(o)));
    return server;
}

/* Every client subscribes once, and XPUB tells. */
static void await_clients(void *server, int count)
{
    char subscription[8];
    while (count-- > 0)
        check(zmq_recv(server, subscription, sizeof subscription, 0));
}

static void *join(void *context, const options *o)
{
    void *client = open_socket(context, ZMQ_SUB, o);
    check(zmq_setsockopt(client, ZMQ_SUBSCRIBE, "", 0));
    check(zmq_connect(client, endpoint_of(o)));
    return client;
}

typedef struct sender {
    void *socket;
    unsigned char *message;
    size_t size;
} sender;

static void send_one(void *context, uint64_t number)
{
    sender *s = context;
    put_number(s->message, number);
    check(zmq_send(s->socket, s->message, s->size, 0));
}

void role_send(const options *o)
{
    void *server = serve_clients(open_context(1), o);
    say("ready");
    await_clients(server, o->clients);
    sender s = {server, calloc(1, o->size), o->size};
    run_sender(o, send_one, &s);
}

static void receive(void *context, int index, tally *t)
{
    void *socket = ((void **)context)[index];
    zmq_msg_t message;
    zmq_msg_init(&message);
    do
        check(zmq_msg_recv(&message, socket, 0));
    while (!take(t, get_number(zmq_msg_data(&message))));
    zmq_msg_close(&message);
}

void role_receive(const options *o)
{
    void *context = open_context(o->clients);
    void **clients = calloc((size_t)o->clients, sizeof *clients);
    for (int i = 0; i < o->clients; i++)
        clients[i] = join(context, o);
    run_receivers(o, receive, clients);
}

/* Many to one: PUSH and PULL. */
typedef struct collector {
    void *socket;
    int clients;
} collector;

static void collect(void *context, tally *t)
{
    collector *c = context;
    zmq_msg_t message;
    zmq_msg_init(&message);
    do
        check(zmq_msg_recv(&message, c->socket, 0));
    while (!take_any(t, get_number(zmq_msg_data(&message)), &c->clients));
    zmq_msg_close(&message);
}

void role_collect(const options *o)
{
    collector c = {open_socket(open_context(1), ZMQ_PULL, o), o->clients};
    check(zmq_bind(c.socket, endpoint_of(o)));
    run_collector(collect, &c);
}

void role_give(const options *o)
{
    void *context = open_context(o->clients);
    sender *all = calloc((size_t)o->clients, sizeof *all);
    void **contexts = calloc((size_t)o->clients, sizeof *contexts);
    for (int i = 0; i < o->clients; i++) {
        all[i] = (sender){open_socket(context, ZMQ_PUSH, o), calloc(1, o->size), o->size};
        check(zmq_connect(all[i].socket, endpoint_of(o)));
        contexts[i] = &all[i];
    }
    run_givers(o, send_one, contexts);
}

void role_echo(const options *o)
{
    void *socket = open_socket(open_context(1), ZMQ_PAIR, o);
    check(zmq_bind(socket, endpoint_of(o)));
    say("ready");
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (;;) {
        check(zmq_msg_recv(&message, socket, 0));
        check(zmq_msg_send(&message, socket, 0));
    }
}

static void ask(void *context, uint64_t number)
{
    sender *s = context;
    send_one(s, number);
    check(zmq_recv(s->socket, s->message, s->size, 0));
    if (get_number(s->message) != number)
        die("the wrong answer came");
}

void role_ask(const options *o)
{
    void *socket = open_socket(open_context(1), ZMQ_PAIR, o);
    check(zmq_connect(socket, endpoint_of(o)));
    sender s = {socket, calloc(1, o->size), o->size};
    run_asker(o, ask, &s);
}

void role_first(const options *o)
{
    void *context = open_context(2);
    void *server = serve_clients(context, o), *client = join(context, o);
    await_clients(server, 1);
    sender s = {server, calloc(1, o->size), o->size};
    send_one(&s, LAST);
    check(zmq_recv(client, s.message, s.size, 0));
    say("first");
}
