/*
 * callback_test.c - delivery by callback: in order, one at a time, CLOSED last
 * and once; close waits for it outside and never inside.
 */
#include "support.h"

/* What a callback writes down. Each handle has its own. */
typedef struct record {
    box messages;
    box closed;
    box connected;
    box disconnected;
    uint32_t next;       /* the number that comes next */
    pthread_t thread;    /* of the library, always the same */
    bool has_thread;
    bool inside;         /* for calls that overlap */
    void (*act)(struct record *, const libsocket_event *); /* on each message */
    libsocket_client client;
    libsocket_server server;
    int status; /* of what act did */
} record;

#define RECORD {BOX, BOX, BOX, BOX, 0, 0, false, false, NULL, {0}, {0}, 0}

static void take(const libsocket_event *events, size_t count, void *user)
{
    record *r = user;
    CHECK(count > 0 && !r->inside);
    r->inside = true;
    CHECK(box_get(&r->closed) == 0); /* nothing comes after CLOSED */
    if (!r->has_thread)
        r->thread = pthread_self();
    r->has_thread = true;
    CHECK(pthread_equal(r->thread, pthread_self()));
    for (size_t i = 0; i < count; i++) {
        const libsocket_event *e = &events[i];
        if (e->kind == LIBSOCKET_EVENT_CONNECTED)
            box_add(&r->connected, 1);
        if (e->kind == LIBSOCKET_EVENT_DISCONNECTED)
            box_add(&r->disconnected, 1);
        if (e->kind == LIBSOCKET_EVENT_MESSAGE) {
            CHECK(event_number(e) == r->next);
            r->next++;
            box_add(&r->messages, 1);
            if (r->act != NULL)
                r->act(r, e);
        }
        CHECK((e->kind == LIBSOCKET_EVENT_CLOSED) <= (i == count - 1));
    }
    r->inside = false;
    if (events[count - 1].kind == LIBSOCKET_EVENT_CLOSED)
        box_add(&r->closed, 1);
}

