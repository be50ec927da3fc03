/*
 * events_test.c - the events that are not messages from someone: loss that is
 * counted, types that are not given, lines of the log.
 */
#include "support.h"

/* Counts what a client received and missed, in order, until it is all. */
static void account(libsocket_client client, uint64_t sent)
{
    uint64_t received = 0, missed = 0, next = 1;
    while (received + missed < sent) {
        libsocket_event *events = NULL;
        size_t count = 0;
        if (!CHECK_OK(libsocket_client_receive(&events, &count, client, 0, -1)))
            return;
        for (size_t i = 0; i < count; i++) {
            const libsocket_event *e = &events[i];
            if (e->kind == LIBSOCKET_EVENT_LAGGED) {
                CHECK(e->seq == next && e->count > 0);
                missed += e->count;
                next = e->seq + e->count;
            }
            if (e->kind == LIBSOCKET_EVENT_MESSAGE) {
                CHECK(e->seq == next);
                received++;
                next = e->seq + 1;
            }
        }
        libsocket_free(events);
    }
    CHECK(received + missed == sent && received > 0 && missed > 0);
}

static void loss_is_counted(void)
{
    enum { SENT = 3000, SIZE = 4000 };
    static unsigned char data[SIZE] = {0xc5, (SIZE - 3) >> 8, (SIZE - 3) & 255};
    libsocket_server server = open_server("unix", "loss", "log_messages = 100", 0);
    libsocket_client client = join_server(server, "unix", "loss", "buffer_size = 1");
    libsocket_message message = data_message(data, sizeof data);
    for (int i = 0; i < SENT; i++)
        CHECK_OK(libsocket_server_send(server, &message));
    account(client, SENT);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void types_are_filtered(void)
{
    libsocket_server server = open_server("unix", "types", NULL, 0);
    libsocket_client client = join_server(server, "unix", "types", "types = [\"error\"]");
    for (uint32_t i = 0; i < 9; i++) {
        numbered number;
        libsocket_message message = *number_message(&number, i);
        message.type = i % 3;
        CHECK_OK(libsocket_server_send(server, &message));
    }
    for (uint32_t i = LIBSOCKET_ERROR; i < 9; i += 3) {
        libsocket_event *event = next_message(client);
        CHECK(event_number(event) == i && event->type == LIBSOCKET_ERROR);
        libsocket_free(event);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void log_is_told(void)
{
    libsocket_server server = open_server("unix", "log", "log_level = \"info\"", LIBSOCKET_PULL);
    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_LOG);
    CHECK(event->level == LIBSOCKET_LOG_INFO && strstr(event->text, "started") != NULL);
    CHECK(event->client == 0 && event->data == NULL && event->event_name == NULL);
    libsocket_free(event);
    libsocket_client client = join_server(server, "unix", "log", "no_such_key = 1\nlog_level = \"warn\"");
    peer p = {{0}, client};
    event = next_event(p, LIBSOCKET_EVENT_LOG);
    CHECK(event != NULL && event->level == LIBSOCKET_LOG_WARN);
    CHECK(event != NULL && strstr(event->text, "no_such_key") != NULL);
    libsocket_free(event);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

int main(void)
{
    support_start();
    RUN(loss_is_counted);
    RUN(types_are_filtered);
    RUN(log_is_told);
    return support_end();
}
