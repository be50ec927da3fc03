/*
 * boundary_bench.c - what a call from C into the library and back costs, in
 * the form of Go's benchmarks, so that benchstat reads both. For make bench-go:
 *
 *     boundary_bench [REGEXP [TIME [COUNT]]]
 *
 * as go test's -bench, -benchtime and -count. What a REGEXP has behind a slash
 * does not count: there are no benchmarks within others here.
 */
#include "support.h"

#include <regex.h>
#include <sched.h>

enum { BATCH = 64 };

static regex_t chosen;
static int64_t wanted_ns;    /* how long to run each; 0: by number */
static uint64_t wanted_runs; /* how often to */

static libsocket_server nobody_there, server;
static libsocket_client client;
static libsocket_message messages[BATCH];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Does it at least *n times, *n of them were done, and returns how long it took. */
typedef int64_t bench(uint64_t *n);

/* The way into Go, a handle found there, and the way back. */
static int64_t call(uint64_t *n)
{
    const int64_t began = now_ns();
    for (uint64_t i = 0; i < *n; i++)
        CHECK(libsocket_client_connected(client) == 1);
    return now_ns() - began;
}

static int64_t server_send(uint64_t *n)
{
    const int64_t began = now_ns();
    for (uint64_t i = 0; i < *n; i++)
        CHECK_OK(libsocket_server_send(nobody_there, &messages[0]));
    return now_ns() - began;
}

static int64_t server_send_many(uint64_t *n)
{
    uint64_t done = 0;
    const int64_t began = now_ns();
    for (; done < *n; done += BATCH)
        CHECK_OK(libsocket_server_send_many(NULL, nobody_there, messages, BATCH));
    *n = done;
    return now_ns() - began;
}

/* Sends a batch, and waits until all of it can be taken. */
static void await_batch(void)
{
    size_t waiting = 0;
    CHECK_OK(libsocket_server_send_many(NULL, server, messages, BATCH));
    while (CHECK_OK(libsocket_client_buffered(&waiting, client)) && waiting < BATCH)
        sched_yield();
}

/* Takes batches, at most so many messages a call. Their coming is not counted. */
static int64_t receive(uint64_t *n, size_t most, bool packed)
{
    uint64_t done = 0;
    int64_t took = 0;
    for (; done < *n; done += BATCH) {
        await_batch();
        const int64_t began = now_ns();
        for (size_t got = 0; got < BATCH; got += most) {
            libsocket_event *events = NULL;
            void *rows = NULL;
            size_t count = 0;
            if (packed)
                CHECK_OK(libsocket_client_receive_packed(&rows, &count, client, most, 0));
            else
                CHECK_OK(libsocket_client_receive(&events, &count, client, most, 0));
            libsocket_free(packed ? rows : (void *)events);
        }
        took += now_ns() - began;
    }
    *n = done;
    return took;
}

static int64_t client_receive(uint64_t *n) { return receive(n, BATCH, false); }
static int64_t client_receive_one(uint64_t *n) { return receive(n, 1, false); }
static int64_t client_receive_packed(uint64_t *n) { return receive(n, BATCH, true); }

/* Runs it more and more often until it takes as long as wanted. */
static void run(const char *name, bench *body)
{
    if (regexec(&chosen, name, 0, NULL, 0) != 0)
        return;
    check_begin(name);
    uint64_t n = wanted_runs != 0 ? wanted_runs : 1;
    int64_t took = body(&n);
    while (took < wanted_ns && n < 1000000000) {
        const double each = (double)(took > 0 ? took : 1) / (double)n;
        const double next = 1.2 * (double)wanted_ns / each;
        const double most = 100 * (double)n;
        n = 1 + (uint64_t)(next < most ? next : most);
        took = body(&n);
    }
    check_end();
    printf("%-32s\t%10" PRIu64 "\t%12.4g ns/op\n", name, n, (double)took / (double)n);
}

/* Leaves out what is between a slash and the following bar. */
static void choose_names(const char *pattern)
{
    char names[256];
    size_t size = 0;
    bool behind = false;
    for (; *pattern != '\0' && size < sizeof names - 1; pattern++) {
        behind = *pattern != '|' && (behind || *pattern == '/');
        if (!behind)
            names[size++] = *pattern;
    }
    names[size] = '\0';
    check_need(regcomp(&chosen, names, REG_EXTENDED | REG_NOSUB) == 0, "not a POSIX regular expression");
}

static void choose_time(const char *span)
{
    char *unit;
    const double number = strtod(span, &unit);
    static const struct { const char *unit; double ns; } units[] = {
        {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9},
    };
    if (strcmp(unit, "x") == 0)
        wanted_runs = (uint64_t)number;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit) == 0)
            wanted_ns = (int64_t)(number * units[i].ns);
    }
    check_need(wanted_runs != 0 || wanted_ns != 0, "the time is none that go test takes, such as 1s or 100x");
}

int main(int argc, char **argv)
{
    static const char data[] =
        "\x83\xa8progress\xcb\x40\x40\xa6\x66\x66\x66\x66\x66"
        "\xa6status\xaaprocessing\xa4step\xb2Generating effects";
    choose_names(argc > 1 ? argv[1] : ".");
    choose_time(argc > 2 ? argv[2] : "1s");
    support_start();
    for (size_t i = 0; i < BATCH; i++)
        messages[i] = data_message(data, sizeof data - 1);
    nobody_there = open_server("unix", "nobody_there", NULL, 0);
    server = open_server("unix", "wallpaper_progress", NULL, 0);
    client = join_server(server, "unix", "wallpaper_progress", "");
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    for (int i = 0; i < 1000; i++) /* its log is full, and uses its memory again */
        CHECK_OK(libsocket_server_send_many(NULL, nobody_there, messages, BATCH));
    printf("pkg: libsocket/capi/test\n");
    for (int left = argc > 3 ? atoi(argv[3]) : 1; left > 0; left--) {
        run("BenchmarkCCall", call);
        run("BenchmarkCServerSend", server_send);
        run("BenchmarkCServerSendMany", server_send_many);
        run("BenchmarkCClientReceive", client_receive);
        run("BenchmarkCClientReceiveOne", client_receive_one);
        run("BenchmarkCClientReceivePacked", client_receive_packed);
    }
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
    CHECK_OK(libsocket_server_close(nobody_there));
    return support_end();
}
