/*
 * lifecycle_test.c - open means running, close means gone; what open refuses,
 * and that nothing is left behind.
 */
#include "support.h"

static const char *const transports[] = {"unix", "tcp"};

static void never(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)count, (void)user;
    CHECK(!"the callback of a handle that was not opened");
}

static int try_server(const char *transport, const char *event, const char *settings)
{
    libsocket_server server = {7};
    int status = libsocket_server_open(&server, transport, event, settings, 0, never, NULL);
    CHECK(status != LIBSOCKET_OK && server.id == 7);
    return status;
}

static int try_client(const char *transport, const char *event, const char *settings)
{
    libsocket_client client = {7};
    int status = libsocket_client_open(&client, transport, event, settings, 0, never, NULL);
    CHECK(status != LIBSOCKET_OK && client.id == 7);
    return status;
}

static void open_and_close(const char *transport)
{
    for (int round = 0; round < 3; round++) {
        libsocket_server server = open_server(transport, "round", NULL, 0);
        libsocket_client client = join_server(server, transport, "round", "");
        CHECK(libsocket_client_connected(client) == 1);
        CHECK_OK(libsocket_client_close(client));
        CHECK_OK(libsocket_server_close(server));
    }
}

/* While a client is open its server goes and comes back. */
static void client_outlives_server(void)
{
    libsocket_server server = open_server("unix", "again", NULL, 0);
    libsocket_client client = join_server(server, "unix", "again", "");
    peer p = {{0}, client};
    CHECK_OK(libsocket_server_close(server));
    libsocket_event *gone = next_event(p, LIBSOCKET_EVENT_DISCONNECTED);
    CHECK(gone != NULL && gone->reason == LIBSOCKET_REASON_STOPPED);
    libsocket_free(gone);
    server = open_server("unix", "again", NULL, 0);
    libsocket_event *back = next_event(p, LIBSOCKET_EVENT_CONNECTED);
    CHECK(back != NULL && strstr(back->address, "again.sock") != NULL);
    libsocket_free(back);
    CHECK_OK(libsocket_server_announce_restart(server));
    CHECK_OK(libsocket_server_close(server));
    gone = next_event(p, LIBSOCKET_EVENT_DISCONNECTED);
    CHECK(gone != NULL && gone->reason == LIBSOCKET_REASON_RESTARTING);
    libsocket_free(gone);
    CHECK_OK(libsocket_client_close(client));
}

static void without_reconnect(void)
{
    libsocket_server server = open_server("unix", "once", NULL, 0);
    libsocket_client client = join_server(server, "unix", "once", "reconnect = false");
    CHECK_OK(libsocket_server_close(server));
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_DISCONNECTED));
    libsocket_event *events = NULL;
    size_t count = 0;
    CHECK_STATUS(libsocket_client_receive(&events, &count, client, 0, -1),
                 LIBSOCKET_E_NOT_CONNECTED);
    CHECK(libsocket_client_connected(client) == 0);
    CHECK_OK(libsocket_client_close(client));
}

