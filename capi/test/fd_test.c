/*
 * fd_test.c - the descriptor of a pulled handle is readable exactly while
 * something waits, and waiting ends when the handle is closed.
 */
#include "support.h"

#include <fcntl.h>
#include <sys/epoll.h>

static bool readable(int fd, int timeout_ms)
{
    struct pollfd waited = {fd, POLLIN, 0};
    return support_poll(&waited, timeout_ms) == 1 && waited.revents == POLLIN;
}

/* Takes all that waits, and returns how many messages it was. */
static int drain(libsocket_client client)
{
    libsocket_event *events = NULL;
    size_t count = 0;
    int messages = 0;
    while (libsocket_client_receive(&events, &count, client, 2, 0) == LIBSOCKET_OK) {
        for (size_t i = 0; i < count; i++)
            messages += events[i].kind == LIBSOCKET_EVENT_MESSAGE;
        libsocket_free(events);
    }
    return messages;
}

static void follows_the_queue(libsocket_server server, libsocket_client client)
{
    int fd = libsocket_client_fd(client);
    CHECK(fd >= 0 && fd == libsocket_client_fd(client));
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    CHECK(!readable(fd, 0));
    numbered number;
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t burst = round % 5 + 1;
        for (uint32_t i = 0; i < burst; i++)
            CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
        for (uint32_t i = 0; i < burst; i++) {
            CHECK(readable(fd, -1));
            libsocket_event *event = NULL;
            size_t count = 0;
            CHECK_OK(libsocket_client_receive(&event, &count, client, 1, 0));
            CHECK(count == 1 && event_number(event) == i);
            libsocket_free(event);
        }
        CHECK(!readable(fd, 0));
    }
}

static void clearing_empties_it(libsocket_server server, libsocket_client client)
{
    numbered number;
    size_t count = 0;
    int fd = libsocket_client_fd(client);
    CHECK_OK(libsocket_server_send(server, number_message(&number, 1)));
    CHECK(readable(fd, -1));
    CHECK_OK(libsocket_client_buffered(&count, client));
    CHECK(count == 1);
    CHECK_OK(libsocket_client_buffer_clear(client));
    CHECK(!readable(fd, 0));
    CHECK_OK(libsocket_client_buffered(&count, client));
    CHECK(count == 0);
}

static void receive_without_events(libsocket_client client)
{
    libsocket_event *events = NULL;
    void *block = NULL;
    size_t count = 7;
    CHECK_STATUS(libsocket_client_receive(&events, &count, client, 0, 0), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_client_receive(&events, &count, client, 0, 20), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_client_receive_packed(&block, &count, client, 0, 1),
                 LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_client_receive(&events, &count, client, 0, -2), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_receive(NULL, &count, client, 0, 0), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_receive(&events, NULL, client, 0, 0), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_receive_packed(NULL, &count, client, 0, 0),
                 LIBSOCKET_E_INVALID);
    CHECK(events == NULL && block == NULL && count == 7);
}

