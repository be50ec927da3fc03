/*
 * inspect_test.c - what a program finds out about servers: one that lives, one
 * that is full, an old one, one that is gone, none.
 */
#include "rawpeer.h"

#include "libsocket_payload.h"

/* What was stored last; values point into it until it is dropped. */
static void *block;
static size_t size;

static libsocket_value stored(void)
{
    CHECK(libsocket_payload_valid(block, size));
    return libsocket_payload(block, size);
}

static void drop(void)
{
    libsocket_free(block);
    block = NULL;
    size = 0;
}

static int64_t number(libsocket_value value, const char *path)
{
    return libsocket_as_int(libsocket_find(value, path), INT64_MIN);
}

static bool is(libsocket_value value, const char *path, const char *text)
{
    return libsocket_is(libsocket_find(value, path), text);
}

static void live(void)
{
    libsocket_server server = open_server("unix", "live", "max_connections = 1", 0);
    libsocket_client client = join_server(server, "unix", "live", "name = \"viewer\"");
    CHECK_OK(libsocket_server_wait_clients(server, 1, -1));
    numbered message;
    CHECK_OK(libsocket_server_send(server, number_message(&message, 1)));
    libsocket_free(next_message(client));

    CHECK_OK(libsocket_inspect(&block, &size, "unix", "live", NULL));
    libsocket_value info = stored();
    CHECK(is(info, "state", "live") && is(info, "event", "live") && is(info, "transport", "unix"));
    CHECK(is(info, "library", LIBSOCKET_VERSION) && number(info, "uptime_ms") >= 0);
    CHECK(number(info, "pid") == getpid() && number(info, "uid") == (int64_t)geteuid());
    char *address = NULL;
    CHECK_OK(libsocket_server_address(&address, server));
    CHECK(is(info, "address", address));
    libsocket_free(address);

    libsocket_client_info *clients = NULL;
    size_t count = 0;
    CHECK_OK(libsocket_server_clients(&clients, &count, server));
    libsocket_value told = libsocket_get(info, "clients");
    check_need(CHECK(count == 1 && libsocket_count(told) == 1), "no client");
    told = libsocket_at(told, 0);
    CHECK(number(told, "client") == (int64_t)clients->client);
    CHECK(number(told, "connected_at_ms") == clients->connected_at_ms);
    CHECK(number(told, "pid") == clients->pid && number(told, "uid") == clients->uid);
    CHECK(number(told, "gid") == clients->gid);
    CHECK(is(told, "name", clients->name) && is(told, "address", clients->address));
    CHECK(number(told, "delivered") == 1 && clients->delivered == 1);
    CHECK(number(told, "missed") == 0 && clients->missed == 0);
    CHECK(number(told, "backlog") == 0 && clients->backlog == 0);
    libsocket_free(clients);

    void *stats = NULL;
    size_t stats_size = 0;
    CHECK_OK(libsocket_server_stats(&stats, &stats_size, server));
    libsocket_bytes same = libsocket_encoded(libsocket_get(info, "stats"));
    CHECK(same.size == stats_size && memcmp(same.data, stats, stats_size) == 0);
    libsocket_free(stats);
    drop();

    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    CHECK_STATUS(libsocket_inspect(&block, &size, "unix", "live", NULL), LIBSOCKET_E_NO_SERVER);
    CHECK(block == NULL && size == 0);
    CHECK_SAYS("live");
}

static void by_tcp(void)
{
    libsocket_server server = open_server("tcp", "tcp", "port = 0", 0);
    char *address = NULL;
    char settings[64];
    CHECK_OK(libsocket_server_address(&address, server));
    snprintf(settings, sizeof settings, "port = %s", strrchr(address, ':') + 1);
    CHECK_OK(libsocket_inspect(&block, &size, "tcp", "another", settings));
    CHECK(is(stored(), "event", "tcp") && is(stored(), "address", address));
    CHECK(number(stored(), "uid") == -1 && number(stored(), "pid") == getpid());
    drop();
    libsocket_free(address);
    CHECK_OK(libsocket_server_close(server));
}

static void list(void)
{
    libsocket_server server = open_server("unix", "b-live", NULL, 0);
    close(raw_listen("a-dead"));
    int old = raw_listen("c-old");
    CHECK_OK(libsocket_list(&block, &size, NULL));
    libsocket_value found = stored();
    check_need(CHECK(libsocket_count(found) == 3), "not three events");
    static const char *const wanted[][2] = {
        {"a-dead", "stale"}, {"b-live", "live"}, {"c-old", "old"}};
    for (size_t i = 0; i < 3; i++) {
        libsocket_value info = libsocket_at(found, i);
        check_name = wanted[i][0];
        CHECK(is(info, "event", wanted[i][0]) && is(info, "state", wanted[i][1]));
        CHECK(number(info, "uid") == (int64_t)geteuid());
        CHECK(number(info, "pid") == (i == 0 ? 0 : getpid()));
        CHECK((libsocket_kind(libsocket_get(info, "stats")) == LIBSOCKET_KIND_MAP) == (i == 1));
    }
    drop();
    CHECK_OK(libsocket_inspect(&block, &size, "unix", "c-old", NULL));
    CHECK(is(stored(), "state", "old"));
    drop();
    close(old);
    CHECK_OK(libsocket_server_close(server));
    CHECK_OK(libsocket_list(&block, &size, "socket_dir = \"/nonexistent\""));
    CHECK(libsocket_kind(stored()) == LIBSOCKET_KIND_ARRAY && libsocket_count(stored()) == 0);
    drop();
}

static void arguments(void)
{
    static const struct {
        const char *transport, *event, *settings;
        int status;
        const char *says;
    } bad[] = {
        {NULL, "x", NULL, LIBSOCKET_E_INVALID, "transport is NULL"},
        {"unix", NULL, NULL, LIBSOCKET_E_INVALID, "event is NULL"},
        {"pigeon", "x", NULL, LIBSOCKET_E_INVALID, "pigeon"},
        {"unix", "no name", NULL, LIBSOCKET_E_INVALID, "no name"},
        {"tcp", "x", NULL, LIBSOCKET_E_INVALID, "Port must be provided"},
        {"unix", "x", "linger = -1", LIBSOCKET_E_SETTINGS, "linger"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_name = bad[i].says;
        CHECK_STATUS(libsocket_inspect(&block, &size, bad[i].transport, bad[i].event, bad[i].settings),
                     bad[i].status);
        CHECK_SAYS(bad[i].says);
    }
    CHECK_STATUS(libsocket_inspect(NULL, &size, "unix", "x", NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_inspect(&block, NULL, "unix", "x", NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_list(NULL, &size, NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_list(&block, NULL, NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_list(&block, &size, "nonsense ="), LIBSOCKET_E_SETTINGS);
    CHECK(block == NULL && size == 0);
}

int main(void)
{
    support_start();
    RUN(live);
    RUN(by_tcp);
    RUN(list);
    RUN(arguments);
    return support_end();
}
