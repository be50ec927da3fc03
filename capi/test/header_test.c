/*
 * header_test.c - every name of libsocket.h exists, has the type and the value
 * that programs were compiled with, and the structs have the layout that other
 * languages declare. It compiles as C99 and as C++.
 *
 * With the argument "layout" it prints values and layout, one line each, to be
 * compared with such a declaration:
 *   constant NAME VALUE
 *   struct NAME size N align N
 *   field STRUCT NAME offset N size N
 */
#include "check.h"
#include "libsocket.h"

#include <inttypes.h>

#ifndef LIBSOCKET_H
#error "the guard of libsocket.h has another name"
#endif

static bool printing;

static void constant(const char *name, long long value, long long wanted)
{
    if (printing)
        printf("constant %s %lld\n", name, value);
    check_name = name;
    CHECK(value == wanted);
}

#define CONSTANT(name, wanted) constant(#name, (long long)(name), (wanted))

static void field(const char *type, const char *name, size_t offset, size_t size,
                  size_t *end)
{
    if (printing)
        printf("field %s %s offset %zu size %zu\n", type, name, offset, size);
    check_name = name;
    CHECK(offset >= *end); /* in the order of the header */
    *end = offset + size;
}

#define FIELD(type, name) \
    field(#type, #name, offsetof(type, name), sizeof(((type *)0)->name), &end)

static void whole(const char *type, size_t size, size_t end)
{
    if (printing)
        printf("struct %s size %zu align %zu\n", type, size, sizeof(void *));
    check_name = type;
    CHECK(size == end); /* no hidden padding at the end */
}

static void versions(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", LIBSOCKET_VERSION_MAJOR,
             LIBSOCKET_VERSION_MINOR, LIBSOCKET_VERSION_PATCH);
    CHECK(strcmp(text, LIBSOCKET_VERSION) == 0);
    CHECK(strcmp(libsocket_version(), LIBSOCKET_VERSION) == 0);
}

static void statuses(void)
{
    CONSTANT(LIBSOCKET_OK, 0);
    CONSTANT(LIBSOCKET_E_INTERNAL, -1);
    CONSTANT(LIBSOCKET_E_INVALID, -2);
    CONSTANT(LIBSOCKET_E_SETTINGS, -3);
    CONSTANT(LIBSOCKET_E_BAD_HANDLE, -4);
    CONSTANT(LIBSOCKET_E_CLOSED, -5);
    CONSTANT(LIBSOCKET_E_NOT_CONNECTED, -6);
    CONSTANT(LIBSOCKET_E_UNKNOWN_CLIENT, -7);
    CONSTANT(LIBSOCKET_E_TIMEOUT, -8);
    CONSTANT(LIBSOCKET_E_INTERRUPTED, -9);
    CONSTANT(LIBSOCKET_E_TOO_LARGE, -10);
    CONSTANT(LIBSOCKET_E_BAD_MESSAGE, -11);
    CONSTANT(LIBSOCKET_E_MAX_CONNECTIONS, -12);
    CONSTANT(LIBSOCKET_E_IN_USE, -13);
    CONSTANT(LIBSOCKET_E_NO_PORT, -14);
    CONSTANT(LIBSOCKET_E_NOT_ALLOWED, -15);
    CONSTANT(LIBSOCKET_E_NO_SERVER, -16);
    CONSTANT(LIBSOCKET_E_PROTOCOL, -17);
    CONSTANT(LIBSOCKET_E_IO, -18);
    CONSTANT(LIBSOCKET_E_NO_MEMORY, -19);
    CONSTANT(LIBSOCKET_E_FORKED, -20);
    CONSTANT(LIBSOCKET_E_SLOW, -21);
}