/* What is there is found by a wait, and left for the receive. */
static void waiting_takes_nothing(void)
{
    libsocket_server server = open_server("unix", "waits", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "waits", "");
    static const libsocket_server no_server;
    static const libsocket_client no_client;
    numbered number;
    const libsocket_message *message = number_message(&number, 1);
    CHECK_STATUS(libsocket_server_wait_events(no_server, 0), LIBSOCKET_E_BAD_HANDLE);
    CHECK_STATUS(libsocket_client_wait_events(no_client, 0), LIBSOCKET_E_BAD_HANDLE);
    CHECK_STATUS(libsocket_server_wait_events(server, -2), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_client_wait_events(client, -2), LIBSOCKET_E_INVALID);
    peer of_server = {server, {0}}, of_client = {{0}, client};
    libsocket_free(next_event(of_server, LIBSOCKET_EVENT_FIRST_CLIENT));
    libsocket_free(next_event(of_client, LIBSOCKET_EVENT_SYNCED));
    CHECK_STATUS(libsocket_server_wait_events(server, 0), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_client_wait_events(client, 1), LIBSOCKET_E_TIMEOUT);
    for (int round = 0; round < 100; round++) {
        CHECK_OK(libsocket_server_send(server, message));
        CHECK_OK(libsocket_client_wait_events(client, -1));
        CHECK_OK(libsocket_client_wait_events(client, -1));
        libsocket_free(next_event(of_client, LIBSOCKET_EVENT_MESSAGE));
        CHECK_OK(libsocket_client_send(client, message));
        CHECK_OK(libsocket_server_wait_events(server, -1));
        libsocket_free(next_event(of_server, LIBSOCKET_EVENT_MESSAGE));
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* What came while a thread waited is not forgotten when nobody waits any more:
   the descriptor tells, although the thread read the connection itself. */
static void readable_after_a_wait(libsocket_server server, libsocket_client client)
{
    int fd = libsocket_client_fd(client);
    numbered number;
    for (uint32_t round = 0; round < 20; round++) {
        CHECK_OK(libsocket_server_send(server, number_message(&number, round)));
        CHECK_OK(libsocket_client_wait_events(client, -1));
        CHECK(drain(client) == 1);
        CHECK_STATUS(libsocket_client_wait_events(client, 1), LIBSOCKET_E_TIMEOUT);
        CHECK_OK(libsocket_server_send(server, number_message(&number, round)));
        CHECK(readable(fd, -1));
        CHECK(drain(client) == 1);
    }
}

/* Several handles in one epoll: each message is found where it is. */
static void in_one_epoll(libsocket_server server)
{
    enum { CLIENTS = 5 };
    libsocket_client clients[CLIENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC), messages = 0;
    check_need(epoll >= 0, "no epoll");
    for (int i = 0; i < CLIENTS; i++) {
        struct epoll_event wanted = {EPOLLIN, {.u32 = (uint32_t)i}};
        clients[i] = join_server(server, "unix", "fd", "");
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, libsocket_client_fd(clients[i]), &wanted) == 0);
    }
    numbered number;
    for (uint32_t i = 0; i < 10; i++)
        CHECK_OK(libsocket_server_send(server, number_message(&number, i)));
    while (messages < 10 * CLIENTS) {
        struct epoll_event ready[CLIENTS];
        int count = epoll_wait(epoll, ready, CLIENTS, -1);
        for (int i = 0; i < count; i++)
            messages += drain(clients[ready[i].data.u32]);
    }
    CHECK(messages == 10 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_OK(libsocket_client_close(clients[i]));
    close(epoll);
}

/* Threads that wait when the handle is closed. */
static libsocket_client ending;
static box before_end = BOX;

static void *receive_to_the_end(void *unused)
{
    (void)unused;
    libsocket_event *events = NULL;
    size_t count = 0;
    int status;
    uint32_t last = 0;
    box_add(&before_end, 1);
    while ((status = libsocket_client_receive(&events, &count, ending, 1, -1)) == LIBSOCKET_OK) {
        last = events->kind;
        libsocket_free(events);
    }
    /* BAD_HANDLE: the thread has never waited, the handle was gone. */
    CHECK(status == LIBSOCKET_E_CLOSED || (status == LIBSOCKET_E_BAD_HANDLE && last == 0));
    return NULL;
}

static void waiters_are_told(libsocket_server server)
{
    enum { WAITERS = 4 };
    pthread_t threads[WAITERS];
    for (int round = 0; round < 20; round++) {
        long before = box_get(&before_end);
        ending = join_server(server, "unix", "fd", "");
        for (int i = 0; i < WAITERS; i++)
            check_need(pthread_create(&threads[i], NULL, receive_to_the_end, NULL) == 0,
                       "no thread");
        box_wait(&before_end, before + WAITERS);
        CHECK_OK(libsocket_client_close(ending));
        for (int i = 0; i < WAITERS; i++)
            pthread_join(threads[i], NULL);
    }
}

/* One that was waiting is told of the end, however late it asks again. */
static box asks_again = BOX;

static void *receive_in_steps(void *unused)
{
    (void)unused;
    libsocket_event *events = NULL;
    size_t count = 0;
    int status;
    bool waited = false;
    box_add(&before_end, 1);
    while ((status = libsocket_client_receive(&events, &count, ending, 1, -1)) == LIBSOCKET_OK) {
        waited = events->kind == LIBSOCKET_EVENT_DISCONNECTED ||
                 events->kind == LIBSOCKET_EVENT_CLOSED;
        libsocket_free(events);
        if (waited)
            box_wait(&asks_again, 1);
    }
    CHECK(status == LIBSOCKET_E_CLOSED || (status == LIBSOCKET_E_BAD_HANDLE && !waited));
    CHECK_STATUS(libsocket_client_receive(&events, &count, ending, 1, -1),
                 LIBSOCKET_E_BAD_HANDLE);
    return NULL;
}

static void told_however_late(libsocket_server server)
{
    pthread_t thread;
    for (int round = 0; round < 20; round++) {
        asks_again.value = 0;
        long before = box_get(&before_end);
        ending = join_server(server, "unix", "fd", "");
        check_need(pthread_create(&thread, NULL, receive_in_steps, NULL) == 0, "no thread");
        box_wait(&before_end, before + 1);
        CHECK_OK(libsocket_client_close(ending));
        box_add(&asks_again, 1);
        pthread_join(thread, NULL);
    }
}

static void gone_when_closed(libsocket_server server, libsocket_client client)
{
    int fd = libsocket_client_fd(client);
    CHECK_OK(libsocket_client_close(client));
    CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
    CHECK_OK(libsocket_server_close(server));
}

/* A server that pulls, and holds a newcomer until the next receive. */
static void server_side(void)
{
    libsocket_server server = open_server("unix", "pull", NULL, LIBSOCKET_PULL | LIBSOCKET_HOLD);
    int fd = libsocket_server_fd(server);
    CHECK(fd >= 0 && !readable(fd, 0));
    numbered number;
    CHECK_OK(libsocket_server_send(server, number_message(&number, 1)));
    libsocket_client client = join_server(server, "unix", "pull", "");
    CHECK(readable(fd, -1));
    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
    CHECK_OK(libsocket_server_send_to(server, event->client, number_message(&number, 2)));
    libsocket_free(event);
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_FIRST_CLIENT));
    for (uint32_t i = 2; i > 0; i--) {
        event = next_message(client);
        CHECK(event_number(event) == i);
        libsocket_free(event);
    }
    CHECK(!readable(fd, 0));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

int main(void)
{
    support_start();
    libsocket_server server = open_server("unix", "fd", NULL, 0);
    libsocket_client client = join_server(server, "unix", "fd", "");
    RUN_WITH(follows_the_queue, server, client);
    RUN_WITH(clearing_empties_it, server, client);
    RUN_WITH(receive_without_events, client);
    RUN(waiting_takes_nothing);
    RUN_WITH(readable_after_a_wait, server, client);
    RUN_WITH(in_one_epoll, server);
    RUN_WITH(waiters_are_told, server);
    RUN_WITH(told_however_late, server);
    RUN_WITH(gone_when_closed, server, client);
    RUN(server_side);
    return support_end();
}
