/*
 * memory_test.c - what a call takes of the host's memory: one block to store
 * in, whatever that holds. When there is none, it says so and nothing is lost;
 * a callback that cannot be given its events is told, and its handle ends.
 *
 * malloc is this program's own: it counts, and fails when told to. Only not
 * for what the Go runtime asks for to start a thread, which may happen in any
 * call: it ends the process without.
 */
#include "support.h"

void *__libc_malloc(size_t size);

#define FOR_A_THREAD (3 * sizeof(void *)) /* ThreadStart of runtime/cgo */

static __thread bool starving;    /* this thread's malloc fails */
static __thread unsigned blocks;  /* that this thread was given */
static size_t largest = SIZE_MAX; /* every thread's does above this */

void *malloc(size_t size)
{
    if ((starving && size != FOR_A_THREAD) || size > __atomic_load_n(&largest, __ATOMIC_RELAXED)) {
        errno = ENOMEM;
        return NULL;
    }
    if (size != FOR_A_THREAD)
        blocks++;
    return __libc_malloc(size);
}

#define STARVES(call)                                                \
    do {                                                             \
        starving = true;                                             \
        int status_ = (call);                                        \
        starving = false;                                            \
        CHECK_STATUS(status_, LIBSOCKET_E_NO_MEMORY);                \
    } while (0)

#define TAKES(wanted, call)                                          \
    do {                                                             \
        blocks = 0;                                                  \
        int status_ = (call);                                        \
        unsigned taken_ = blocks;                                    \
        CHECK_OK(status_);                                           \
        CHECK(taken_ == (wanted));                                   \
    } while (0)

/* Takes so many messages, in as many calls as that needs. */
static void take_messages(libsocket_client client, size_t wanted, bool packed)
{
    for (size_t got = 0; got < wanted;) {
        libsocket_event *events = NULL;
        void *rows = NULL;
        size_t count = 0;
        if (packed) {
            TAKES(1, libsocket_client_receive_packed(&rows, &count, client, 1, -1));
            got++;
        } else {
            TAKES(1, libsocket_client_receive(&events, &count, client, 0, -1));
            got += count;
        }
        libsocket_free(events);
        libsocket_free(rows);
        if (count == 0) /* it failed, which was said */
            return;
    }
}