static void waits_for_server(void)
{
    libsocket_client client = {0};
    CHECK_OK(libsocket_client_open(&client, "unix", "later", "wait_for_server = true", 0,
                                   NULL, NULL));
    CHECK(libsocket_client_connected(client) == 0);
    libsocket_message message = data_message(NULL, 0);
    CHECK_STATUS(libsocket_client_send(client, &message), LIBSOCKET_E_NOT_CONNECTED);
    libsocket_server server = open_server("unix", "later", NULL, 0);
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_CONNECTED));
    CHECK(libsocket_client_connected(client) == 1);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void refused_arguments(void)
{
    libsocket_server server = {7};
    libsocket_client client = {7};
    CHECK_STATUS(libsocket_server_open(NULL, "unix", "e", NULL, 0, NULL, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_open(NULL, "unix", "e", NULL, 0, NULL, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(try_server(NULL, "e", NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(try_server("unix", NULL, NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(try_server("pipe", "e", NULL), LIBSOCKET_E_INVALID);
    CHECK_SAYS("pipe");
    CHECK_STATUS(try_server("unix", "", NULL), LIBSOCKET_E_INVALID);
    CHECK_SAYS("cannot be empty");
    CHECK_STATUS(try_server("unix", "a name", NULL), LIBSOCKET_E_INVALID);
    CHECK_SAYS("a name");
    CHECK_STATUS(libsocket_server_open(&server, "unix", "e", NULL, 4, NULL, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_server_open(&server, "unix", "e", NULL, LIBSOCKET_PULL, never, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_server_open(&server, "unix", "e", NULL, LIBSOCKET_HOLD, NULL, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_open(&client, "unix", "e", NULL, LIBSOCKET_PULL, NULL, NULL),
                 LIBSOCKET_E_INVALID);
    CHECK(server.id == 7 && client.id == 7);
}

static void refused_settings(void)
{
    CHECK_STATUS(try_server("unix", "e", "max_connections = 0"), LIBSOCKET_E_SETTINGS);
    CHECK_SAYS("max_connections");
    CHECK_STATUS(try_server("unix", "e", "buffer_size = \"many\""), LIBSOCKET_E_SETTINGS);
    CHECK_STATUS(try_server("unix", "e", "buffer_size ="), LIBSOCKET_E_SETTINGS);
    CHECK_STATUS(try_client("unix", "e", "name = 3"), LIBSOCKET_E_SETTINGS);
}

static void refused_by_the_system(void)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    libsocket_server server = open_server("unix", "taken", NULL, 0);
    CHECK_STATUS(try_server("unix", "taken", NULL), LIBSOCKET_E_IN_USE);
    CHECK_SAYS(pid);
    CHECK_OK(libsocket_server_close(server));
    CHECK_STATUS(try_client("unix", "taken", NULL), LIBSOCKET_E_NO_SERVER);
    CHECK_SAYS("taken");
    CHECK_STATUS(try_client("tcp", "e", NULL), LIBSOCKET_E_INVALID);
    CHECK_SAYS("Port must be provided");
}

static void ports(void)
{
    char settings[64], *address = NULL;
    libsocket_server first = open_server("tcp", "ports", "port = 0", 0);
    CHECK_OK(libsocket_server_address(&address, first));
    const char *port = address == NULL ? NULL : strrchr(address, ':');
    check_need(CHECK(port != NULL && atoi(port + 1) > 0), "no port");
    snprintf(settings, sizeof settings, "port = %s", port + 1);
    CHECK_STATUS(try_server("tcp", "ports", settings), LIBSOCKET_E_IN_USE);
    snprintf(settings, sizeof settings, "port_range_start = %s\nport_range_end = %s",
             port + 1, port + 1);
    CHECK_STATUS(try_server("tcp", "ports", settings), LIBSOCKET_E_NO_PORT);
    CHECK_SAYS("No available port in range");
    CHECK_OK(libsocket_server_close(first));
    libsocket_free(address);
}

static void full_server(void)
{
    libsocket_server server = open_server("unix", "full", "max_connections = 1", 0);
    libsocket_client client = join_server(server, "unix", "full", "");
    CHECK_STATUS(try_client("unix", "full", NULL), LIBSOCKET_E_MAX_CONNECTIONS);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* What is open at most once is not there twice, and nothing is left. */
static void nothing_is_left(void)
{
    open_and_close("unix"); /* what the library keeps for good is there now */
    open_and_close("tcp");
    int fds = support_entries("/proc/self/fd");
    for (int round = 0; round < 20; round++) {
        libsocket_server server = open_server("unix", "left", NULL, LIBSOCKET_PULL);
        libsocket_client client = join_server(server, "unix", "left", "");
        CHECK_OK(libsocket_client_close(client));
        CHECK_OK(libsocket_server_close(server));
        CHECK_STATUS(try_client("unix", "left", NULL), LIBSOCKET_E_NO_SERVER);
        CHECK_STATUS(try_server("unix", "left", "buffer_size = 0"), LIBSOCKET_E_SETTINGS);
    }
    CHECK(support_entries("/proc/self/fd") == fds);
}

/* More handles than the table of handles starts with, in two waves. */
static void many_at_once(void)
{
    enum { MANY = 100 };
    libsocket_client clients[MANY];
    libsocket_server server = open_server("unix", "many", "max_connections = 100", LIBSOCKET_PULL);
    for (int wave = 0; wave < 2; wave++) {
        for (int i = 0; i < MANY; i++)
            clients[i] = join_server(server, "unix", "many", "");
        CHECK_OK(libsocket_server_wait_clients(server, MANY, -1));
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j < i; j++)
                CHECK(clients[i].id != clients[j].id);
        for (int i = 0; i < MANY; i++)
            CHECK_OK(libsocket_client_close(clients[i]));
        libsocket_free(next_of_server(server, LIBSOCKET_EVENT_LAST_CLIENT));
    }
    CHECK_OK(libsocket_server_close(server));
}

int main(void)
{
    support_start();
    for (int i = 0; i < 2; i++)
        RUN_WITH(open_and_close, transports[i]);
    RUN(client_outlives_server);
    RUN(without_reconnect);
    RUN(waits_for_server);
    RUN(refused_arguments);
    RUN(refused_settings);
    RUN(refused_by_the_system);
    RUN(ports);
    RUN(full_server);
    RUN(nothing_is_left);
    RUN(many_at_once);
    return support_end();
}
