/*
 * exchange_test.c - messages from server to clients and back, on both
 * transports: what is sent arrives, in order, with all its fields.
 */
#include "support.h"

static const char *transport;

static const unsigned char empty_map[] = {0x80};

static void fields_arrive(libsocket_server server, libsocket_client client)
{
    static const unsigned char data[] = {0x81, 0xa1, 'k', 0x92, 1, 0xc0};
    libsocket_message message = data_message(data, sizeof data);
    message.type = LIBSOCKET_CONTROL;
    message.event_name = "another name";
    message.timestamp_ms = 1763417982123;
    message.timestamp_iso = "2025-11-17T22:19:42.123456+00:00";
    CHECK_OK(libsocket_server_send(server, &message));
    libsocket_event *event = next_message(client);
    CHECK(event->kind == LIBSOCKET_EVENT_MESSAGE && event->type == LIBSOCKET_CONTROL);
    CHECK(event->timestamp_ms == message.timestamp_ms);
    CHECK(strcmp(event->timestamp_iso, message.timestamp_iso) == 0);
    CHECK(strcmp(event->event_name, message.event_name) == 0);
    CHECK(event->data_size == sizeof data && memcmp(event->data, data, sizeof data) == 0);
    CHECK(event->flags == 0 && event->client == 0 && event->seq > 0);
    CHECK(event->reason == 0 && event->count == 0 && event->level == 0);
    CHECK(event->address == NULL && event->text == NULL);
    libsocket_free(event);
}

static void library_stamps(libsocket_server server, libsocket_client client)
{
    libsocket_message message = data_message(NULL, 0);
    int64_t before = (int64_t)time(NULL) * 1000;
    CHECK_OK(libsocket_server_send(server, &message));
    libsocket_event *event = next_message(client);
    CHECK(event->timestamp_ms >= before && event->timestamp_ms < before + 60000);
    CHECK(strlen(event->timestamp_iso) >= 25 && event->timestamp_iso[10] == 'T');
    CHECK(strcmp(event->event_name, "exchange") == 0);
    CHECK(event->data_size == 1 && memcmp(event->data, empty_map, 1) == 0);
    libsocket_free(event);

    message.timestamp_ms = 1000;
    CHECK_OK(libsocket_server_send(server, &message));
    event = next_message(client);
    CHECK(strcmp(event->timestamp_iso, "1970-01-01T00:00:01+00:00") == 0);
    libsocket_free(event);
}

