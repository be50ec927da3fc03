/*
 * status.c - statuses, their sentences, and the last error of each thread.
 *
 * Nothing here asks whether the process is a forked child: these functions
 * serve it too. The thread's storage holds pointers only; the block of a
 * dynamic library that glibc reserves for such storage is small.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static const char *const sentences[] = {
    [-LIBSOCKET_OK] = "success",
    [-LIBSOCKET_E_INTERNAL] = "internal error",
    [-LIBSOCKET_E_INVALID] = "invalid argument",
    [-LIBSOCKET_E_SETTINGS] = "invalid setting",
    [-LIBSOCKET_E_BAD_HANDLE] = "not an open handle of this kind",
    [-LIBSOCKET_E_CLOSED] = "closed",
    [-LIBSOCKET_E_NOT_CONNECTED] = "not connected to server",
    [-LIBSOCKET_E_UNKNOWN_CLIENT] = "client not connected",
    [-LIBSOCKET_E_TIMEOUT] = "timed out",
    [-LIBSOCKET_E_INTERRUPTED] = "interrupted by a signal",
    [-LIBSOCKET_E_TOO_LARGE] = "message too large",
    [-LIBSOCKET_E_BAD_MESSAGE] = "malformed message",
    [-LIBSOCKET_E_MAX_CONNECTIONS] = "server has reached max_connections",
    [-LIBSOCKET_E_IN_USE] = "already in use",
    [-LIBSOCKET_E_NO_PORT] = "no available port",
    [-LIBSOCKET_E_NOT_ALLOWED] = "not allowed",
    [-LIBSOCKET_E_NO_SERVER] = "nobody serves the event",
    [-LIBSOCKET_E_PROTOCOL] = "protocol error",
    [-LIBSOCKET_E_IO] = "input/output error",
    [-LIBSOCKET_E_NO_MEMORY] = "out of memory",
    [-LIBSOCKET_E_FORKED] = "not usable in a child after fork()",
    [-LIBSOCKET_E_SLOW] = "client does not keep up",
};

static __thread const char *shown = "";
static __thread char *owned; /* the block behind shown, or an older one */
static pthread_key_t owner;  /* frees owned when its thread ends */

/*
 * Another destructor of the thread may still call the library after this one:
 * it must find neither text nor block, and what it makes is freed in the next
 * round of destructors.
 */
static void drop_owned(void *block)
{
    if (shown == block)
        shown = "";
    owned = NULL;
    free(block);
}

__attribute__((constructor(102))) static void make_owner(void)
{
    pthread_key_create(&owner, drop_owned);
}

const char *libsocket_version(void) { return LIBSOCKET_VERSION; }

const char *libsocket_strerror(int status)
{
    int known = (int)(sizeof sentences / sizeof *sentences);
    if (status > 0 || status <= -known)
        return "unknown status";
    return sentences[-status];
}

const char *libsocket_last_error(void) { return shown; }

void libsocket_free(void *block) { free(block); }

bool ls_allocate(void **block, size_t size)
{
    void *memory = malloc(size);
    if (memory != NULL)
        *block = memory;
    return memory != NULL;
}

int ls_fail(int status, const char *literal)
{
    shown = literal;
    return status;
}

int ls_fail_plain(int status)
{
    return ls_fail(status, libsocket_strerror(status));
}

int ls_fail_copy(int status, const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return ls_fail_plain(status);
    memcpy(copy, text, length);
    copy[length] = '\0';
    free(owned);
    owned = copy;
    pthread_setspecific(owner, owned);
    return ls_fail(status, copy);
}

int ls_fail_forked(void) { return ls_fail_plain(LIBSOCKET_E_FORKED); }
