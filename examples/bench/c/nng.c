/* NNG: PAIR. It has no broadcast without loss, so that a message for many goes
 * into a socket of each. */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static void check(int status)
{
    if (status != 0)
        die("nng: %s", nng_strerror(status));
}

/* A socket of a pair needs an address of its own. */
static const char *endpoint_of(const options *o, int index)
{
    static char text[256];
    if (strcmp(o->transport, "tcp") == 0)
        snprintf(text, sizeof text, "tcp://127.0.0.1:%d", o->port + index);
    else
        snprintf(text, sizeof text, "ipc://%s/nng%d", o->address, index);
    return text;
}

static nng_socket open_socket(const options *o)
{
    const size_t fit = ((size_t)8 << 20) / o->size;
    const int deep = fit > 1024 ? 1024 : (int)fit;
    nng_socket s;
    check(nng_pair0_open(&s));
    check(nng_socket_set_int(s, NNG_OPT_SENDBUF, deep));
    check(nng_socket_set_int(s, NNG_OPT_RECVBUF, deep));
    check(nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, 0));
    if (strcmp(o->transport, "tcp") == 0)
        check(nng_socket_set_bool(s, NNG_OPT_TCP_NODELAY, true));
    return s;
}

static atomic_int joined;

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *user)
{
    (void)pipe, (void)event, (void)user;
    atomic_fetch_add(&joined, 1);
}

static nng_socket *serve_clients(const options *o, int count)
{
    nng_socket *sockets = calloc((size_t)count + 1, sizeof *sockets);
    for (int i = 0; i < count; i++) {
        sockets[i] = open_socket(o);
        check(nng_pipe_notify(sockets[i], NNG_PIPE_EV_ADD_POST, on_pipe, NULL));
        check(nng_listen(sockets[i], endpoint_of(o, i), NULL, 0));
    }
    return sockets;
}

static nng_socket join(const options *o, int index)
{
    const nng_socket s = open_socket(o);
    check(nng_dial(s, endpoint_of(o, index), NULL, 0));
    return s;
}

typedef struct sender {
    nng_socket *sockets;
    int count;
    unsigned char *message;
    size_t size;
} sender;

static void send_one(void *context, uint64_t number)
{
    sender *s = context;
    put_number(s->message, number);
    for (int i = 0; i < s->count; i++)
        check(nng_send(s->sockets[i], s->message, s->size, 0));
}

void role_send(const options *o)
{
    /* At least one, so that an idle server listens. */
    const int count = o->clients > 0 ? o->clients : 1;
    sender s = {serve_clients(o, count), o->clients, calloc(1, o->size), o->size};
    say("ready");
    while (atomic_load(&joined) < o->clients)
        nng_msleep(1);
    run_sender(o, send_one, &s);
}

static void receive(void *context, int index, tally *t)
{
    const nng_socket socket = ((nng_socket *)context)[index];
    for (bool done = false; !done;) {
        nng_msg *message;
        check(nng_recvmsg(socket, &message, 0));
        done = take(t, get_number(nng_msg_body(message)));
        nng_msg_free(message);
    }
}

void role_receive(const options *o)
{
    nng_socket *sockets = calloc((size_t)o->clients, sizeof *sockets);
    for (int i = 0; i < o->clients; i++)
        sockets[i] = join(o, i);
    run_receivers(o, receive, sockets);
}

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
    const nng_socket *socket = serve_clients(o, 1);
    say("ready");
    for (;;) {
        nng_msg *message;
        check(nng_recvmsg(*socket, &message, 0));
        check(nng_sendmsg(*socket, message, 0));
    }
}

static void ask(void *context, uint64_t number)
{
    sender *s = context;
    send_one(s, number);
    size_t size = s->size;
    check(nng_recv(*s->sockets, s->message, &size, 0));
    if (get_number(s->message) != number)
        die("the wrong answer came");
}

void role_ask(const options *o)
{
    nng_socket socket = join(o, 0);
    sender s = {&socket, 1, calloc(1, o->size), o->size};
    run_asker(o, ask, &s);
}

void role_first(const options *o)
{
    nng_socket *server = serve_clients(o, 1);
    const nng_socket client = join(o, 0);
    sender s = {server, 1, calloc(1, o->size), o->size};
    send_one(&s, LAST);
    size_t size = s.size;
    check(nng_recv(client, s.message, &size, 0));
    say("first");
}
