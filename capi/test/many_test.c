/*
 * many_test.c - handles opened and closed many times, and many open at once:
 * what they cost, and that nothing is left. TEST_SCALE=10000 is 100 000 times
 * and 10 000 clients; then the costs are printed.
 */
#include "support.h"

#include <malloc.h>
#include <sys/resource.h>

typedef struct holding {
    int descriptors, threads;
    long heap_kb, resident_kb;
} holding;

static holding held(void)
{
    holding h = {support_entries("/proc/self/fd"), support_entries("/proc/self/task") + 1, 0, 0};
    malloc_trim(0);
    h.heap_kb = (long)(mallinfo2().uordblks / 1024);
    FILE *file = fopen("/proc/self/statm", "r");
    check_need(file != NULL && fscanf(file, "%*d %ld", &h.resident_kb) == 1, "/proc/self/statm");
    fclose(file);
    h.resident_kb *= sysconf(_SC_PAGESIZE) / 1024;
    return h;
}

static void print(const char *when, holding h)
{
    printf("%s: %d descriptors, %d threads, heap %ld KiB, resident %ld KiB\n", when,
           h.descriptors, h.threads, h.heap_kb, h.resident_kb);
}

static bool at_length(void) { return support_times(100) > 1000; }

static void ignore(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)count, (void)user;
}

/* A server and two clients, one pulled and one with a callback. */
static void open_and_close(void)
{
    libsocket_client calls_back = {0};
    libsocket_server server = open_server("unix", "many", NULL, LIBSOCKET_PULL);
    libsocket_client client = join_server(server, "unix", "many", "");
    check_need(CHECK_OK(libsocket_client_open(&calls_back, "unix", "many", NULL, 0, ignore, NULL)),
               "no client");
    CHECK_OK(libsocket_client_close(calls_back));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void nothing_grows(void)
{
    uint32_t times = support_times(1000) / 3 + 20;
    for (uint32_t i = 0; i < times / 5 + 10; i++)
        open_and_close(); /* to the library's working size */
    holding before = held();
    for (uint32_t i = 0; i < times; i++) {
        open_and_close();
        if (i % 2000 == 0)
            alarm(SUPPORT_SECONDS);
    }
    holding after = held();
    if (at_length()) {
        print("before", before);
        print("after", after);
    }
    CHECK(after.descriptors == before.descriptors);
    CHECK(after.threads <= before.threads + 4);
    CHECK(after.heap_kb <= before.heap_kb + 256);
    CHECK(after.resident_kb <= before.resident_kb * 5 / 4 + 4096);
    libsocket_server server = open_server("unix", "slot", NULL, 0);
    CHECK((uint32_t)server.id < 4); /* and so do the slots of handles */
    CHECK_OK(libsocket_server_close(server));
}

static void many_clients(void)
{
    uint32_t count = support_times(100);
    char settings[80];
    numbered number;
    struct rlimit limit;
    check_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    libsocket_client *clients = calloc(count, sizeof *clients);
    check_need(clients != NULL, "no memory");
    snprintf(settings, sizeof settings, "max_connections = %u", count);
    libsocket_server server = open_server("unix", "crowd", settings, 0);
    holding before = held();
    for (uint32_t i = 0; i < count; i++) {
        clients[i] = join_server(server, "unix", "crowd", "");
        if (i % 500 == 0)
            alarm(SUPPORT_SECONDS);
    }
    CHECK_OK(libsocket_server_wait_clients(server, count, -1));
    holding all = held();
    CHECK_OK(libsocket_server_send(server, number_message(&number, 7)));
    for (uint32_t i = 0; i < count; i++) {
        libsocket_event *event = next_message(clients[i]);
        CHECK(event_number(event) == 7);
        libsocket_free(event);
    }
    if (at_length()) {
        print("no client", before);
        print("all clients", all);
    }
    /* Both ends are here: a socket each, and the client's descriptor. */
    CHECK(all.descriptors - before.descriptors <= (int)count * 3);
    CHECK(all.threads - before.threads <= 16); /* none for a client */
    for (uint32_t i = 0; i < count; i++) {
        CHECK_OK(libsocket_client_close(clients[i]));
        if (i % 500 == 0)
            alarm(SUPPORT_SECONDS);
    }
    CHECK_OK(libsocket_server_close(server));
    CHECK(held().descriptors <= before.descriptors);
    free(clients);
}

int main(void)
{
    support_start();
    RUN(nothing_grows);
    RUN(many_clients);
    return support_end();
}
