/*
 * many_test.c - handles opened and closed many times, and many open at once:
 * what they cost, and that nothing is left. TEST_SCALE=10000 is 100 000 times
 * and 10 000 clients; then the costs are printed.
 */
#include "support.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

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

/* The server of the crowd, in a process of its own; ends with its input. */
static int serve(const char *most)
{
    char settings[80], end;
    numbered number;
    snprintf(settings, sizeof settings, "max_connections = %s", most);
    libsocket_server server = {0};
    if (libsocket_server_open(&server, "unix", "crowd", settings, 0, NULL, NULL) !=
            LIBSOCKET_OK || write(STDOUT_FILENO, "", 1) != 1)
        return 1;
    while (read(STDIN_FILENO, &end, 1) == 1) /* a byte: send one message */
        libsocket_server_send(server, number_message(&number, 7));
    return libsocket_server_close(server) == LIBSOCKET_OK ? 0 : 2;
}

typedef struct served {
    pid_t pid;
    int to, from;
} served;

static served start_server(const char *self, uint32_t most)
{
    int to[2], from[2];
    char text[20], ready;
    snprintf(text, sizeof text, "%u", most);
    check_need(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0, "no pipes");
    served s = {fork(), to[1], from[0]};
    if (s.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execl(self, self, text, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    check_need(s.pid > 0 && read(s.from, &ready, 1) == 1, "no server");
    return s;
}

static void many_clients(const char *self)
{
    uint32_t count = support_times(100);
    struct rlimit limit;
    check_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    libsocket_client *clients = calloc(count, sizeof *clients);
    check_need(clients != NULL, "no memory");
    served server = start_server(self, count);
    holding before = held();
    for (uint32_t i = 0; i < count; i++) {
        check_need(CHECK_OK(libsocket_client_open(&clients[i], "unix", "crowd", NULL, 0, NULL,
                                                  NULL)), "no client");
        if (i % 500 == 0)
            alarm(SUPPORT_SECONDS);
    }
    holding all = held();
    CHECK(write(server.to, "", 1) == 1);
    for (uint32_t i = 0; i < count; i++) {
        libsocket_event *event = next_message(clients[i]);
        CHECK(event_number(event) == 7);
        libsocket_free(event);
    }
    if (at_length()) {
        print("no client", before);
        print("all clients", all);
    }
    CHECK(all.descriptors - before.descriptors <= (int)count * 2); /* the socket, and its own */
    CHECK(all.threads - before.threads <= 16); /* none for a client */
    for (uint32_t i = 0; i < count; i++) {
        CHECK_OK(libsocket_client_close(clients[i]));
        if (i % 500 == 0)
            alarm(SUPPORT_SECONDS);
    }
    int status = -1;
    close(server.to);
    CHECK(waitpid(server.pid, &status, 0) == server.pid && status == 0);
    close(server.from);
    CHECK(held().descriptors < before.descriptors);
    free(clients);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return serve(argv[1]);
    support_start();
    RUN(nothing_grows);
    RUN_WITH(many_clients, argv[0]);
    return support_end();
}
