/*
 * handles_test.c - every function with a handle that is not an open one of its
 * kind: zero, closed, made up, of the other kind.
 */
#include "every.h"

/* Every function of a kind of handle, with an id that is none of that kind. */
static void without_handle(takes on, uint64_t id)
{
    for (EACH_FUNCTION(f)) {
        arguments a = every_arguments();
        a.server.id = a.client.id = id;
        if (f->on != on)
            continue;
        check_name = f->name;
        CHECK_STATUS(f->call(&a), LIBSOCKET_E_BAD_HANDLE);
        CHECK(every_untouched(&a));
        CHECK_SAYS(on == ON_SERVER ? "not an open server" : "not an open client");
        a.timeout_ms = 0;
        CHECK_STATUS(f->call(&a), LIBSOCKET_E_BAD_HANDLE);
    }
    libsocket_server server = {id};
    libsocket_client client = {id};
    check_name = "no messages";
    if (on == ON_SERVER)
        CHECK_STATUS(libsocket_server_send_many(NULL, server, NULL, 0), LIBSOCKET_E_BAD_HANDLE);
    else
        CHECK_STATUS(libsocket_client_send_many(NULL, client, NULL, 0), LIBSOCKET_E_BAD_HANDLE);
}

static void no_handle(uint64_t id)
{
    without_handle(ON_SERVER, id);
    without_handle(ON_CLIENT, id);
}

static void made_up(libsocket_server server, libsocket_client client)
{
    const uint64_t generation = UINT64_C(1) << 32;
    no_handle(0);
    no_handle(UINT64_MAX);
    no_handle(1); /* a slot alone */
    no_handle(server.id + generation);
    no_handle(client.id & UINT32_MAX);
    no_handle(server.id + 100000); /* a slot that is not there */
    no_handle((uint64_t)(uintptr_t)&server);
    uint64_t seed = 1;
    for (uint32_t i = support_times(500); i > 0; i--) {
        uint64_t id = seed % 3 == 0 ? seed : seed % 5 * generation + seed % 7;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (id != server.id && id != client.id)
            no_handle(id);
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
    no_handle(server.id);
    no_handle(client.id);
    CHECK_OK(libsocket_server_close(next));
}

static void closed(libsocket_server server, libsocket_client client)
{
    CHECK(libsocket_client_connected(client) == 1); /* nothing has harmed it */
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    no_handle(client.id);
    no_handle(server.id);
}

int main(void)
{
    support_start();
    libsocket_server server = open_server("unix", "handles", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "handles", "");
    RUN_WITH(made_up, server, client);
    RUN_WITH(without_handle, ON_SERVER, client.id);
    RUN_WITH(without_handle, ON_CLIENT, server.id);
    RUN_WITH(closed, server, client);
    RUN_WITH(used_again, server, client);
    RUN(closed_at_once);
    return support_end();
}
