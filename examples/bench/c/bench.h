/* What the C programs of the benchmark share: their command line, the words
 * they exchange with the program that runs them, clocks, and the numbers that
 * every message carries so that none can be lost or doubled unseen.
 *
 * A program is called as `PROGRAM ROLE KEY=VALUE...`. It says "ready" when it
 * listens or is connected, a sender says "joined" when all its receivers are
 * there, and it begins when it reads a line. It answers with one line
 * "result KEY=VALUE..." and ends when its input does. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct options {
    const char *role;
    const char *transport; /* unix or tcp */
    const char *address;   /* a directory of ours, or 127.0.0.1:PORT */
    const char *kind;      /* a way of doing it, where a program has several */
    int port;
    size_t size;           /* bytes of a message */
    int clients;
    double seconds;        /* how long to send */
    uint64_t limit;        /* messages at most */
    double pace;           /* messages a second; 0: as fast as it goes */
} options;

/* No program lives longer, whatever becomes of the one that started it. */
#define BENCH_LIFETIME 120

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits for a line; the end of the input ends the program. */
void await_line(void);

int64_t now_ns(void);    /* of the clock that all processes share */
int64_t cpu_ns(void);    /* of this process, all threads */

/* The messages of a run are numbered from 0; the last one carries this. */
#define LAST UINT64_MAX

void put_number(void *at, uint64_t number);
uint64_t get_number(const void *at);

/* Sends numbered messages until time or count are used up, then the last. At
 * a pace, the number of a message is the time when it was sent. */
typedef void send_fn(void *context, uint64_t number);
void run_sender(const options *o, send_fn *send, void *context);

/* One receiver's count. */
typedef struct tally {
    uint64_t received;
    int64_t finished_ns;
    int64_t cpu_ns; /* when it began */
    int64_t *delays; /* of each message, at a pace; else NULL */
} tally;

/* Counts a message; true after the last. A number out of order is fatal. */
bool take(tally *t, uint64_t number);

/* Runs a receiver in a thread each, and says their common result: how many
 * came; at a pace, how long each took to the last receiver. */
typedef void receive_fn(void *context, int index, tally *t);
void run_receivers(const options *o, receive_fn *receive, void *context);

/* The other way round: each of the clients sends in a thread of its own, with
 * a context of its own, and says the common result... */
void run_givers(const options *o, send_fn *send, void *const *contexts);

/* ...and one server takes it all, and says how much came. */
typedef void collect_fn(void *context, tally *t);
void run_collector(collect_fn *collect, void *context);

/* Counts a message from any of the clients; true after the last of each. */
bool take_any(tally *t, uint64_t number, int *clients);

/* Sends and awaits the answer, over and over, and says the percentiles. At a
 * pace, a question that is late counts from when it was due. */
typedef void ask_fn(void *context, uint64_t number);
void run_asker(const options *o, ask_fn *ask, void *context);

/* Each program has these, and bench.c has main(). */
void role_send(const options *o);    /* a server with o->clients receivers */
void role_receive(const options *o); /* o->clients of them */
void role_collect(const options *o); /* a server that o->clients send to */
void role_give(const options *o);    /* o->clients of them */
void role_echo(const options *o);    /* a server that answers */
void role_ask(const options *o);
void role_first(const options *o);   /* server, client and one message */

#endif
