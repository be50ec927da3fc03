/*
 * support.h - what the tests of the C API share: a directory of their own,
 * handles opened in it, and waiting for events with a bound on the whole test.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "libsocket.h"

/* What a test may take; under valgrind on a busy machine it takes a while. */
#define SUPPORT_SECONDS 60

static char support_dir[64];

/* Checks for a status and says which came instead, with its text. */
static inline bool check_status(int status, int wanted, const char *file,
                                int line, const char *text)
{
    bool holds = check_that(status == wanted, file, line, text);
    if (!holds)
        printf("  status %d (%s): %s\n", status, libsocket_strerror(status),
               libsocket_last_error());
    return holds;
}

#define CHECK_STATUS(status, wanted) \
    check_status((status), (wanted), __FILE__, __LINE__, #status " is " #wanted)
#define CHECK_OK(status) CHECK_STATUS(status, LIBSOCKET_OK)

/* Checks that the last error of this thread says something. */
#define CHECK_SAYS(part) \
    check_says(libsocket_last_error(), (part), __FILE__, __LINE__)

static inline bool check_says(const char *text, const char *part,
                              const char *file, int line)
{
    bool holds = check_that(text != NULL && strstr(text, part) != NULL, file,
                            line, "the text has the words");
    if (!holds)
        printf("  wanted \"%s\" in: %s\n", part, text == NULL ? "NULL" : text);
    return holds;
}

/* RUN for a function with arguments. */
#define RUN_WITH(test, ...) (check_begin(#test), test(__VA_ARGS__), check_end())

/*
 * How often to do what a test repeats: TEST_SCALE percent of "times", at least
 * once. Valgrind does less, a soak does more.
 */
static inline uint32_t support_times(uint32_t times)
{
    const char *scale = getenv("TEST_SCALE");
    uint64_t scaled = scale == NULL ? times : (uint64_t)times * (uint64_t)atoll(scale) / 100;
    return scaled == 0 ? 1 : (uint32_t)scaled;
}

/* Gives the test an empty directory, which is also its home. */
static inline void support_start(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    strcpy(support_dir, "/tmp/libsocket-test-XXXXXX");
    check_need(mkdtemp(support_dir) != NULL, "no temporary directory");
    setenv("HOME", support_dir, 1);
    setenv("SOCKET__SOCKET_DIR", support_dir, 1);
    setenv("SOCKET__LINGER", "60", 1); /* valgrind is slow, but it reads */
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("SOCKET_SETTINGS_FILE");
    check_bound(SUPPORT_SECONDS);
}

/* Removes the directory, and reports. */
static inline int support_end(void)
{
    DIR *dir = opendir(support_dir);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(support_dir);
    return check_report();
}

/* Entries of a directory of /proc/self: descriptors, threads. */
static inline int support_entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    check_need(dir != NULL, path);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 3; /* ".", "..", and the descriptor of dir itself */
}

/* The calling thread, as the system names it. */
static inline pid_t support_task(void) { return (pid_t)syscall(SYS_gettid); }

/* poll() that goes on when a SIGURG of the Go runtime has ended it. */
static inline int support_poll(struct pollfd *waited, int timeout_ms)
{
    int ready;
    do
        ready = poll(waited, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready;
}

/* What poll() of the C library is to the system. */
#ifdef SYS_poll
#define SUPPORT_POLL SYS_poll
#else
#define SUPPORT_POLL SYS_ppoll
#endif

/*
 * Waits until a thread sleeps in a call of the system. The kernel tells nobody
 * of that, so it is asked again and again.
 */
static inline void support_sleeps(pid_t task, long call)
{
    static const struct timespec pause = {0, 200000};
    char path[64];
    long now = -1;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)task);
    for (; now != call; nanosleep(&pause, NULL)) {
        FILE *file = fopen(path, "r");
        check_need(file != NULL, path);
        if (fscanf(file, "%ld", &now) != 1) /* "running" */
            now = -1;
        fclose(file);
    }
}

/* ---- Handles ------------------------------------------------------------ */

static inline libsocket_server open_server(const char *transport,
                                           const char *event,
                                           const char *settings,
                                           uint32_t flags)
{
    libsocket_server server = {0};
    int status = libsocket_server_open(&server, transport, event, settings,
                                       flags, NULL, NULL);
    check_need(CHECK_OK(status), "no server");
    return server;
}

