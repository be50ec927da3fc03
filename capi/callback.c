/* callback.c - calling the host, on the thread that a pump has to itself. */
#include <stdlib.h>

#include "shim.h"

/* How large the block may stay when the batches are smaller, and is at least. */
#define KEPT ((size_t)1 << 20)
#define LEAST ((size_t)1 << 16)

static __thread bool in_callback;

/*
 * The thread's block. It is held here and not in Go so that a leak checker
 * finds it when the program ends with the callback at work.
 */
static __thread void *block;
static __thread size_t block_size;

void *ls_callback_block(size_t size)
{
    if (size > block_size || (block_size > KEPT && size <= KEPT)) {
        free(block);
        block_size = size > LEAST ? size : LEAST;
        block = malloc(block_size);
        if (block == NULL)
            block_size = 0;
    }
    return block;
}

void ls_callback_end(void)
{
    free(block);
    block = NULL;
    block_size = 0;
}

void ls_call(uintptr_t callback, const libsocket_event *events, size_t count,
             uintptr_t user)
{
    in_callback = true;
    ((libsocket_callback)callback)(events, count, (void *)user);
    in_callback = false;
}

bool ls_in_callback(void) { return in_callback; }
