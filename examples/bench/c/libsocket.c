/* libsocket through its C API. kind= chooses the way: a sender sends one by
 * one, "many" (64 a call), or "json" that it has converted; a receiver takes
 * by "callback" or by "pull". */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "libsocket.h"

static const char event[] = "wallpaper_progress";

enum { MANY = 64 };

static void check(int status)
{
    if (status < 0)
        die("libsocket: %s", libsocket_last_error());
}

/* Nothing may be lost here; all else is as it comes. */
static const char *settings_of(const options *o)
{
    static char text[512];
    snprintf(text, sizeof text,
             "socket_dir = '%s'\nslow_client = 'block'\nsend_timeout = 60\n"
             "max_connections = %d\n[tcp]\nport = %d\n",
             o->address, o->clients < 10 ? 10 : o->clients, o->port);
    return text;
}

static libsocket_server serve(const options *o, uint32_t flags,
                              libsocket_callback callback, void *user)
{
    libsocket_server server;
    check(libsocket_server_open(&server, o->transport, event, settings_of(o), flags, callback, user));
    return server;
}

static libsocket_client join(const options *o, libsocket_callback callback, void *user)
{
    libsocket_client client;
    check(libsocket_client_open(&client, o->transport, event, settings_of(o), 0, callback, user));
    return client;
}

/* A payload of MessagePack with a number in it: what a progress message
 * carries (52 bytes, its frame has 180), or else an array of number and bin. */
typedef struct payload {
    unsigned char *data;
    size_t size;
} payload;

enum { PROGRESS_FRAME = 180, PROGRESS_NUMBER = 11, ARRAY_NUMBER = 2 };

static size_t number_at(const options *o)
{
    return o->size == PROGRESS_FRAME ? PROGRESS_NUMBER : ARRAY_NUMBER;
}

/* A number of MessagePack is as long as it needs to be. One from JSON has this
 * bit set, which makes it eight bytes. */
#define JSON_MARK (UINT64_C(1) << 62)

static uint64_t number_of(const void *data, size_t number_at)
{
    const uint64_t number = get_number((const char *)data + number_at);
    return number == LAST ? LAST : number & ~JSON_MARK;
}

static payload payload_of(const options *o)
{
    static const char progress[] =
        "\x83\xa8progress\xcf\0\0\0\0\0\0\0\0"
        "\xa6status\xaaprocessing\xa4step\xa9Rendering";
    payload p = {malloc(o->size), o->size};
    if (o->size == PROGRESS_FRAME) {
        p.size = sizeof progress - 1;
        memcpy(p.data, progress, p.size);
        return p;
    }
    memset(p.data, 'x', p.size);
    p.data[0] = 0x92;
    p.data[1] = 0xcf;
    const size_t rest = p.size - 10;
    if (rest < 256) {
        p.data[10] = 0xc4;
        p.data[11] = (unsigned char)(rest - 2);
    } else if (rest < 65536) {
        p.data[10] = 0xc5;
        p.data[11] = (unsigned char)((rest - 3) >> 8);
        p.data[12] = (unsigned char)(rest - 3);
    } else {
        p.data[10] = 0xc6;
        for (int i = 0; i < 4; i++)
            p.data[11 + i] = (unsigned char)((rest - 5) >> (24 - 8 * i));
    }
    return p;
}

/* ---- one way ------------------------------------------------------------ */

typedef struct sender {
    libsocket_server server;
    size_t number_at;
    payload payloads[MANY];
    libsocket_message messages[MANY];
    size_t waiting;
} sender;

static void send_one(void *context, uint64_t number)
{
    sender *s = context;
    put_number(s->payloads[0].data + s->number_at, number);
    check(libsocket_server_send(s->server, &s->messages[0]));
}

static void send_many(void *context, uint64_t number)
{
    sender *s = context;
    put_number(s->payloads[s->waiting++].data + s->number_at, number);
    if (s->waiting == MANY || number == LAST) {
        check(libsocket_server_send_many(NULL, s->server, s->messages, s->waiting));
        s->waiting = 0;
    }
}

/* The progress message as JSON, with the number in as many digits as it has
 * bytes as MessagePack: the receiver finds it where it always is. */
static void send_json(void *context, uint64_t number)
{
    sender *s = context;
    char json[160];
    const int length = snprintf(json, sizeof json,
        "{\"progress\":%llu,\"status\":\"processing\",\"step\":\"Rendering\"}",
        (unsigned long long)number | JSON_MARK);
    void *data;
    size_t size;
    check(libsocket_json_to_msgpack(&data, &size, json, (size_t)length));
    const libsocket_message message = {.data = data, .data_size = size};
    check(libsocket_server_send(s->server, &message));
    libsocket_free(data);
}

static send_fn *way_to_send(const options *o)
{
    if (strcmp(o->kind, "many") == 0)
        return send_many;
    return strcmp(o->kind, "json") == 0 ? send_json : send_one;
}

void role_send(const options *o)
{
    static sender s;
    s.server = serve(o, 0, NULL, NULL);
    s.number_at = number_at(o);
    for (int i = 0; i < MANY; i++) {
        s.payloads[i] = payload_of(o);
        s.messages[i].data = s.payloads[i].data;
        s.messages[i].data_size = s.payloads[i].size;
    }
    say("ready");
    check(libsocket_server_wait_clients(s.server, (size_t)o->clients, -1));
    run_sender(o, way_to_send(o), &s);
    check(libsocket_server_close(s.server));
}

