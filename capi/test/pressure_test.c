/*
 * pressure_test.c - a host that does not take its events: nothing is dropped,
 * the pressure goes to the peer, and what was accepted arrives when the host
 * comes back to it. A server that wants no events has none.
 */
#include "support.h"

enum { MOST = 200000 };

static const unsigned char filler[2000] = {0xc5, 0x07, 0xcd};

/* The message's number is its time; its data has some size. */
static libsocket_message filled(uint32_t number)
{
    libsocket_message message = data_message(filler, sizeof filler);
    message.timestamp_ms = (int64_t)number + 1;
    return message;
}

/* Has the peer send until the other side takes no more, and gives how many
   messages were accepted. */
static uint32_t fill_from(peer p)
{
    for (uint32_t sent = 0; sent < MOST; sent++) {
        libsocket_message message = filled(sent);
        int status = p.client.id != 0 ? libsocket_client_send(p.client, &message)
                                      : libsocket_server_send(p.server, &message);
        if (status != LIBSOCKET_OK) {
            CHECK_STATUS(status, LIBSOCKET_E_TIMEOUT);
            return sent;
        }
    }
    CHECK(!"the sender waits");
    return MOST;
}

static void pulled_server(void)
{
    libsocket_server server = open_server("unix", "pulled", "buffer_size = 50", LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "pulled", "send_timeout = 0.05");
    uint32_t sent = fill_from((peer){{0}, client});
    CHECK(sent > 50);
    for (uint32_t i = 0; i < sent; i++) {
        libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
        CHECK(event->timestamp_ms == (int64_t)i + 1);
        libsocket_free(event);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void pulled_client(void)
{
    libsocket_server server = open_server(
        "unix", "pulled", "slow_client = \"block\"\nsend_timeout = 0.05\nlog_messages = 50", 0);
    libsocket_client client = join_server(server, "unix", "pulled", "buffer_size = 50");
    uint32_t sent = fill_from((peer){server, {0}});
    CHECK(sent > 100);
    for (uint32_t i = 0; i < sent; i++) {
        libsocket_event *event = next_message(client);
        CHECK(event->timestamp_ms == (int64_t)i + 1);
        libsocket_free(event);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* The same of a callback that does not return. */
typedef struct taker {
    box let, messages;
} taker;

static void take_when_let(const libsocket_event *events, size_t count, void *user)
{
    taker *t = user;
    box_wait(&t->let, 1);
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind != LIBSOCKET_EVENT_MESSAGE)
            continue;
        CHECK(events[i].timestamp_ms == box_get(&t->messages) + 1);
        box_add(&t->messages, 1);
    }
}

static void server_that_calls(void)
{
    taker t = {BOX, BOX};
    libsocket_server server = {0};
    check_need(CHECK_OK(libsocket_server_open(&server, "unix", "calls", "buffer_size = 50", 0,
                                              take_when_let, &t)), "no server");
    libsocket_client client = join_server(server, "unix", "calls", "send_timeout = 0.05");
    uint32_t sent = fill_from((peer){{0}, client});
    box_add(&t.let, 1);
    box_wait(&t.messages, sent);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    CHECK(box_get(&t.messages) == sent);
}

static void client_that_calls(void)
{
    taker t = {BOX, BOX};
    libsocket_client client = {0};
    libsocket_server server = open_server(
        "unix", "calls", "slow_client = \"block\"\nsend_timeout = 0.05\nlog_messages = 50", 0);
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "calls", "buffer_size = 50", 0,
                                              take_when_let, &t)), "no client");
    uint32_t sent = fill_from((peer){server, {0}});
    box_add(&t.let, 1);
    box_wait(&t.messages, sent);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    CHECK(box_get(&t.messages) == sent);
}

/* Without callback and LIBSOCKET_PULL: many times what a server would keep. */
static void server_without_events(void)
{
    enum { SENT = 2000 };
    libsocket_server server = open_server("unix", "none", "buffer_size = 1\nbuffer_bytes = 65536", 0);
    libsocket_client client = join_server(server, "unix", "none", "");
    for (uint32_t i = 0; i < SENT; i++) {
        libsocket_message message = filled(i);
        CHECK_OK(libsocket_client_send(client, &message));
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

int main(void)
{
    support_start();
    RUN(pulled_server);
    RUN(pulled_client);
    RUN(server_that_calls);
    RUN(client_that_calls);
    RUN(server_without_events);
    return support_end();
}
