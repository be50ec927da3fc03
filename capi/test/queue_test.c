/*
 * queue_test.c - messages before there is a client, what newcomers are given,
 * and what the server knows of its clients.
 */
#include "support.h"

#include "libsocket_payload.h"

static size_t queued(libsocket_server server)
{
    size_t count = SIZE_MAX;
    CHECK_OK(libsocket_server_queue_length(&count, server));
    return count;
}

static void send_numbers(libsocket_server server, uint32_t from, uint32_t to)
{
    numbered number;
    for (uint32_t i = from; i < to; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
}

static void wants_numbers(libsocket_client client, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        libsocket_event *event = next_message(client);
        CHECK(event_number(event) == i);
        libsocket_free(event);
    }
}

static void first_client_gets_the_queue(void)
{
    libsocket_server server = open_server("unix", "queue", "message_queue_size = 5", 0);
    CHECK(queued(server) == 0);
    send_numbers(server, 0, 8);
    CHECK(queued(server) == 5);
    libsocket_client first = join_server(server, "unix", "queue", "");
    CHECK(queued(server) == 0);
    wants_numbers(first, 3, 8);
    libsocket_client second = join_server(server, "unix", "queue", "");
    send_numbers(server, 8, 9);
    wants_numbers(first, 8, 9);
    wants_numbers(second, 8, 9);
    CHECK_OK(libsocket_client_close(first));
    CHECK_OK(libsocket_client_close(second));
    CHECK_OK(libsocket_server_close(server));
}