/* Counts what events hold; true after the last message. */
static bool take_events(tally *t, size_t number_at, const libsocket_event *events, size_t count)
{
    bool done = false;
    for (size_t i = 0; i < count && !done; i++) {
        if (events[i].kind == LIBSOCKET_EVENT_LAGGED)
            die("messages were missed");
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
            done = take(t, number_of(events[i].data, number_at));
    }
    return done;
}

typedef struct receiver {
    libsocket_client client;
    size_t number_at;
    tally tally; /* of the callback */
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool done;
} receiver;

static void on_events(const libsocket_event *events, size_t count, void *user)
{
    receiver *r = user;
    if (!r->done && take_events(&r->tally, r->number_at, events, count)) {
        pthread_mutex_lock(&r->lock);
        r->done = true;
        pthread_cond_signal(&r->change);
        pthread_mutex_unlock(&r->lock);
    }
}

static void receive_callback(void *context, int index, tally *t)
{
    receiver *r = (receiver *)context + index;
    pthread_mutex_lock(&r->lock);
    while (!r->done)
        pthread_cond_wait(&r->change, &r->lock);
    pthread_mutex_unlock(&r->lock);
    *t = r->tally;
}

static void receive_pull(void *context, int index, tally *t)
{
    receiver *r = (receiver *)context + index;
    for (bool done = false; !done;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_client_receive(&events, &count, r->client, 0, -1));
        done = take_events(t, r->number_at, events, count);
        libsocket_free(events);
    }
}

void role_receive(const options *o)
{
    const bool pull = strcmp(o->kind, "pull") == 0;
    receiver *all = calloc((size_t)o->clients, sizeof *all);
    for (int i = 0; i < o->clients; i++) {
        all[i].number_at = number_at(o);
        pthread_mutex_init(&all[i].lock, NULL);
        pthread_cond_init(&all[i].change, NULL);
        all[i].client = join(o, pull ? NULL : on_events, &all[i]);
    }
    run_receivers(o, pull ? receive_pull : receive_callback, all);
    for (int i = 0; i < o->clients; i++)
        check(libsocket_client_close(all[i].client));
}

/* ---- many to one -------------------------------------------------------- */

typedef struct collector {
    libsocket_server server;
    int clients;
    size_t number_at;
} collector;

static void collect(void *context, tally *t)
{
    collector *c = context;
    for (bool done = false; !done;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_server_receive(&events, &count, c->server, 0, -1));
        for (size_t i = 0; i < count && !done; i++)
            if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
                done = take_any(t, number_of(events[i].data, c->number_at), &c->clients);
        libsocket_free(events);
    }
}

void role_collect(const options *o)
{
    collector c = {serve(o, LIBSOCKET_PULL, NULL, NULL), o->clients, number_at(o)};
    run_collector(collect, &c);
    check(libsocket_server_close(c.server));
}

typedef struct asker {
    libsocket_client client;
    payload payload;
    size_t number_at;
} asker;

static void give(void *context, uint64_t number)
{
    asker *a = context;
    put_number(a->payload.data + a->number_at, number);
    const libsocket_message message = {.data = a->payload.data, .data_size = a->payload.size};
    check(libsocket_client_send(a->client, &message));
}

void role_give(const options *o)
{
    asker *all = calloc((size_t)o->clients, sizeof *all);
    void **contexts = calloc((size_t)o->clients, sizeof *contexts);
    for (int i = 0; i < o->clients; i++) {
        all[i] = (asker){join(o, NULL, NULL), payload_of(o), number_at(o)};
        contexts[i] = &all[i];
    }
    run_givers(o, give, contexts);
    for (int i = 0; i < o->clients; i++)
        check(libsocket_client_close(all[i].client));
}

/* ---- there and back ----------------------------------------------------- */

static void answer(libsocket_server server, const libsocket_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind != LIBSOCKET_EVENT_MESSAGE)
            continue;
        const libsocket_message message = {.data = events[i].data, .data_size = events[i].data_size};
        check(libsocket_server_send_to(server, events[i].client, &message));
    }
}

/* The server pulls: then no thread but the waiting one has to wake up. */
void role_echo(const options *o)
{
    const libsocket_server server = serve(o, LIBSOCKET_PULL, NULL, NULL);
    say("ready");
    for (;;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_server_receive(&events, &count, server, 0, -1));
        answer(server, events, count);
        libsocket_free(events);
    }
}

static void ask(void *context, uint64_t number)
{
    asker *a = context;
    give(a, number);
    for (bool answered = false; !answered;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_client_receive(&events, &count, a->client, 0, -1));
        for (size_t i = 0; i < count; i++)
            if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
                answered = get_number((const char *)events[i].data + a->number_at) == number;
        libsocket_free(events);
    }
}

void role_ask(const options *o)
{
    asker a = {join(o, NULL, NULL), payload_of(o), number_at(o)};
    run_asker(o, ask, &a);
    check(libsocket_client_close(a.client));
}

void role_first(const options *o)
{
    const libsocket_server server = serve(o, 0, NULL, NULL);
    const libsocket_client client = join(o, NULL, NULL);
    const payload p = payload_of(o);
    const libsocket_message message = {.data = p.data, .data_size = p.size};
    check(libsocket_server_send(server, &message));
    for (bool first = false; !first;) {
        libsocket_event *events;
        size_t count;
        check(libsocket_client_receive(&events, &count, client, 0, -1));
        for (size_t i = 0; i < count; i++)
            first = first || events[i].kind == LIBSOCKET_EVENT_MESSAGE;
        libsocket_free(events);
    }
    say("first");
}
