/*
 * packed_test.c - rows of MessagePack tell the same as structs. Two clients
 * are given the same events, one takes structs and one takes rows.
 */
#include "support.h"

#include "libsocket_payload.h"

static bool same_text(libsocket_value value, const char *text)
{
    return libsocket_is(value, text == NULL ? "" : text);
}

static void same_message(libsocket_value row, const libsocket_event *e)
{
    libsocket_bytes data = libsocket_encoded(libsocket_at(row, 4));
    CHECK(libsocket_as_int(libsocket_at(row, 1), -1) == e->type);
    CHECK(libsocket_as_int(libsocket_at(row, 2), -1) == e->timestamp_ms);
    CHECK(same_text(libsocket_at(row, 3), e->timestamp_iso));
    CHECK(data.size == e->data_size && memcmp(data.data, e->data, data.size) == 0);
    CHECK(libsocket_as_uint(libsocket_at(row, 5), 7) == e->client);
    CHECK(libsocket_as_uint(libsocket_at(row, 6), 7) == e->seq);
    CHECK(libsocket_as_uint(libsocket_at(row, 7), 7) == e->flags);
    if (strcmp(e->event_name, "packed") == 0)
        CHECK(libsocket_kind(libsocket_at(row, 8)) == LIBSOCKET_KIND_NIL);
    else
        CHECK(same_text(libsocket_at(row, 8), e->event_name));
}

static void same_other(libsocket_value row, const libsocket_event *e)
{
    CHECK(libsocket_as_uint(libsocket_at(row, 1), 99) == e->reason);
    CHECK(libsocket_as_int(libsocket_at(row, 2), -1) == e->timestamp_ms);
    CHECK(libsocket_as_uint(libsocket_at(row, 3), 99) == e->seq);
    CHECK(libsocket_as_uint(libsocket_at(row, 4), 99) == e->count);
    CHECK(libsocket_as_uint(libsocket_at(row, 5), 99) == e->client);
    CHECK(same_text(libsocket_at(row, 6), e->text));
    CHECK(same_text(libsocket_at(row, 7), e->address));
    CHECK(libsocket_as_int(libsocket_at(row, 8), 99) == e->level);
    CHECK(libsocket_as_int(libsocket_at(row, 9), 0) == e->pid);
    CHECK(libsocket_as_int(libsocket_at(row, 10), 0) == e->uid);
    CHECK(libsocket_as_int(libsocket_at(row, 11), 0) == e->gid);
}

static void same(libsocket_value row, const libsocket_event *e)
{
    CHECK(libsocket_count(row) == (e->kind == LIBSOCKET_EVENT_CONNECTED ? 12 : 9));
    CHECK(libsocket_as_uint(libsocket_at(row, 0), 0) == e->kind);
    if (e->kind == LIBSOCKET_EVENT_MESSAGE)
        same_message(row, e);
    else
        same_other(row, e);
}

/* Takes rows until they are as many as wanted, and compares each. */
static void compare(libsocket_client structs, libsocket_client rows, size_t wanted)
{
    size_t got = 0;
    while (got < wanted) {
        void *block = NULL;
        size_t size = 0;
        if (!CHECK_OK(libsocket_client_receive_packed(&block, &size, rows, 0, -1)))
            return;
        CHECK(libsocket_payload_valid(block, size));
        libsocket_iterator it = libsocket_iterate(libsocket_payload(block, size));
        for (; libsocket_next(&it); got++) {
            libsocket_event *event = NULL;
            size_t count = 0;
            if (CHECK_OK(libsocket_client_receive(&event, &count, structs, 1, -1)))
                same(it.value, event);
            libsocket_free(event);
        }
        libsocket_free(block);
    }
    CHECK(got == wanted);
}

static void up_to_date(libsocket_client client)
{
    peer p = {{0}, client};
    libsocket_event *event = next_event(p, LIBSOCKET_EVENT_SYNCED);
    CHECK(event != NULL);
    libsocket_free(event);
}

static void send_variety(libsocket_server server)
{
    static unsigned char large[70005] = {0xc6, 0, 1, 0x11, 0x70};
    static char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    libsocket_message message = data_message(NULL, 0);
    CHECK_OK(libsocket_server_send(server, &message));
    message.type = LIBSOCKET_ERROR;
    message.timestamp_ms = -1763417982123; /* before 1970 */
    message.timestamp_iso = "";
    CHECK_OK(libsocket_server_send(server, &message));
    message.timestamp_ms = -5;
    message.event_name = long_name;
    CHECK_OK(libsocket_server_send(server, &message));
    message.event_name = "short";
    CHECK_OK(libsocket_server_send(server, &message));
    message = data_message(large, sizeof large);
    CHECK_OK(libsocket_server_send(server, &message));
    message = data_message("\xc0", 1);
    for (int i = 0; i < 200; i++)
        CHECK_OK(libsocket_server_send(server, &message));
}