/* More than one block of receive, more than one batch of send_many. */
static void many_in_order(libsocket_server server, libsocket_client client)
{
    enum { MANY = 1000 };
    static numbered list[MANY];
    static libsocket_message messages[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        messages[i] = *number_message(&list[i], i);
    size_t sent = 0;
    CHECK_OK(libsocket_server_send_many(&sent, server, messages, MANY));
    CHECK(sent == MANY);
    uint64_t seq = 0;
    for (uint32_t got = 0; got < MANY;) {
        libsocket_event *events = NULL;
        size_t count = 0;
        if (!CHECK_OK(libsocket_client_receive(&events, &count, client, 300, -1)))
            return;
        CHECK(count >= 1 && count <= 300);
        for (size_t i = 0; i < count; i++, got++) {
            CHECK(event_number(&events[i]) == got);
            CHECK(seq == 0 || events[i].seq == seq + 1);
            seq = events[i].seq;
        }
        libsocket_free(events);
    }
}

static void stops_at_the_first_bad(libsocket_server server, libsocket_client client)
{
    static const unsigned char cut[] = {0x81, 0xa1};
    libsocket_message messages[100];
    numbered number;
    for (int i = 0; i < 100; i++)
        messages[i] = *number_message(&number, 5);
    size_t sent = 7;
    messages[70] = data_message(cut, sizeof cut);
    CHECK_STATUS(libsocket_server_send_many(&sent, server, messages, 100),
                 LIBSOCKET_E_BAD_MESSAGE);
    CHECK(sent == 70);
    messages[3].type = 9;
    CHECK_STATUS(libsocket_server_send_many(&sent, server, messages, 100), LIBSOCKET_E_INVALID);
    CHECK(sent == 3);
    CHECK_STATUS(libsocket_server_send_many(&sent, server, NULL, 1), LIBSOCKET_E_INVALID);
    CHECK(sent == 0);
    CHECK_OK(libsocket_server_send_many(&sent, server, NULL, 0));
    CHECK(sent == 0);
    for (int i = 0; i < 73; i++)
        libsocket_free(next_message(client));
}

static void refused_messages(libsocket_server server, libsocket_client client)
{
    static unsigned char large[3000] = {0xc5, 0x0b, 0xb5};
    static const unsigned char two[] = {1, 2};
    libsocket_message message = data_message(large, sizeof large);
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_TOO_LARGE);
    CHECK_SAYS("2000");
    CHECK_STATUS(libsocket_client_send(client, &message), LIBSOCKET_E_TOO_LARGE);
    message.data_size = (size_t)UINT32_MAX + 1; /* told before it is read */
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_TOO_LARGE);
    message = data_message(two, sizeof two);
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_BAD_MESSAGE);
    message = data_message(two, 0);
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_SAYS("libsocket_writer_size");
    message = data_message(NULL, 1);
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_INVALID);
    message = data_message(NULL, 0);
    message.flags = 1;
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_INVALID);
    message.flags = 0;
    message.reserved[1] = 1;
    CHECK_STATUS(libsocket_client_send(client, &message), LIBSOCKET_E_INVALID);
    message.reserved[1] = 0;
    message.event_name = "\xff";
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_STATUS(libsocket_server_send(server, NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_send(client, NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_server_send_to(server, 1, NULL), LIBSOCKET_E_INVALID);
}

/* The client asks, the server answers that client alone, in order. */
static void ask_and_answer(libsocket_server server, libsocket_client client,
                           libsocket_client bystander)
{
    numbered number;
    CHECK_OK(libsocket_client_send(client, number_message(&number, 42)));
    libsocket_event *asked = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
    CHECK(event_number(asked) == 42 && asked->client != 0 && asked->seq == 0);
    CHECK(strcmp(asked->event_name, "exchange") == 0);
    CHECK_OK(libsocket_server_send(server, number_message(&number, 1)));
    CHECK_OK(libsocket_server_send_to(server, asked->client, number_message(&number, 2)));
    CHECK_OK(libsocket_server_send(server, number_message(&number, 3)));
    for (uint32_t i = 1; i <= 3; i++) {
        libsocket_event *event = next_message(client);
        CHECK(event_number(event) == i);
        CHECK(event->flags == (i == 2 ? LIBSOCKET_UNICAST : 0));
        CHECK((event->seq == 0) == (i == 2));
        libsocket_free(event);
    }
    for (uint32_t i = 1; i <= 3; i += 2) {
        libsocket_event *event = next_message(bystander);
        CHECK(event_number(event) == i);
        libsocket_free(event);
    }
    CHECK_STATUS(libsocket_server_send_to(server, asked->client + 1000, number_message(&number, 2)),
                 LIBSOCKET_E_UNKNOWN_CLIENT);
    CHECK_SAYS("Client not connected: client_");
    libsocket_free(asked);
}

static void many_from_client(libsocket_server server, libsocket_client client)
{
    numbered numbers[200];
    libsocket_message messages[200];
    for (uint32_t i = 0; i < 200; i++)
        messages[i] = *number_message(&numbers[i], i);
    size_t sent = 0;
    CHECK_OK(libsocket_client_send_many(&sent, client, messages, 200));
    CHECK(sent == 200);
    CHECK_OK(libsocket_client_send_packed(&sent, client, "\x91\x80", 2));
    CHECK(sent == 1);
    for (uint32_t i = 0; i < 200; i++) {
        libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
        CHECK(event_number(event) == i);
        libsocket_free(event);
    }
}

static void refused_client(void)
{
    libsocket_server server =
        open_server(transport, "mute", "allow_client_send = false", LIBSOCKET_PULL);
    libsocket_client client = join_server(server, transport, "mute", "");
    libsocket_message message = data_message(NULL, 0);
    CHECK_OK(libsocket_client_send(client, &message));
    peer p = {{0}, client};
    libsocket_event *event = next_event(p, LIBSOCKET_EVENT_REFUSED);
    CHECK(event != NULL && event->reason == LIBSOCKET_REASON_NOT_ALLOWED && *event->text != '\0');
    libsocket_free(event);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void end(libsocket_server server, libsocket_client client, libsocket_client bystander)
{
    CHECK_OK(libsocket_client_close(bystander));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void exchange(const char *over)
{
    transport = over;
    libsocket_server server = open_server(transport, "exchange", "max_message_size = 2000",
                                          LIBSOCKET_PULL);
    libsocket_client client = join_server(server, transport, "exchange", "");
    RUN_WITH(fields_arrive, server, client);
    RUN_WITH(library_stamps, server, client);
    RUN_WITH(many_in_order, server, client);
    RUN_WITH(stops_at_the_first_bad, server, client);
    RUN_WITH(refused_messages, server, client);
    libsocket_client bystander = join_server(server, transport, "exchange", "");
    RUN_WITH(ask_and_answer, server, client, bystander);
    RUN_WITH(many_from_client, server, client);
    RUN_WITH(end, server, client, bystander);
    RUN(refused_client);
}

int main(void)
{
    support_start();
    exchange("unix");
    exchange("tcp");
    return support_end();
}