static void other_constants(void)
{
    CONSTANT(LIBSOCKET_DATA, 0);
    CONSTANT(LIBSOCKET_ERROR, 1);
    CONSTANT(LIBSOCKET_CONTROL, 2);
    CONSTANT(LIBSOCKET_EVENT_CONNECTED, 1);
    CONSTANT(LIBSOCKET_EVENT_DISCONNECTED, 2);
    CONSTANT(LIBSOCKET_EVENT_MESSAGE, 3);
    CONSTANT(LIBSOCKET_EVENT_LAGGED, 4);
    CONSTANT(LIBSOCKET_EVENT_SYNCED, 5);
    CONSTANT(LIBSOCKET_EVENT_REFUSED, 6);
    CONSTANT(LIBSOCKET_EVENT_FIRST_CLIENT, 7);
    CONSTANT(LIBSOCKET_EVENT_LAST_CLIENT, 8);
    CONSTANT(LIBSOCKET_EVENT_LOG, 9);
    CONSTANT(LIBSOCKET_EVENT_CLOSED, 10);
    CONSTANT(LIBSOCKET_REASON_NONE, 0);
    CONSTANT(LIBSOCKET_REASON_CLOSED, 1);
    CONSTANT(LIBSOCKET_REASON_STOPPED, 2);
    CONSTANT(LIBSOCKET_REASON_RESTARTING, 3);
    CONSTANT(LIBSOCKET_REASON_EOF, 4);
    CONSTANT(LIBSOCKET_REASON_MAX_CONNECTIONS, 5);
    CONSTANT(LIBSOCKET_REASON_NOT_ALLOWED, 6);
    CONSTANT(LIBSOCKET_REASON_SLOW, 7);
    CONSTANT(LIBSOCKET_REASON_PROTOCOL, 8);
    CONSTANT(LIBSOCKET_REASON_HEARTBEAT, 9);
    CONSTANT(LIBSOCKET_REASON_IO, 10);
    CONSTANT(LIBSOCKET_REASON_TOO_LARGE, 11);
    CONSTANT(LIBSOCKET_UNICAST, 1);
    CONSTANT(LIBSOCKET_RETAINED, 2);
    CONSTANT(LIBSOCKET_LOG_DEBUG, -4);
    CONSTANT(LIBSOCKET_LOG_INFO, 0);
    CONSTANT(LIBSOCKET_LOG_WARN, 4);
    CONSTANT(LIBSOCKET_LOG_ERROR, 8);
    CONSTANT(LIBSOCKET_PULL, 1);
    CONSTANT(LIBSOCKET_HOLD, 2);
}

static void layout(void)
{
    size_t end = 0;
    FIELD(libsocket_server, id);
    whole("libsocket_server", sizeof(libsocket_server), end);
    end = 0;
    FIELD(libsocket_client, id);
    whole("libsocket_client", sizeof(libsocket_client), end);
    end = 0;
    FIELD(libsocket_message, type);
    FIELD(libsocket_message, flags);
    FIELD(libsocket_message, data);
    FIELD(libsocket_message, data_size);
    FIELD(libsocket_message, event_name);
    FIELD(libsocket_message, timestamp_iso);
    FIELD(libsocket_message, timestamp_ms);
    FIELD(libsocket_message, retain_key);
    FIELD(libsocket_message, reserved);
    whole("libsocket_message", sizeof(libsocket_message), end);
    end = 0;
    FIELD(libsocket_event, kind);
    FIELD(libsocket_event, type);
    FIELD(libsocket_event, reason);
    FIELD(libsocket_event, flags);
    FIELD(libsocket_event, level);
    FIELD(libsocket_event, reserved0);
    FIELD(libsocket_event, timestamp_ms);
    FIELD(libsocket_event, seq);
    FIELD(libsocket_event, count);
    FIELD(libsocket_event, client);
    FIELD(libsocket_event, event_name);
    FIELD(libsocket_event, timestamp_iso);
    FIELD(libsocket_event, address);
    FIELD(libsocket_event, text);
    FIELD(libsocket_event, data);
    FIELD(libsocket_event, data_size);
    FIELD(libsocket_event, pid);
    FIELD(libsocket_event, uid);
    FIELD(libsocket_event, gid);
    FIELD(libsocket_event, reserved);
    whole("libsocket_event", sizeof(libsocket_event), end);
    end = 0;
    FIELD(libsocket_client_info, client);
    FIELD(libsocket_client_info, connected_at_ms);
    FIELD(libsocket_client_info, pid);
    FIELD(libsocket_client_info, uid);
    FIELD(libsocket_client_info, gid);
    FIELD(libsocket_client_info, address);
    FIELD(libsocket_client_info, name);
    FIELD(libsocket_client_info, reserved);
    whole("libsocket_client_info", sizeof(libsocket_client_info), end);
}

static void ignore(const libsocket_event *events, size_t count, void *user)
{
    (void)events, (void)count, (void)user;
}

