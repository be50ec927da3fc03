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

void run_sender(const options *o, send_fn *send, void *context)
{
    say("joined");
    await_line();
    const int64_t cpu = cpu_ns(), began = now_ns();
    const int64_t deadline = began + (int64_t)(o->seconds * 1e9);
    /* The clock is not read for each: it costs as much as a message. */
    const uint64_t step = o->size < 4096 ? 64 : 1;
    uint64_t sent = 0;
    while (sent < o->limit && (sent % step != 0 || now_ns() < deadline))
        send(context, sent++);
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
    say("result fewest=%llu most=%llu finished=%lld cpu=%lld",
        (unsigned long long)fewest, (unsigned long long)most,
        (long long)finished, (long long)(cpu_ns() - cpu));
    free(all);
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

void run_asker(const options *o, ask_fn *ask, void *context)
{
    enum { MOST = 1 << 18, WARM_UP = 200 };
    uint32_t *took = malloc(MOST * sizeof *took);
    say("ready");
    await_line();
    for (uint64_t i = 0; i < WARM_UP; i++)
        ask(context, i);
    const int64_t deadline = now_ns() + (int64_t)(o->seconds * 1e9);
    size_t count = 0;
    for (int64_t before = now_ns(); count < MOST && before < deadline;) {
        ask(context, WARM_UP + count);
        const int64_t after = now_ns();
        took[count++] = (uint32_t)(after - before);
        before = after;
    }
    qsort(took, count, sizeof *took, by_value);
    say("result count=%zu p50=%u p99=%u p999=%u", count, took[count / 2],
        took[count * 99 / 100], took[count * 999 / 1000]);
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
        {"send", role_send}, {"receive", role_receive}, {"echo", role_echo},
        {"ask", role_ask},   {"first", role_first},
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
