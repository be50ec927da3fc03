#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void await_line(void)
{
    char line[64];
    if (fgets(line, sizeof line, stdin) == NULL)
        _exit(0);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void put_number(void *at, uint64_t number)
{
    unsigned char *byte = at;
    for (int i = 7; i >= 0; i--, number >>= 8)
        byte[i] = (unsigned char)number;
}

uint64_t get_number(const void *at)
{
    const unsigned char *byte = at;
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | byte[i];
    return number;
}

/* Numbered messages until time or count are used up, as fast as it goes. */
static uint64_t send_flat_out(const options *o, send_fn *send, void *context)
{
    const int64_t deadline = now_ns() + (int64_t)(o->seconds * 1e9);
    /* The clock is not read for each: it costs as much as a message. */
    const uint64_t step = o->size < 4096 ? 64 : 1;
    uint64_t sent = 0;
    while (sent < o->limit && (sent % step != 0 || now_ns() < deadline))
        send(context, sent++);
    return sent;
}

/* What a run at a pace may send at most. */
enum { MOST_PACED = 1 << 16 };

/* The run is at a pace: receivers note how long each message took. */
static bool paced;

static int64_t due_at(const options *o, int64_t began, uint64_t number)
{
    return began + (int64_t)((double)number / o->pace * 1e9);
}

static uint64_t send_paced(const options *o, send_fn *send, void *context)
{
    const int64_t began = now_ns();
    const uint64_t count = (uint64_t)(o->seconds * o->pace);
    uint64_t sent = 0;
    for (; sent < count && sent < MOST_PACED; sent++) {
        const int64_t due = due_at(o, began, sent);
        const struct timespec at = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        send(context, (uint64_t)now_ns());
    }
    return sent;
}

void run_sender(const options *o, send_fn *send, void *context)
{
    say("joined");
    await_line();
    const int64_t cpu = cpu_ns(), began = now_ns();
    const uint64_t sent = (o->pace > 0 ? send_paced : send_flat_out)(o, send, context);
    send(context, LAST);
    await_line(); /* the receivers have ended */
    say("result sent=%llu began=%lld cpu=%lld", (unsigned long long)sent,
        (long long)began, (long long)(cpu_ns() - cpu));
}

bool take(tally *t, uint64_t number)
{
    if (number == LAST) {
        t->finished_ns = now_ns();
        return true;
    }
    if (paced) {
        if (t->delays == NULL)
            t->delays = calloc(MOST_PACED, sizeof *t->delays);
        t->delays[t->received++ % MOST_PACED] = now_ns() - (int64_t)number;
        return false;
    }
    if (number != t->received)
        die("message %llu came where %llu was due", (unsigned long long)number,
            (unsigned long long)t->received);
    t->received++;
    return false;
}

typedef struct receiver {
    pthread_t thread;
    receive_fn *receive;
    void *context;
    int index;
    tally tally;
} receiver;

static void *receiver_main(void *argument)
{
    receiver *r = argument;
    r->receive(r->context, r->index, &r->tally);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void say_percentiles(int64_t *took, size_t count)
{
    if (count == 0)
        die("nothing came");
    qsort(took, count, sizeof *took, by_value);
    say("result count=%zu p50=%lld p99=%lld p999=%lld", count, (long long)took[count / 2],
        (long long)took[count * 99 / 100], (long long)took[count * 999 / 1000]);
}

/* A message has arrived when the last receiver has it. */
static void say_delays(const options *o, receiver *all)
{
    int64_t *latest = all[0].tally.delays;
    const uint64_t count = all[0].tally.received;
    for (int i = 1; i < o->clients; i++) {
        if (all[i].tally.received != count)
            die("receivers were sent different numbers of messages");
        for (uint64_t n = 0; n < count; n++)
            if (all[i].tally.delays[n] > latest[n])
                latest[n] = all[i].tally.delays[n];
    }
    say_percentiles(latest, count);
}

void run_receivers(const options *o, receive_fn *receive, void *context)
{
    receiver *all = calloc((size_t)o->clients, sizeof *all);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    const int64_t cpu = cpu_ns();
    for (int i = 0; i < o->clients; i++) {
        all[i] = (receiver){.receive = receive, .context = context, .index = i};
        if (pthread_create(&all[i].thread, &attributes, receiver_main, &all[i]))
            die("pthread_create: %s", strerror(errno));
    }
    say("ready");
    uint64_t fewest = UINT64_MAX, most = 0;
    int64_t finished = 0;
    for (int i = 0; i < o->clients; i++) {
        pthread_join(all[i].thread, NULL);
        const tally *t = &all[i].tally;
        fewest = t->received < fewest ? t->received : fewest;
        most = t->received > most ? t->received : most;
        finished = t->finished_ns > finished ? t->finished_ns : finished;
    }
    if (o->pace > 0) {
        say_delays(o, all);
        return;
    }
    say("result fewest=%llu most=%llu finished=%lld cpu=%lld",
        (unsigned long long)fewest, (unsigned long long)most,
        (long long)finished, (long long)(cpu_ns() - cpu));
    free(all);
}

typedef struct giver {
    pthread_t thread;
    const options *options;
    send_fn *send;
    void *context;
    uint64_t sent;
} giver;

static void *giver_main(void *argument)
{
    giver *g = argument;
    g->sent = send_flat_out(g->options, g->send, g->context);
    g->send(g->context, LAST);
    return NULL;
}

void run_givers(const options *o, send_fn *send, void *const *contexts)
{
    giver *all = calloc((size_t)o->clients, sizeof *all);
    say("ready");
    await_line();
    const int64_t cpu = cpu_ns(), began = now_ns();
    uint64_t sent = 0;
    for (int i = 0; i < o->clients; i++) {
        all[i] = (giver){.options = o, .send = send, .context = contexts[i]};
        if (pthread_create(&all[i].thread, NULL, giver_main, &all[i]))
            die("pthread_create: %s", strerror(errno));
    }
    for (int i = 0; i < o->clients; i++) {
        pthread_join(all[i].thread, NULL);
        sent += all[i].sent;
    }
    await_line(); /* the server has it all */
    say("result sent=%llu began=%lld cpu=%lld", (unsigned long long)sent,
        (long long)began, (long long)(cpu_ns() - cpu));
    free(all);
}

void run_collector(collect_fn *collect, void *context)
{
    const int64_t cpu = cpu_ns();
    tally t = {0};
    say("ready");
    collect(context, &t);
    say("result received=%llu finished=%lld cpu=%lld", (unsigned long long)t.received,
        (long long)t.finished_ns, (long long)(cpu_ns() - cpu));
}

bool take_any(tally *t, uint64_t number, int *clients)
{
    if (number != LAST) {
        t->received++;
        return false;
    }
    t->finished_ns = now_ns();
    return --*clients == 0;
}

void run_asker(const options *o, ask_fn *ask, void *context)
{
    enum { MOST = 1 << 18, WARM_UP = 200 };
    int64_t *took = malloc(MOST * sizeof *took);
    say("ready");
    await_line();
    for (uint64_t i = 0; i < WARM_UP; i++)
        ask(context, i);
    const int64_t began = now_ns(), deadline = began + (int64_t)(o->seconds * 1e9);
    size_t count = 0;
    for (int64_t before = began; count < MOST && before < deadline;) {
        if (o->pace > 0) { /* awake: a sleep that ends late would count too */
            before = due_at(o, began, count);
            while (now_ns() < before) {}
        }
        ask(context, WARM_UP + count);
        const int64_t after = now_ns();
        took[count++] = after - before;
        before = after;
    }
    say_percentiles(took, count);
    free(took);
}

static void parse(options *o, const char *argument)
{
    const char *value = strchr(argument, '=');
    if (value == NULL)
        die("not KEY=VALUE: %s", argument);
    const size_t length = (size_t)(value++ - argument);
#define IS(name) (length == strlen(name) && memcmp(argument, name, length) == 0)
    if (IS("transport"))
        o->transport = value;
    else if (IS("address"))
        o->address = value;
    else if (IS("kind"))
        o->kind = value;
    else if (IS("port"))
        o->port = atoi(value);
    else if (IS("size"))
        o->size = strtoul(value, NULL, 10);
    else if (IS("clients"))
        o->clients = atoi(value);
    else if (IS("seconds"))
        o->seconds = strtod(value, NULL);
    else if (IS("limit"))
        o->limit = strtoull(value, NULL, 10);
    else if (IS("pace"))
        paced = (o->pace = strtod(value, NULL)) > 0;
    else
        die("unknown: %s", argument);
#undef IS
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const options *);
    } roles[] = {
        {"send", role_send}, {"receive", role_receive}, {"collect", role_collect},
        {"give", role_give}, {"echo", role_echo},       {"ask", role_ask},
        {"first", role_first},
    };
    options o = {.transport = "unix", .address = ".", .kind = "", .size = 180,
                 .clients = 1, .seconds = 0.1, .limit = 1 << 20};
    if (argc < 2)
        die("usage: %s ROLE KEY=VALUE...", argv[0]);
    for (int i = 2; i < argc; i++)
        parse(&o, argv[i]);
    o.role = argv[1];
    alarm(BENCH_LIFETIME);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].name, o.role) == 0) {
            roles[i].run(&o);
            return 0;
        }
    }
    die("no such role: %s", o.role);
}