static void send_numbers(libsocket_server server, uint32_t from, uint32_t to)
{
    numbered number;
    for (uint32_t i = from; i < to; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
}

static void open_client(record *r, const char *event)
{
    check_need(CHECK_OK(libsocket_client_open(&r->client, "unix", event, NULL, 0, take, r)),
               "no client");
}

static void in_order(void)
{
    record r = RECORD, s = RECORD;
    check_need(CHECK_OK(libsocket_server_open(&s.server, "unix", "order", NULL, 0, take, &s)),
               "no server");
    open_client(&r, "order");
    send_numbers(s.server, 0, 10000);
    box_wait(&r.messages, 10000);
    numbered number;
    for (uint32_t i = 0; i < 500; i++)
        CHECK_OK(libsocket_client_send(r.client, number_message(&number, i)));
    box_wait(&s.messages, 500);
    CHECK(box_get(&r.connected) == 1 && box_get(&s.connected) == 1);
    CHECK_OK(libsocket_client_close(r.client));
    CHECK(box_get(&r.closed) == 1); /* close has waited for it */
    CHECK_OK(libsocket_server_close(s.server));
    CHECK(box_get(&s.closed) == 1);
}

/* The three ways of taking events exclude each other. */
static void not_pulled(void)
{
    libsocket_event *events = NULL;
    void *block = NULL;
    size_t count = 0;
    record r = RECORD;
    libsocket_server server = open_server("unix", "other", NULL, 0);
    open_client(&r, "other");
    CHECK_STATUS(libsocket_client_receive(&events, &count, r.client, 0, -1), LIBSOCKET_E_INVALID);
    CHECK_SAYS("callback");
    CHECK_STATUS(libsocket_client_receive_packed(&block, &count, r.client, 0, 0),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_fd(r.client), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_server_receive(&events, &count, server, 0, 0), LIBSOCKET_E_INVALID);
    CHECK_SAYS("LIBSOCKET_PULL");
    CHECK_STATUS(libsocket_server_fd(server), LIBSOCKET_E_INVALID);
    CHECK_OK(libsocket_client_close(r.client));
    CHECK_OK(libsocket_server_close(server));
}

static void close_own(record *r, const libsocket_event *event)
{
    (void)event;
    if (r->next == 1)
        r->status = libsocket_client_close(r->client);
}

static void closed_inside(void)
{
    record r = RECORD;
    r.act = close_own;
    r.status = 1;
    libsocket_server server = open_server("unix", "inside", NULL, 0);
    open_client(&r, "inside");
    send_numbers(server, 0, 100);
    box_wait(&r.closed, 1);
    CHECK_OK(r.status);
    CHECK_STATUS(libsocket_client_close(r.client), LIBSOCKET_E_BAD_HANDLE);
    CHECK_OK(libsocket_server_close(server));
}

/* The name is free when close has returned, inside a callback too. */
static void open_again(record *r, const libsocket_event *event)
{
    (void)event;
    CHECK_OK(libsocket_server_close(r->server));
    r->server = open_server("unix", "name", NULL, 0);
}

static void name_is_free_inside(void)
{
    record s = RECORD;
    numbered number;
    s.act = open_again;
    check_need(CHECK_OK(libsocket_server_open(&s.server, "unix", "name", NULL, 0, take, &s)),
               "no server");
    libsocket_client client = join_server(s.server, "unix", "name", "");
    CHECK_OK(libsocket_client_send(client, number_message(&number, 0)));
    box_wait(&s.closed, 1);
    CHECK_OK(libsocket_server_close(s.server));
    CHECK_OK(libsocket_client_close(client));
}

/* Two callbacks close each other's handle while both run: neither waits. */
static record left = RECORD, right = RECORD;
static box both = BOX;

static void close_other(record *r, const libsocket_event *event)
{
    (void)event;
    if (r->next != 1)
        return;
    box_add(&both, 1);
    box_wait(&both, 2);
    r->status = libsocket_client_close(r == &left ? right.client : left.client);
}

static void closed_crosswise(void)
{
    libsocket_server server = open_server("unix", "cross", NULL, 0);
    left.act = right.act = close_other;
    left.status = right.status = 1;
    open_client(&left, "cross");
    open_client(&right, "cross");
    send_numbers(server, 0, 10);
    box_wait(&left.closed, 1);
    box_wait(&right.closed, 1);
    CHECK_OK(left.status);
    CHECK_OK(right.status);
    CHECK_OK(libsocket_server_close(server));
}

/* Every kind of call works inside a callback. */
static void call_everything(record *r, const libsocket_event *event)
{
    numbered number;
    size_t count = 0;
    libsocket_client_info *infos = NULL;
    char *address = NULL;
    CHECK_OK(libsocket_server_clients(&infos, &count, r->server));
    CHECK(count == 1 && infos->client == event->client);
    CHECK_OK(libsocket_server_wait_clients(r->server, 1, -1));
    CHECK_OK(libsocket_server_address(&address, r->server));
    CHECK_OK(libsocket_server_queue_length(&count, r->server));
    libsocket_free(infos);
    libsocket_free(address);
    libsocket_server server = open_server("unix", "within", NULL, 0);
    libsocket_client client = join_server(server, "unix", "within", "");
    CHECK_OK(libsocket_server_send(server, number_message(&number, 1)));
    libsocket_free(next_message(client));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    /* The answer is the last call: after it the test goes on, and closes. */
    CHECK_OK(libsocket_server_send_to(r->server, event->client, number_message(&number, r->next)));
}

static void reentrant(void)
{
    record s = RECORD;
    numbered number;
    s.act = call_everything;
    check_need(CHECK_OK(libsocket_server_open(&s.server, "unix", "reentrant", NULL, 0, take, &s)),
               "no server");
    libsocket_client client = join_server(s.server, "unix", "reentrant", "");
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_OK(libsocket_client_send(client, number_message(&number, i)));
        libsocket_event *event = next_message(client);
        CHECK(event_number(event) == i + 1 && event->flags == LIBSOCKET_UNICAST);
        libsocket_free(event);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(s.server));
}