/* To send takes no block at all, to receive takes one a call. */
static void blocks_of_a_call(void)
{
    enum { MANY = 100 };
    numbered number;
    libsocket_message messages[MANY];
    libsocket_server server = open_server("unix", "blocks", NULL, 0);
    libsocket_client client = join_server(server, "unix", "blocks", "");
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    for (size_t i = 0; i < MANY; i++)
        messages[i] = *number_message(&number, 1);
    for (int packed = 0; packed < 2; packed++) {
        TAKES(0, libsocket_server_send(server, &messages[0]));
        take_messages(client, 1, packed != 0);
        TAKES(0, libsocket_server_send_many(NULL, server, messages, MANY));
        take_messages(client, MANY, packed != 0);
        TAKES(0, libsocket_server_send_packed(NULL, server, "\x92\x80\x80", 3));
        take_messages(client, 2, packed != 0);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void functions_that_store(void)
{
    libsocket_server server = open_server("unix", "memory", NULL, LIBSOCKET_PULL);
    libsocket_message message = data_message(NULL, 0);
    CHECK_OK(libsocket_server_send(server, &message));
    libsocket_client_info *infos = NULL;
    char *text = NULL;
    void *block = NULL;
    size_t size = 7;
    STARVES(libsocket_server_queue_take(&block, &size, server));
    size_t queued = 0;
    CHECK_OK(libsocket_server_queue_length(&queued, server));
    CHECK(queued == 1); /* nothing was lost */
    libsocket_client client = join_server(server, "unix", "memory", "");
    CHECK_OK(libsocket_server_wait_clients(server, 1, -1));
    STARVES(libsocket_server_clients(&infos, &size, server));
    STARVES(libsocket_server_address(&text, server));
    STARVES(libsocket_server_stats(&block, &size, server));
    STARVES(libsocket_inspect(&block, &size, "unix", "memory", NULL));
    STARVES(libsocket_list(&block, &size, NULL));
    STARVES(libsocket_settings(&block, &size, NULL, NULL));
    STARVES(libsocket_json_to_msgpack(&block, &size, "1", 1));
    STARVES(libsocket_msgpack_to_json(&text, "\x01", 1));
    CHECK(infos == NULL && text == NULL && block == NULL && size == 7);
    CHECK(strcmp(libsocket_last_error(), libsocket_strerror(LIBSOCKET_E_NO_MEMORY)) == 0);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* What could not be stored is there for the next call, in either form. */
static void receive_loses_nothing(void)
{
    numbered number;
    libsocket_event *events = NULL;
    void *block = NULL;
    size_t size = 7;
    libsocket_server server = open_server("unix", "again", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "again", "");
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_FIRST_CLIENT));
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    CHECK_OK(libsocket_server_send(server, number_message(&number, 5)));
    CHECK_OK(libsocket_client_send(client, number_message(&number, 6)));
    STARVES(libsocket_client_receive(&events, &size, client, 0, -1));
    STARVES(libsocket_client_receive_packed(&block, &size, client, 0, -1));
    STARVES(libsocket_server_receive_packed(&block, &size, server, 0, -1));
    STARVES(libsocket_server_receive(&events, &size, server, 0, -1));

    CHECK(events == NULL && block == NULL && size == 7);
    libsocket_event *event = next_message(client);
    CHECK(event_number(event) == 5);
    libsocket_free(event);
    event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
    CHECK(event_number(event) == 6);
    libsocket_free(event);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* The text of an error finds no memory: the status's own sentence stands. */
static void errors_without_memory(void)
{
    libsocket_client client = {0};
    starving = true;
    int status = libsocket_client_connected(client);
    starving = false;
    CHECK_STATUS(status, LIBSOCKET_E_BAD_HANDLE);
    CHECK(strcmp(libsocket_last_error(), libsocket_strerror(status)) == 0);
}

typedef struct told {
    box closed, log;
} told;

static void take(const libsocket_event *events, size_t count, void *user)
{
    told *t = user;
    for (size_t i = 0; i < count; i++) {
        CHECK(box_get(&t->closed) == 0);
        if (events[i].kind == LIBSOCKET_EVENT_LOG && events[i].level == LIBSOCKET_LOG_ERROR) {
            CHECK(strstr(events[i].text, "no memory") != NULL);
            box_add(&t->log, 1);
        }
        if (events[i].kind == LIBSOCKET_EVENT_CLOSED)
            box_add(&t->closed, 1);
    }
}

static void callback_without_memory(void)
{
    enum { LARGE = 3000000 };
    unsigned char *data = calloc(LARGE, 1);
    check_need(data != NULL, "no memory");
    memcpy(data, "\xc6\x00\x2d\xc6\xbb", 5);
    libsocket_message message = data_message(data, LARGE);
    libsocket_client client = {0};
    told t = {BOX, BOX};
    libsocket_server server = open_server("unix", "large", NULL, 0);
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "large", NULL, 0, take, &t)),
               "no client");
    __atomic_store_n(&largest, 2000000, __ATOMIC_RELAXED);
    CHECK_OK(libsocket_server_send(server, &message));
    box_wait(&t.closed, 1);
    __atomic_store_n(&largest, SIZE_MAX, __ATOMIC_RELAXED);
    CHECK(box_get(&t.log) == 1);
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    free(data);
}

int main(void)
{
    support_start();
    RUN(blocks_of_a_call);
    RUN(functions_that_store);
    RUN(receive_loses_nothing);
    RUN(errors_without_memory);
    RUN(callback_without_memory);
    return support_end();
}