/* Messages as a document: maps, rows, a row for one client. */
static void sent_as_rows(void)
{
    libsocket_server server = open_server("unix", "sent", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "sent", "");
    libsocket_event *joined = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
    unsigned char buffer[256];
    libsocket_writer w;
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_array(&w);
    libsocket_write_map(&w);
    libsocket_write_end(&w);
    libsocket_write_array(&w);
    libsocket_write_uint(&w, LIBSOCKET_CONTROL);
    libsocket_write_int(&w, -5);
    libsocket_write_str(&w, "some time");
    libsocket_write_uint(&w, 7);
    libsocket_write_str(&w, "another name");
    libsocket_write_uint(&w, joined->client);
    libsocket_write_end(&w);
    libsocket_write_end(&w);
    size_t size = libsocket_writer_size(&w);
    size_t sent = 9;
    CHECK_OK(libsocket_server_send_packed(&sent, server, buffer, size));
    CHECK(sent == 2);
    libsocket_event *event = next_message(client);
    CHECK(event->type == LIBSOCKET_DATA && event->timestamp_ms > 0 && event->flags == 0);
    CHECK(event->data_size == 1 && strcmp(event->event_name, "sent") == 0);
    libsocket_free(event);
    event = next_message(client);
    CHECK(event->type == LIBSOCKET_CONTROL && event->timestamp_ms == -5);
    CHECK(strcmp(event->timestamp_iso, "some time") == 0);
    CHECK(strcmp(event->event_name, "another name") == 0);
    CHECK(event->data_size == 1 && *(const unsigned char *)event->data == 7);
    CHECK(event->flags == LIBSOCKET_UNICAST);
    libsocket_free(event);

    CHECK_STATUS(libsocket_client_send_packed(&sent, client, buffer, size),
                 LIBSOCKET_E_BAD_MESSAGE);
    CHECK(sent == 1);
    event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
    CHECK(event->client == joined->client && event->data_size == 1);
    libsocket_free(event);
    CHECK_STATUS(libsocket_server_send_packed(NULL, server, NULL, 1), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_send_packed(NULL, client, buffer, SIZE_MAX),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_send_packed(NULL, client, buffer, 0),
                 LIBSOCKET_E_BAD_MESSAGE);
    libsocket_free(joined);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* The limit counts rows. */
static void limited(void)
{
    numbered number;
    libsocket_server server = open_server("unix", "limited", NULL, 0);
    libsocket_client client = join_server(server, "unix", "limited", "");
    up_to_date(client);
    for (uint32_t i = 0; i < 40; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
    for (uint32_t got = 0; got < 40;) {
        void *block = NULL;
        size_t size = 0;
        if (!CHECK_OK(libsocket_client_receive_packed(&block, &size, client, 17, -1)))
            break;
        size_t count = libsocket_count(libsocket_payload(block, size));
        CHECK(count >= 1 && count <= 17);
        got += (uint32_t)count;
        libsocket_free(block);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* Events of a server: their client, its name and address. */
static void of_a_server(void)
{
    libsocket_server server = open_server("unix", "packed_pull", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "packed_pull", "name = \"me\"");
    CHECK_OK(libsocket_server_wait_clients(server, 1, -1));
    void *block = NULL;
    size_t size = 0;
    CHECK_OK(libsocket_server_receive_packed(&block, &size, server, 1, -1));
    libsocket_value row = libsocket_at(libsocket_payload(block, size), 0);
    CHECK(libsocket_as_int(libsocket_at(row, 0), 0) == LIBSOCKET_EVENT_CONNECTED);
    CHECK(libsocket_as_int(libsocket_at(row, 2), 0) > 0);
    CHECK(libsocket_as_int(libsocket_at(row, 4), 0) == 1);
    CHECK(libsocket_as_uint(libsocket_at(row, 5), 0) != 0);
    CHECK(same_text(libsocket_at(row, 6), "me"));
    libsocket_free(block);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void after_the_server(libsocket_server server, libsocket_client structs,
                             libsocket_client rows)
{
    CHECK_OK(libsocket_server_close(server));
    compare(structs, rows, 1); /* DISCONNECTED, with its reason and text */
    CHECK_OK(libsocket_client_close(structs));
    CHECK_OK(libsocket_client_close(rows));
}

int main(void)
{
    support_start();
    libsocket_server server = open_server("unix", "packed", NULL, 0);
    libsocket_client structs = join_server(server, "unix", "packed", "");
    libsocket_client rows = join_server(server, "unix", "packed", "");
    RUN_WITH(up_to_date, structs);
    RUN_WITH(up_to_date, rows);
    RUN_WITH(send_variety, server);
    RUN_WITH(compare, structs, rows, 205);
    RUN_WITH(after_the_server, server, structs, rows);
    RUN(sent_as_rows);
    RUN(limited);
    RUN(of_a_server);
    return support_end();
}
