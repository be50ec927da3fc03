/*
 * events_test.c - the events that are not messages from someone: loss that is
 * counted, types that are not given, lines of the log.
 */
#include "rawpeer.h"

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

/* What a callback was told, by level. */
typedef struct lines {
    box debug, info, warn, error;
} lines;

static void count_lines(const libsocket_event *events, size_t count, void *user)
{
    lines *l = user;
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind != LIBSOCKET_EVENT_LOG)
            continue;
        CHECK(*events[i].text != '\0' && events[i].timestamp_ms > 0);
        switch (events[i].level) {
        case LIBSOCKET_LOG_DEBUG: box_add(&l->debug, 1); break;
        case LIBSOCKET_LOG_INFO: box_add(&l->info, 1); break;
        case LIBSOCKET_LOG_WARN: box_add(&l->warn, 1); break;
        case LIBSOCKET_LOG_ERROR: box_add(&l->error, 1); break;
        default: CHECK(!"a level of the header");
        }
    }
}

/* A server to which something of each level happens. */
static void tell(const char *level, bool debug, bool info, bool warn, bool error)
{
    lines l = {BOX, BOX, BOX, BOX};
    char settings[80];
    void *block = NULL;
    size_t size = 0;
    libsocket_server server = {0};
    snprintf(settings, sizeof settings, "no_such_key = 1\nlog_level = \"%s\"", level); /* warn */
    check_need(CHECK_OK(libsocket_server_open(&server, "unix", "told", settings, 0, count_lines, &l)),
               "no server"); /* info */
    CHECK_OK(libsocket_inspect(&block, &size, "unix", "told", NULL)); /* debug */
    libsocket_free(block);
    int fd = raw_client("told");
    raw_write(fd, "\0\0\0\1\xc1\0\0\0\0", 9); /* malformed: error; then the end */
    while (raw_read(fd, settings, 1))
        continue;
    close(fd);
    CHECK_OK(libsocket_server_close(server));
    check_name = level;
    CHECK((box_get(&l.debug) > 0) == debug && (box_get(&l.info) > 0) == info);
    CHECK((box_get(&l.warn) > 0) == warn && (box_get(&l.error) > 0) == error);
}

static void levels_are_told(void)
{
    tell("debug", true, true, true, true);
    tell("info", false, true, true, true);
    tell("warn", false, false, true, true);
    tell("error", false, false, false, true);
    tell("off", false, false, false, false);
}

int main(void)
{
    support_start();
    RUN(loss_is_counted);
    RUN(types_are_filtered);
    RUN(log_is_told);
    RUN(levels_are_told);
    return support_end();
}