static void queue_is_cleared(void)
{
    libsocket_server server = open_server("unix", "clear", NULL, 0);
    send_numbers(server, 0, 3);
    CHECK_OK(libsocket_server_queue_clear(server));
    CHECK(queued(server) == 0);
    send_numbers(server, 3, 4);
    libsocket_client client = join_server(server, "unix", "clear", "");
    wants_numbers(client, 3, 4);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void queue_is_taken(void)
{
    libsocket_server server = open_server("unix", "take", NULL, 0);
    libsocket_message message = data_message("\x80", 1);
    message.type = LIBSOCKET_ERROR;
    message.event_name = "other";
    message.timestamp_ms = 1000;
    CHECK_OK(libsocket_server_send(server, &message));
    message.event_name = NULL;
    CHECK_OK(libsocket_server_send(server, &message));
    void *block = NULL;
    size_t size = 0;
    CHECK_OK(libsocket_server_queue_take(&block, &size, server));
    static const char rows[] =
        "\x92"
        "\x99\x03\x01\xcd\x03\xe8\xb9"
        "1970-01-01T00:00:01+00:00\x80\x00\x00\x00\xa5other"
        "\x99\x03\x01\xcd\x03\xe8\xb9"
        "1970-01-01T00:00:01+00:00\x80\x00\x00\x00\xc0";
    CHECK(size == sizeof rows - 1 && memcmp(block, rows, size) == 0);
    libsocket_free(block);
    CHECK(queued(server) == 0);
    CHECK_OK(libsocket_server_queue_take(&block, &size, server));
    CHECK(size == 1 && *(unsigned char *)block == 0x90);
    libsocket_free(block);
    CHECK_OK(libsocket_server_close(server));
}

/* What another thread sends while the queue is taken is in it, or refused. */
static void sending_ends(void)
{
    libsocket_server server = open_server("unix", "ends", NULL, 0);
    libsocket_message message = data_message("\x80", 1);
    CHECK_OK(libsocket_server_send(server, &message));
    CHECK_OK(libsocket_server_end_sending(server));
    CHECK_OK(libsocket_server_end_sending(server));
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_CLOSED);
    CHECK_SAYS("closed");
    CHECK(queued(server) == 1);
    libsocket_client client = join_server(server, "unix", "ends", "");
    libsocket_event *event = next_message(client);
    CHECK(event->data_size == 1);
    libsocket_free(event);
    uint64_t joined = 0;
    libsocket_client_info *clients = NULL;
    size_t count = 0;
    CHECK_OK(libsocket_server_clients(&clients, &count, server));
    if (CHECK(count == 1))
        joined = clients[0].client;
    libsocket_free(clients);
    CHECK_OK(libsocket_server_send_to(server, joined, &message));
    libsocket_free(next_message(client));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void newcomers(void)
{
    libsocket_server server = open_server("unix", "late", "history_size = 2", 0);
    libsocket_client first = join_server(server, "unix", "late", "");
    numbered number;
    libsocket_message retained = *number_message(&number, 100);
    retained.retain_key = "state";
    CHECK_OK(libsocket_server_send(server, &retained));
    CHECK_STATUS(libsocket_client_send(first, &retained), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_SAYS("only a server keeps messages");
    CHECK_STATUS(libsocket_server_send_to(server, 1, &retained), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_SAYS("to one client is not kept");
    send_numbers(server, 0, 5);
    libsocket_client late = join_server(server, "unix", "late", "");
    libsocket_event *event = next_message(late);
    CHECK(event_number(event) == 100 && event->flags == LIBSOCKET_RETAINED && event->seq == 0);
    libsocket_free(event);
    wants_numbers(late, 3, 5);
    peer p = {{0}, late};
    event = next_event(p, LIBSOCKET_EVENT_SYNCED);
    CHECK(event != NULL && event->seq > 0);
    libsocket_free(event);
    CHECK_OK(libsocket_client_close(late));
    CHECK_OK(libsocket_client_close(first));
    CHECK_OK(libsocket_server_close(server));
}

static void clients_are_known(void)
{
    libsocket_server server = open_server("unix", "known", NULL, LIBSOCKET_PULL);
    libsocket_client_info *infos = (void *)&server;
    size_t count = 7;
    CHECK_OK(libsocket_server_clients(&infos, &count, server));
    CHECK(infos == NULL && count == 0);
    CHECK_OK(libsocket_server_wait_clients(server, 0, 0));
    CHECK_STATUS(libsocket_server_wait_clients(server, 1, 0), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_server_wait_clients(server, 1, 20), LIBSOCKET_E_TIMEOUT);
    CHECK_SAYS("fewer than 1 clients after 20 ms");
    CHECK_STATUS(libsocket_server_wait_clients(server, 1, -2), LIBSOCKET_E_INVALID);

    libsocket_client one = join_server(server, "unix", "known", "name = \"viewer one\"");
    libsocket_client two = join_server(server, "unix", "known", "name = \"viewer two\"");
    CHECK_OK(libsocket_server_wait_clients(server, 2, -1));
    CHECK_OK(libsocket_server_clients(&infos, &count, server));
    check_need(CHECK(count == 2), "no clients");
    CHECK(strcmp(infos[0].name, "viewer one") == 0 && strcmp(infos[1].name, "viewer two") == 0);
    CHECK(infos[0].client != 0 && infos[0].client != infos[1].client);
    CHECK(infos[0].pid == getpid() && infos[0].uid == (int64_t)getuid());
    CHECK(infos[0].gid == (int64_t)getgid() && strstr(infos[0].address, "known.sock") != NULL);
    CHECK(infos[0].connected_at_ms > 0);

    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
    CHECK(event->client == infos[0].client && event->count == 1);
    CHECK(event->timestamp_ms == infos[0].connected_at_ms);
    CHECK(event->pid == infos[0].pid && event->uid == infos[0].uid && event->gid == infos[0].gid);
    CHECK(strcmp(event->text, "viewer one") == 0);
    CHECK(strcmp(event->address, infos[0].address) == 0);
    CHECK(event->event_name == NULL && event->data == NULL && event->timestamp_iso == NULL);
    libsocket_free(event);
    event = next_of_server(server, LIBSOCKET_EVENT_FIRST_CLIENT);
    CHECK(event->client == infos[0].client);
    libsocket_free(event);

    CHECK_OK(libsocket_client_close(one));
    event = next_of_server(server, LIBSOCKET_EVENT_DISCONNECTED);
    CHECK(event->client == infos[0].client && event->count == 1 && event->text != NULL);
    libsocket_free(event);
    CHECK_OK(libsocket_client_close(two));
    event = next_of_server(server, LIBSOCKET_EVENT_LAST_CLIENT);
    CHECK(event->client == infos[1].client);
    libsocket_free(event);
    libsocket_free(infos);
    CHECK_OK(libsocket_server_close(server));
}

/* A waiter hears of a client, and of the end. */
static libsocket_server awaited;
static box waiting = BOX;

static void *wait_for_two(void *status)
{
    box_add(&waiting, 1);
    *(int *)status = libsocket_server_wait_clients(awaited, 2, -1);
    return NULL;
}

static int wait_beside(void (*meanwhile)(void))
{
    pthread_t thread;
    int status = 1;
    long before = box_get(&waiting);
    check_need(pthread_create(&thread, NULL, wait_for_two, &status) == 0, "no thread");
    box_wait(&waiting, before + 1);
    meanwhile();
    pthread_join(thread, NULL);
    return status;
}

static libsocket_client joined[2];

static void join_two(void)
{
    for (int i = 0; i < 2; i++)
        joined[i] = join_server(awaited, "unix", "awaited", "");
}

static void close_awaited(void) { CHECK_OK(libsocket_server_close(awaited)); }

static void audience(void)
{
    awaited = open_server("unix", "awaited", NULL, LIBSOCKET_PULL);
    CHECK_OK(wait_beside(join_two));
    for (int i = 0; i < 2; i++)
        CHECK_OK(libsocket_client_close(joined[i]));
    libsocket_free(next_of_server(awaited, LIBSOCKET_EVENT_LAST_CLIENT));
    int status = wait_beside(close_awaited);
    /* The thread may come to wait only when all is over. */
    CHECK(status == LIBSOCKET_E_CLOSED || status == LIBSOCKET_E_BAD_HANDLE);
}

static void statistics(void)
{
    libsocket_server server = open_server("unix", "stats", NULL, 0);
    send_numbers(server, 0, 3);
    libsocket_client client = join_server(server, "unix", "stats", "");
    wants_numbers(client, 0, 3);
    void *block = NULL;
    size_t size = 0;
    CHECK_OK(libsocket_server_stats(&block, &size, server));
    static const struct { const char *key; int64_t least, most; } wanted[] = {
        {"sent", 3, 3}, {"delivered", 3, 3}, {"dropped", 0, 0}, {"refused", 0, 0},
        {"received", 0, 0}, {"clients", 1, 1}, {"queued", 0, 0}, {"log_messages", 3, 3},
        {"log_bytes", 1, INT64_MAX}, {"seq", 4, 4}, {"retained", 0, 0},
    };
    libsocket_value stats = libsocket_payload(block, size);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int64_t value = libsocket_as_int(libsocket_get(stats, wanted[i].key), -1);
        check_name = wanted[i].key;
        CHECK(value >= wanted[i].least && value <= wanted[i].most);
    }
    libsocket_free(block);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

int main(void)
{
    support_start();
    RUN(first_client_gets_the_queue);
    RUN(queue_is_cleared);
    RUN(queue_is_taken);
    RUN(sending_ends);
    RUN(newcomers);
    RUN(clients_are_known);
    RUN(audience);
    RUN(statistics);
    return support_end();
}
