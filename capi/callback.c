/* callback.c - calling the host, on the thread that a pump has to itself. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "shim.h"

/* How large the block may stay when the batches are smaller, and is at least. */
#define KEPT ((size_t)1 << 20)
#define LEAST ((size_t)1 << 16)

static __thread bool in_callback;

/*
 * A thread's block. All are in one list, so that a leak checker finds them
 * when the program ends with callbacks at work, and in a child after fork,
 * which has the memory and not the threads.
 */
typedef struct block {
    struct block *next, **at; /* at: what points to this one */
    size_t size;              /* of the room */
    max_align_t room[];
} block;

static block *blocks;
static pthread_mutex_t blocks_mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread block *own;

static void drop_own(void)
{
    pthread_mutex_lock(&blocks_mutex);
    if (own != NULL) {
        *own->at = own->next;
        if (own->next != NULL)
            own->next->at = own->at;
    }
    pthread_mutex_unlock(&blocks_mutex);
    free(own);
    own = NULL;
}

static void make_own(size_t size)
{
    own = malloc(sizeof *own + size);
    if (own == NULL)
        return;
    own->size = size;
    own->at = &blocks;
    pthread_mutex_lock(&blocks_mutex);
    own->next = blocks;
    if (own->next != NULL)
        own->next->at = &own->next;
    blocks = own;
    pthread_mutex_unlock(&blocks_mutex);
}

void *ls_callback_block(size_t size)
{
    if (own == NULL || size > own->size || (own->size > KEPT && size <= KEPT)) {
        drop_own();
        make_own(size > LEAST ? size : LEAST);
    }
    return own == NULL ? NULL : own->room;
}

void ls_callback_end(void) { drop_own(); }

void ls_call(uintptr_t callback, const libsocket_event *events, size_t count,
             uintptr_t user)
{
    in_callback = true;
    ((libsocket_callback)callback)(events, count, (void *)user);
    in_callback = false;
    if (ls_forked()) /* Go is not there to return to, and would hang */
        ls_end_child("libsocket: a child made in a callback returned from it\n");
}

bool ls_in_callback(void) { return in_callback; }
