/*
 * threads_test.c - one handle used by many threads at once: nothing is lost,
 * nothing comes twice, each thread's messages keep their order.
 */
#include "support.h"

enum { SENDERS = 4, EACH = 3000, RECEIVERS = 3 };

static libsocket_server server;
static libsocket_client client;
static box seen = BOX;
static unsigned char got[SENDERS][EACH]; /* how often each message came */

static void *send_all(void *which)
{
    uint32_t sender = *(uint32_t *)which;
    numbered number;
    for (uint32_t i = 0; i < EACH; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, sender * EACH + i)));
    return NULL;
}

static void *receive_until_closed(void *unused)
{
    (void)unused;
    uint32_t next[SENDERS] = {0}; /* of each sender, no number comes back */
    libsocket_event *events = NULL;
    size_t count = 0;
    while (libsocket_client_receive(&events, &count, client, 50, -1) == LIBSOCKET_OK) {
        long messages = 0;
        for (size_t i = 0; i < count; i++) {
            if (events[i].kind != LIBSOCKET_EVENT_MESSAGE)
                continue;
            uint32_t number = event_number(&events[i]);
            if (!CHECK(number < SENDERS * EACH))
                continue;
            uint32_t sender = number / EACH, at = number % EACH;
            CHECK(at >= next[sender]);
            next[sender] = at + 1;
            __atomic_fetch_add(&got[sender][at], 1, __ATOMIC_RELAXED);
            messages++;
        }
        libsocket_free(events);
        box_add(&seen, messages);
    }
    return NULL;
}

static void shared_handles(void)
{
    pthread_t senders[SENDERS], receivers[RECEIVERS];
    uint32_t which[SENDERS];
    server = open_server("unix", "shared", NULL, 0);
    client = join_server(server, "unix", "shared", "");
    for (int i = 0; i < RECEIVERS; i++)
        check_need(pthread_create(&receivers[i], NULL, receive_until_closed, NULL) == 0, "thread");
    for (uint32_t i = 0; i < SENDERS; i++) {
        which[i] = i;
        check_need(pthread_create(&senders[i], NULL, send_all, &which[i]) == 0, "thread");
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    box_wait(&seen, SENDERS * EACH);
    CHECK_OK(libsocket_client_close(client));
    for (int i = 0; i < RECEIVERS; i++)
        pthread_join(receivers[i], NULL);
    CHECK_OK(libsocket_server_close(server));
    for (int i = 0; i < SENDERS; i++)
        for (int j = 0; j < EACH; j++)
            CHECK(got[i][j] == 1);
}

/* Threads open, use and close handles of their own. */
static void *come_and_go(void *which)
{
    char event[32];
    snprintf(event, sizeof event, "own_%u", *(uint32_t *)which);
    for (uint32_t i = 0; i < 20; i++) {
        numbered number;
        libsocket_server mine = open_server("unix", event, NULL, 0);
        libsocket_client viewer = join_server(mine, "unix", event, "");
        CHECK_OK(libsocket_server_send(mine, number_message(&number, i)));
        libsocket_event *received = next_message(viewer);
        CHECK(event_number(received) == i);
        libsocket_free(received);
        CHECK_OK(libsocket_client_close(viewer));
        CHECK_OK(libsocket_server_close(mine));
    }
    return NULL;
}

static void own_handles(void)
{
    pthread_t threads[SENDERS];
    uint32_t which[SENDERS];
    for (uint32_t i = 0; i < SENDERS; i++) {
        which[i] = i;
        check_need(pthread_create(&threads[i], NULL, come_and_go, &which[i]) == 0, "thread");
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Threads that are cancelled ------------------------------------------ */

/* AddressSanitizer takes what unwinding leaves on the stack for an overrun. */
#ifndef __SANITIZE_ADDRESS__

static void *receive_for_ever(void *unused)
{
    (void)unused;
    libsocket_event *events = NULL;
    size_t count = 0;
    while (libsocket_client_receive(&events, &count, client, 0, -1) == LIBSOCKET_OK) {
        int state; /* the block is ours: nothing may come between */
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        for (size_t i = 0; i < count; i++)
            box_add(&seen, 1);
        libsocket_free(events);
        pthread_setcancelstate(state, NULL);
    }
    return NULL;
}

static void *wait_for_ever(void *unused)
{
    (void)unused;
    box_add(&seen, 1);
    libsocket_server_wait_clients(server, 5, -1);
    return NULL;
}

static long open_descriptors(void)
{
    long count = 0;
    DIR *dir = opendir("/proc/self/fd");
    check_need(dir != NULL, "no /proc");
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* What a cancelled thread was waiting for does not wait for the thread. */
static void cancelled(void *(*wait)(void *))
{
    pthread_t thread;
    void *result = NULL;
    server = open_server("unix", "cancelled", NULL, 0);
    client = join_server(server, "unix", "cancelled", "");
    long before = open_descriptors();
    for (uint32_t i = support_times(20); i > 0; i--) {
        long had = box_get(&seen);
        check_need(pthread_create(&thread, NULL, wait, NULL) == 0, "no thread");
        if (wait == receive_for_ever) {
            numbered number;
            CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
        }
        box_wait(&seen, had + 1);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
    }
    CHECK(open_descriptors() <= before + 1); /* the client's, made when asked for */
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}
#endif

int main(void)
{
    support_start();
    RUN(shared_handles);
    RUN(own_handles);
#ifndef __SANITIZE_ADDRESS__
    RUN_WITH(cancelled, receive_for_ever);
    RUN_WITH(cancelled, wait_for_ever);
#endif
    return support_end();
}