/* Close outside waits for the callback that runs. */
static box in_slow = BOX, may_return = BOX;

static void linger_inside(record *r, const libsocket_event *event)
{
    (void)event;
    box_add(&in_slow, 1);
    box_wait(&may_return, 1);
    r->status = LIBSOCKET_OK;
}

static void *close_later(void *user)
{
    record *r = user;
    CHECK_OK(libsocket_client_close(r->client));
    CHECK_OK(r->status); /* the callback has returned */
    CHECK(box_get(&r->closed) == 1);
    return NULL;
}

static void close_waits(void)
{
    record r = RECORD;
    pthread_t thread;
    r.act = linger_inside;
    r.status = 1;
    libsocket_server server = open_server("unix", "slow", NULL, 0);
    open_client(&r, "slow");
    send_numbers(server, 0, 1);
    box_wait(&in_slow, 1);
    check_need(pthread_create(&thread, NULL, close_later, &r) == 0, "no thread");
    box_add(&may_return, 1);
    pthread_join(thread, NULL);
    CHECK_OK(libsocket_server_close(server));
}

/* A connection that does not come back is not yet the end of the handle. */
static void without_reconnect(void)
{
    record r = RECORD;
    libsocket_server server = open_server("unix", "once", NULL, 0);
    check_need(CHECK_OK(libsocket_client_open(&r.client, "unix", "once", "reconnect = false", 0,
                                              take, &r)), "no client");
    send_numbers(server, 0, 3);
    CHECK_OK(libsocket_server_close(server));
    box_wait(&r.disconnected, 1);
    CHECK(box_get(&r.messages) == 3 && box_get(&r.closed) == 0);
    CHECK(libsocket_client_connected(r.client) == 0);
    CHECK_OK(libsocket_client_close(r.client));
    CHECK(box_get(&r.closed) == 1);
}

/* With LIBSOCKET_HOLD a message of the CONNECTED callback comes first. */
static void greet(const libsocket_event *events, size_t count, void *user)
{
    numbered number;
    libsocket_server *server = user;
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_CONNECTED)
            CHECK_OK(libsocket_server_send_to(*server, events[i].client,
                                              number_message(&number, 1000)));
}

static void held(void)
{
    libsocket_server server = {0};
    check_need(CHECK_OK(libsocket_server_open(&server, "unix", "held", NULL, LIBSOCKET_HOLD,
                                              greet, &server)), "no server");
    send_numbers(server, 0, 3); /* queued */
    libsocket_client client = join_server(server, "unix", "held", "");
    static const uint32_t wanted[] = {1000, 0, 1, 2};
    for (int i = 0; i < 4; i++) {
        libsocket_event *event = next_message(client);
        CHECK(event_number(event) == wanted[i]);
        libsocket_free(event);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* Handles come and go while messages flow; user data goes after CLOSED. */
static void come_and_go(void)
{
    numbered number;
    for (int round = 0; round < 40; round++) {
        record *r = malloc(sizeof *r);
        check_need(r != NULL, "out of memory");
        *r = (record)RECORD;
        r->act = round % 2 == 0 ? close_own : NULL;
        libsocket_server server = open_server("unix", "flow", NULL, 0);
        open_client(r, "flow");
        for (uint32_t i = 0; i < 50; i++)
            CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
        box_wait(&r->messages, 1);
        if (round % 2 == 1)
            CHECK_OK(libsocket_client_close(r->client));
        CHECK_OK(libsocket_server_close(server));
        box_wait(&r->closed, 1);
        free(r);
    }
}

int main(void)
{
    support_start();
    RUN(in_order);
    RUN(not_pulled);
    RUN(closed_inside);
    RUN(name_is_free_inside);
    RUN(closed_crosswise);
    RUN(reentrant);
    RUN(close_waits);
    RUN(without_reconnect);
    RUN(held);
    RUN(come_and_go);
    return support_end();
}
