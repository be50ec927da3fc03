/*
 * inside_test.c - what a callback may rely on while it runs: its handle is
 * stored, its events stay, and it may call every function.
 */
#include "every.h"

/* The first event finds the handle stored, however early it comes. */
typedef struct opener {
    libsocket_server server;
    libsocket_client client;
    box first, closed;
} opener;

static void look_for_the_handle(const libsocket_event *events, size_t count, void *user)
{
    opener *o = user;
    if (box_get(&o->first) == 0) {
        CHECK((o->server.id != 0) != (o->client.id != 0));
        if (o->server.id != 0)
            CHECK_OK(libsocket_server_announce_restart(o->server));
        else
            CHECK(libsocket_client_connected(o->client) >= 0);
        box_add(&o->first, 1);
    }
    if (events[count - 1].kind == LIBSOCKET_EVENT_CLOSED)
        box_add(&o->closed, 1);
}

static void handle_is_stored(void)
{
    for (uint32_t i = support_times(50); i > 0; i--) {
        opener s = {{0}, {0}, BOX, BOX}, c = s;
        check_need(CHECK_OK(libsocket_server_open(&s.server, "unix", "stored",
                                                  "log_level = \"debug\"", 0, look_for_the_handle,
                                                  &s)), "no server");
        check_need(CHECK_OK(libsocket_client_open(&c.client, "unix", "stored",
                                                  "log_level = \"debug\"", 0, look_for_the_handle,
                                                  &c)), "no client");
        box_wait(&s.first, 1);
        box_wait(&c.first, 1);
        CHECK_OK(libsocket_client_close(c.client));
        CHECK_OK(libsocket_server_close(s.server));
        CHECK(box_get(&s.closed) == 1 && box_get(&c.closed) == 1);
    }
}

/* A sum of all that the events and what they point to hold. */
static uint64_t text_sum(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static uint64_t sum_of(const libsocket_event *events, size_t count)
{
    uint64_t sum = text_sum(7, events, count * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        const libsocket_event *e = &events[i];
        const char *const texts[] = {e->event_name, e->timestamp_iso, e->address, e->text};
        for (int j = 0; j < 4; j++)
            if (texts[j] != NULL)
                sum = text_sum(sum, texts[j], strlen(texts[j]) + 1);
        sum = text_sum(sum, e->data, e->data_size);
    }
    return sum;
}

/* What the events point to stays while other handles get events of theirs. */
static libsocket_server busy;
static box stayed = BOX, others = BOX;

static void count_others(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)user;
    box_add(&others, (long)count);
}

static void keep_events(const libsocket_event *events, size_t count, void *user)
{
    (void)user;
    numbered number;
    uint64_t before = sum_of(events, count);
    long had = box_get(&others);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_OK(libsocket_server_send(busy, number_message(&number, i)));
    box_wait(&others, had + 10);
    CHECK(sum_of(events, count) == before);
    for (size_t i = 0; i < count; i++)
        box_add(&stayed, events[i].kind == LIBSOCKET_EVENT_MESSAGE);
}

static void events_stay(void)
{
    numbered number;
    libsocket_client client = {0}, other = {0};
    libsocket_server server = open_server("unix", "stay", NULL, 0);
    busy = open_server("unix", "busy", NULL, 0);
    check_need(CHECK_OK(libsocket_client_open(&other, "unix", "busy", NULL, 0, count_others,
                                              NULL)), "no client");
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "stay", NULL, 0, keep_events,
                                              NULL)), "no client");
    for (uint32_t i = 0; i < 20; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
    box_wait(&stayed, 20);
    /* The last callback sends too: its server closes after it. */
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_client_close(other));
    CHECK_OK(libsocket_server_close(server));
    CHECK_OK(libsocket_server_close(busy));
}

/* Every function that does not close, on its own handle and one of the other kind. */
static libsocket_server own_server, pulled_server;
static libsocket_client own_client, pulled_client;
static box done = BOX;

static void call_every(libsocket_server server, libsocket_client client, uint64_t peer_id)
{
    for (EACH_FUNCTION(f)) {
        arguments a = every_arguments();
        a.server = server;
        a.client = client;
        a.peer = peer_id;
        a.timeout_ms = 1;
        if (strcmp(f->name, "libsocket_server_close") == 0 ||
            strcmp(f->name, "libsocket_client_close") == 0 ||
            strcmp(f->name, "libsocket_server_end_sending") == 0)
            continue;
        every_call(f, &a);
        if (a.opened_server.id != 0)
            CHECK_OK(libsocket_server_close(a.opened_server));
        if (a.opened_client.id != 0)
            CHECK_OK(libsocket_client_close(a.opened_client));
    }
}

static void call_every_function(const libsocket_event *events, size_t count, void *user)
{
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE && box_get(&done) < 2 &&
            events[i].data_size == 5) {
            call_every(own_server, own_client, events[i].client);
            call_every(pulled_server, pulled_client, events[i].client);
            if (user == &own_server) {
                CHECK_OK(libsocket_server_end_sending(own_server));
                CHECK_OK(libsocket_server_close(own_server));
            } else
                CHECK_OK(libsocket_client_close(own_client));
            box_add(&done, 1);
            return; /* the rest comes to a handle that is closed */
        }
}

static void every_function_works(void)
{
    numbered number;
    check_need(CHECK_OK(libsocket_server_open(&own_server, "unix", "own", NULL, 0,
                                              call_every_function, &own_server)), "no server");
    pulled_server = open_server("unix", "pulled", NULL, LIBSOCKET_PULL);
    pulled_client = join_server(own_server, "unix", "own", "");
    check_need(CHECK_OK(libsocket_client_open(&own_client, "unix", "pulled", NULL, 0,
                                              call_every_function, &own_client)), "no client");
    CHECK_OK(libsocket_client_send(pulled_client, number_message(&number, 1)));
    box_wait(&done, 1);
    CHECK_OK(libsocket_server_send(pulled_server, number_message(&number, 1)));
    box_wait(&done, 2);
    check_name = "every_function_works";
    CHECK_STATUS(libsocket_server_close(own_server), LIBSOCKET_E_BAD_HANDLE);
    CHECK_STATUS(libsocket_client_close(own_client), LIBSOCKET_E_BAD_HANDLE);
    CHECK_OK(libsocket_client_close(pulled_client));
    CHECK_OK(libsocket_server_close(pulled_server));
}

int main(void)
{
    support_start();
    RUN(handle_is_stored);
    RUN(events_stay);
    RUN(every_function_works);
    return support_end();
}
