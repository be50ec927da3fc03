/*
 * every.h - all functions of libsocket.h that return a status, as a table made
 * from the header itself: what a test does with every function it does with
 * one that was added, too.
 */
#ifndef EVERY_H
#define EVERY_H

#include "support.h"

/* What the functions are called with, and where they store. */
typedef struct arguments {
    libsocket_server server;
    libsocket_client client;
    libsocket_message message;
    libsocket_callback callback;
    uint64_t peer; /* the id of a client, at its server */
    uint32_t flags;
    int timeout_ms;

    libsocket_server opened_server;
    libsocket_client opened_client;
    libsocket_event *events;
    libsocket_client_info *infos;
    void *block;
    char *text;
    size_t size;
    size_t sent; /* set whatever happens */
} arguments;

typedef enum takes { ON_NOTHING, ON_SERVER, ON_CLIENT } takes;

typedef struct function {
    const char *name;
    takes on;
    int (*call)(arguments *);
    uint64_t statuses; /* bit n: the manual names the status -n */
} function;

#include "functions.inc"

#define EACH_FUNCTION(f)      \
    const function *f = functions; \
    f < functions + sizeof functions / sizeof *functions; f++

/* A good message, no handle, nothing stored, and waiting for ever. */
static inline arguments every_arguments(void)
{
    arguments a;
    memset(&a, 0, sizeof a);
    a.message = data_message(NULL, 0);
    a.peer = 1;
    a.timeout_ms = -1;
    a.size = a.sent = 7;
    return a;
}

/* Whether nothing was stored since. */
static inline bool every_untouched(const arguments *a)
{
    return a->opened_server.id == 0 && a->opened_client.id == 0 && a->events == NULL &&
           a->infos == NULL && a->block == NULL && a->text == NULL && a->size == 7 &&
           (a->sent == 7 || a->sent == 0);
}

/* Calls it and frees what it stored. A status must be one of its manual's. */
static inline int every_call(const function *f, arguments *a)
{
    const uint64_t always = UINT64_C(1) << -LIBSOCKET_E_FORKED | 1;
    int status = f->call(a);
    check_name = f->name;
    if (!CHECK(status >= 0 || ((f->statuses | always) >> -status & 1) != 0))
        printf("  status %d: %s\n", status, libsocket_last_error());
    libsocket_free(a->events);
    libsocket_free(a->infos);
    libsocket_free(a->block);
    libsocket_free(a->text);
    a->events = NULL;
    a->infos = NULL;
    a->block = NULL;
    a->text = NULL;
    return status;
}

#endif