/* Pointers of the types that the manual gives: drift does not compile. */
static void functions(void)
{
    libsocket_callback callback = ignore;
    const char *(*version)(void) = libsocket_version;
    const char *(*strerror_)(int) = libsocket_strerror;
    const char *(*last_error)(void) = libsocket_last_error;
    void (*free_)(void *) = libsocket_free;
    int (*server_open)(libsocket_server *, const char *, const char *, const char *,
                       uint32_t, libsocket_callback, void *) = libsocket_server_open;
    int (*server_close)(libsocket_server) = libsocket_server_close;
    int (*server_announce_restart)(libsocket_server) = libsocket_server_announce_restart;
    int (*server_end_sending)(libsocket_server) = libsocket_server_end_sending;
    int (*server_send)(libsocket_server, const libsocket_message *) = libsocket_server_send;
    int (*server_send_many)(size_t *, libsocket_server, const libsocket_message *,
                            size_t) = libsocket_server_send_many;
    int (*server_send_to)(libsocket_server, uint64_t, const libsocket_message *) =
        libsocket_server_send_to;
    int (*server_send_packed)(size_t *, libsocket_server, const void *, size_t) =
        libsocket_server_send_packed;
    int (*server_receive)(libsocket_event **, size_t *, libsocket_server, size_t, int) =
        libsocket_server_receive;
    int (*server_receive_packed)(void **, size_t *, libsocket_server, size_t, int) =
        libsocket_server_receive_packed;
    int (*server_wait_events)(libsocket_server, int) = libsocket_server_wait_events;
    int (*server_fd)(libsocket_server) = libsocket_server_fd;
    int (*server_clients)(libsocket_client_info **, size_t *, libsocket_server) =
        libsocket_server_clients;
    int (*server_wait_clients)(libsocket_server, size_t, int) = libsocket_server_wait_clients;
    int (*server_address)(char **, libsocket_server) = libsocket_server_address;
    int (*server_queue_length)(size_t *, libsocket_server) = libsocket_server_queue_length;
    int (*server_queue_clear)(libsocket_server) = libsocket_server_queue_clear;
    int (*server_queue_take)(void **, size_t *, libsocket_server) = libsocket_server_queue_take;
    int (*server_stats)(void **, size_t *, libsocket_server) = libsocket_server_stats;
    int (*client_open)(libsocket_client *, const char *, const char *, const char *,
                       uint32_t, libsocket_callback, void *) = libsocket_client_open;
    int (*client_close)(libsocket_client) = libsocket_client_close;
    int (*client_send)(libsocket_client, const libsocket_message *) = libsocket_client_send;
    int (*client_send_many)(size_t *, libsocket_client, const libsocket_message *,
                            size_t) = libsocket_client_send_many;
    int (*client_send_packed)(size_t *, libsocket_client, const void *, size_t) =
        libsocket_client_send_packed;
    int (*client_receive)(libsocket_event **, size_t *, libsocket_client, size_t, int) =
        libsocket_client_receive;
    int (*client_receive_packed)(void **, size_t *, libsocket_client, size_t, int) =
        libsocket_client_receive_packed;
    int (*client_wait_events)(libsocket_client, int) = libsocket_client_wait_events;
    int (*client_fd)(libsocket_client) = libsocket_client_fd;
    int (*client_connected)(libsocket_client) = libsocket_client_connected;
    int (*client_buffered)(size_t *, libsocket_client) = libsocket_client_buffered;
    int (*client_buffer_clear)(libsocket_client) = libsocket_client_buffer_clear;
    int (*settings)(void **, size_t *, const char *, const char *) = libsocket_settings;
    int (*json_to_msgpack)(void **, size_t *, const char *, size_t) = libsocket_json_to_msgpack;
    int (*msgpack_to_json)(char **, const void *, size_t) = libsocket_msgpack_to_json;

    CHECK(callback && version && strerror_ && last_error && free_);
    CHECK(server_open && server_close && server_send && server_send_many && server_send_to);
    CHECK(server_send_packed && client_send_packed);
    CHECK(server_receive && server_receive_packed && server_fd && server_clients);
    CHECK(server_wait_clients && server_address && server_queue_length);
    CHECK(server_announce_restart && server_end_sending);
    CHECK(server_wait_events && client_wait_events);
    CHECK(server_queue_clear && server_queue_take && server_stats);
    CHECK(client_open && client_close && client_send && client_send_many);
    CHECK(client_receive && client_receive_packed && client_fd && client_connected);
    CHECK(client_buffered && client_buffer_clear);
    CHECK(settings && json_to_msgpack && msgpack_to_json);
}

int main(int argc, char **argv)
{
    printing = argc > 1 && strcmp(argv[1], "layout") == 0;
    RUN(versions);
    RUN(statuses);
    RUN(other_constants);
    RUN(layout);
    RUN(functions);
    return check_report();
}
