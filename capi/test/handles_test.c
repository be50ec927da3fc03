/*
 * handles_test.c - every function with a handle that is not an open one of its
 * kind: zero, closed, made up, of the other kind.
 */
#include "support.h"

#define WANT(call) CHECK_STATUS(call, LIBSOCKET_E_BAD_HANDLE)

static void server_functions(uint64_t id)
{
    libsocket_server server = {id};
    libsocket_message message = data_message(NULL, 0);
    libsocket_event *events = NULL;
    libsocket_client_info *infos = NULL;
    void *block = NULL;
    char *address = NULL;
    size_t size = 7;
    WANT(libsocket_server_send(server, &message));
    WANT(libsocket_server_send_many(NULL, server, &message, 1));
    WANT(libsocket_server_send_many(NULL, server, NULL, 0));
    WANT(libsocket_server_send_to(server, 1, &message));
    WANT(libsocket_server_send_packed(NULL, server, "\x90", 1));
    WANT(libsocket_server_receive(&events, &size, server, 0, 0));
    WANT(libsocket_server_receive(&events, &size, server, 0, -1));
    WANT(libsocket_server_receive_packed(&block, &size, server, 0, -1));
    WANT(libsocket_server_fd(server));
    WANT(libsocket_server_clients(&infos, &size, server));
    WANT(libsocket_server_wait_clients(server, 1, -1));
    WANT(libsocket_server_address(&address, server));
    WANT(libsocket_server_queue_length(&size, server));
    WANT(libsocket_server_queue_clear(server));
    WANT(libsocket_server_announce_restart(server));
    WANT(libsocket_server_queue_take(&block, &size, server));
    WANT(libsocket_server_stats(&block, &size, server));
    WANT(libsocket_server_close(server));
    CHECK(events == NULL && infos == NULL && block == NULL && address == NULL && size == 7);
    CHECK_SAYS("not an open server");
}

static void client_functions(uint64_t id)
{
    libsocket_client client = {id};
    libsocket_message message = data_message(NULL, 0);
    libsocket_event *events = NULL;
    void *block = NULL;
    size_t size = 7;
    WANT(libsocket_client_send(client, &message));
    WANT(libsocket_client_send_many(NULL, client, &message, 1));
    WANT(libsocket_client_send_packed(NULL, client, "\x90", 1));
    WANT(libsocket_client_receive(&events, &size, client, 0, 0));
    WANT(libsocket_client_receive(&events, &size, client, 0, -1));
    WANT(libsocket_client_receive_packed(&block, &size, client, 0, -1));
    WANT(libsocket_client_fd(client));
    WANT(libsocket_client_connected(client));
    WANT(libsocket_client_buffered(&size, client));
    WANT(libsocket_client_buffer_clear(client));
    WANT(libsocket_client_close(client));
    CHECK(events == NULL && block == NULL && size == 7);
    CHECK_SAYS("not an open client");
}

static void no_handle(const char *what, uint64_t id)
{
    check_name = what;
    server_functions(id);
    client_functions(id);
}

static void made_up(libsocket_server server, libsocket_client client)
{
    no_handle("zero", 0);
    no_handle("all bits", UINT64_MAX);
    no_handle("slot alone", 1);
    no_handle("another generation", server.id + (UINT64_C(1) << 32));
    no_handle("an older generation", client.id & UINT32_MAX);
    no_handle("far slot", server.id + 100000);
    no_handle("pointer", (uint64_t)(uintptr_t)&server);
    uint64_t seed = 1;
    for (int i = 0; i < 1000; i++) {
        libsocket_client invented = {seed};
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (invented.id != client.id)
            WANT(libsocket_client_connected(invented));
    }
}

/* Of several that close one handle at once, one does and the others hear so. */
static libsocket_server contested;
static box did_close = BOX, refused = BOX, ready = BOX;

static void *close_contested(void *unused)
{
    (void)unused;
    box_add(&ready, 1);
    box_wait(&ready, 4);
    int status = libsocket_server_close(contested);
    CHECK(status == LIBSOCKET_OK || status == LIBSOCKET_E_BAD_HANDLE);
    box_add(status == LIBSOCKET_OK ? &did_close : &refused, 1);
    return NULL;
}

static void closed_at_once(void)
{
    pthread_t threads[4];
    contested = open_server("unix", "contested", NULL, 0);
    for (int i = 0; i < 4; i++)
        check_need(pthread_create(&threads[i], NULL, close_contested, NULL) == 0, "no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(box_get(&did_close) == 1 && box_get(&refused) == 3);
}

/* The slots of closed handles are used again, their ids are not. */
static void used_again(libsocket_server server, libsocket_client client)
{
    libsocket_server next = open_server("unix", "handles", NULL, LIBSOCKET_PULL);
    CHECK(next.id != server.id && next.id != client.id);
    no_handle("closed server, slot in use again", server.id);
    no_handle("closed client, slot in use again", client.id);
    CHECK_OK(libsocket_server_close(next));
}

static void closed(libsocket_server server, libsocket_client client)
{
    CHECK(libsocket_client_connected(client) == 1); /* nothing has harmed it */
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    no_handle("closed client", client.id);
    no_handle("closed server", server.id);
}

int main(void)
{
    support_start();
    libsocket_server server = open_server("unix", "handles", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "handles", "");
    RUN_WITH(made_up, server, client);
    RUN_WITH(server_functions, client.id);
    RUN_WITH(client_functions, server.id);
    RUN_WITH(closed, server, client);
    RUN_WITH(used_again, server, client);
    RUN(closed_at_once);
    return support_end();
}