/* A client of the server; the settings of TCP name its port. */
static inline libsocket_client join_server(libsocket_server server,
                                           const char *transport,
                                           const char *event,
                                           const char *settings)
{
    char text[512];
    char *address = NULL;
    check_need(CHECK_OK(libsocket_server_address(&address, server)), "no address");
    const char *port = strrchr(address, ':');
    if (strcmp(transport, "tcp") == 0 && port != NULL)
        snprintf(text, sizeof text, "%s\ntcp.port = %s\n", settings, port + 1);
    else
        snprintf(text, sizeof text, "%s", settings);
    libsocket_free(address);
    libsocket_client client = {0};
    int status = libsocket_client_open(&client, transport, event, text, 0, NULL, NULL);
    check_need(CHECK_OK(status), "no client");
    return client;
}

/* ---- Events ------------------------------------------------------------- */

/* A handle of either kind, for what both can do. */
typedef struct peer {
    libsocket_server server;
    libsocket_client client; /* id 0: the server is meant */
} peer;

static inline int peer_receive(libsocket_event **events, size_t *count, peer p,
                               size_t max, int timeout_ms)
{
    if (p.client.id != 0)
        return libsocket_client_receive(events, count, p.client, max, timeout_ms);
    return libsocket_server_receive(events, count, p.server, max, timeout_ms);
}

/*
 * Waits for the next event of a kind, dropping others, and gives its block to
 * free; NULL when the handle ends before.
 */
static inline libsocket_event *next_event(peer p, uint32_t kind)
{
    for (;;) {
        libsocket_event *event = NULL;
        size_t count = 0;
        if (peer_receive(&event, &count, p, 1, -1) != LIBSOCKET_OK)
            return NULL;
        if (event->kind == kind)
            return event;
        libsocket_free(event);
    }
}

static inline libsocket_event *next_message(libsocket_client client)
{
    peer p = {{0}, client};
    libsocket_event *event = next_event(p, LIBSOCKET_EVENT_MESSAGE);
    check_need(CHECK(event != NULL), "no message");
    return event;
}

static inline libsocket_event *next_of_server(libsocket_server server, uint32_t kind)
{
    peer p = {server, {0}};
    libsocket_event *event = next_event(p, kind);
    check_need(CHECK(event != NULL), "no event of the kind");
    return event;
}

/* ---- Messages ----------------------------------------------------------- */

/* A DATA message with bytes that are valid MessagePack. */
static inline libsocket_message data_message(const void *data, size_t size)
{
    libsocket_message message = {LIBSOCKET_DATA, 0, data, size, NULL, NULL, 0, NULL, {0, 0}};
    return message;
}

/* A message whose data is one number. */
typedef struct numbered {
    unsigned char data[5];
    libsocket_message message;
} numbered;

static inline const libsocket_message *number_message(numbered *n, uint32_t number)
{
    n->data[0] = 0xce;
    for (int i = 0; i < 4; i++)
        n->data[1 + i] = (unsigned char)(number >> (24 - 8 * i));
    n->message = data_message(n->data, sizeof n->data);
    return &n->message;
}

/* The number of such a message, or UINT32_MAX. */
static inline uint32_t event_number(const libsocket_event *event)
{
    const unsigned char *data = event->data;
    if (event->data_size != 5 || data[0] != 0xce)
        return UINT32_MAX;
    return (uint32_t)data[1] << 24 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 8 | data[4];
}

/* ---- A box that threads fill and wait for ------------------------------- */

typedef struct box {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    long value;
} box;

#define BOX {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void box_add(box *b, long by)
{
    pthread_mutex_lock(&b->mutex);
    b->value += by;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

static inline long box_get(box *b)
{
    pthread_mutex_lock(&b->mutex);
    long value = b->value;
    pthread_mutex_unlock(&b->mutex);
    return value;
}

/* Waits until the value is at least "least". */
static inline void box_wait(box *b, long least)
{
    pthread_mutex_lock(&b->mutex);
    while (b->value < least)
        pthread_cond_wait(&b->changed, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
}

#endif
