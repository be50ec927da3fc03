/*
 * golden_test.c - the golden vectors through the whole library, byte for byte:
 * what it writes to an old peer and what it takes from one, as server and as
 * client; and what it does with malformed frames.
 *
 * The vectors are JSON, read with the library's own conversion. The path is
 * the argument. Long vectors, which the file describes by a rule, are left to
 * the tests of the codec.
 */
#include "rawpeer.h"

#include "libsocket_payload.h"

static libsocket_value document;

/* Texts of the vector at hand, NUL-terminated. */
typedef struct vector {
    char name[64];
    unsigned char *frame; /* length and body */
    size_t size;
    char event_name[400];
    char timestamp_iso[400];
    libsocket_message message; /* as the frame has it */
} vector;

static unsigned char *read_hex(libsocket_text hex, size_t *size)
{
    *size = hex.size / 2;
    unsigned char *bytes = malloc(*size + 1);
    check_need(bytes != NULL, "out of memory");
    for (size_t i = 0; i < *size; i++) {
        const char pair[3] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return bytes;
}

/* false: the vector has no bytes, only a rule. */
static bool read_frame(vector *v, libsocket_value entry)
{
    libsocket_text hex = libsocket_get_text(entry, "frame_hex", "");
    libsocket_get_str(entry, "name", v->name, sizeof v->name, "?");
    check_name = v->name;
    if (hex.size == 0)
        return false;
    v->frame = read_hex(hex, &v->size);
    return true;
}

/* The message that the frame of a good vector carries. */
static void read_message(vector *v)
{
    static const char *const types[] = {"data", "error", "control"};
    libsocket_value body = libsocket_payload(v->frame + 4, v->size - 4);
    libsocket_bytes data = libsocket_encoded(libsocket_get(body, "data"));
    v->message = data_message(data.data, data.size);
    for (uint32_t i = 0; i < 3; i++)
        if (libsocket_is(libsocket_get(body, "message_type"), types[i]))
            v->message.type = i;
    v->message.timestamp_ms = libsocket_get_int(body, "timestamp_ms", 0);
    v->message.event_name =
        libsocket_get_str(body, "event_name", v->event_name, sizeof v->event_name, "?");
    v->message.timestamp_iso = libsocket_get_str(body, "timestamp_iso", v->timestamp_iso,
                                                 sizeof v->timestamp_iso, "?");
}

static void same_message(const vector *v, const libsocket_event *e)
{
    const libsocket_message *m = &v->message;
    CHECK(e->type == m->type && e->timestamp_ms == m->timestamp_ms);
    CHECK(strcmp(e->event_name, m->event_name) == 0);
    CHECK(strcmp(e->timestamp_iso, m->timestamp_iso) == 0);
    CHECK(e->data_size == m->data_size && memcmp(e->data, m->data, m->data_size) == 0);
}

static void same_frame(const vector *v, int fd)
{
    size_t size = 0;
    unsigned char *frame = raw_frame(fd, &size);
    check_need(CHECK(frame != NULL), "no frame");
    CHECK(size == v->size && memcmp(frame, v->frame, size) == 0);
    free(frame);
}

/* Whoever reads the vector drops it: keys that are not text. */
static bool is_refused(libsocket_value entry)
{
    return !libsocket_is(libsocket_get(entry, "decode_client"), "ok");
}

static libsocket_server server;
static libsocket_client client;
static int old_client, old_server;

static void refused_in_every_way(const vector *v)
{
    CHECK_STATUS(libsocket_server_send(server, &v->message), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_STATUS(libsocket_client_send(client, &v->message), LIBSOCKET_E_BAD_MESSAGE);
}

static void both_ways(const vector *v)
{
    CHECK_OK(libsocket_server_send(server, &v->message));
    same_frame(v, old_client);
    CHECK_OK(libsocket_client_send(client, &v->message));
    same_frame(v, old_server);

    CHECK(raw_write(old_client, v->frame, v->size));
    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_MESSAGE);
    same_message(v, event);
    libsocket_free(event);
    CHECK(raw_write(old_server, v->frame, v->size));
    event = next_message(client);
    same_message(v, event);
    libsocket_free(event);
}

static void vectors(void)
{
    libsocket_iterator it = libsocket_iterate(libsocket_get(document, "frames"));
    int count = 0;
    while (libsocket_next(&it)) {
        vector v;
        check_begin("vector");
        if (!read_frame(&v, it.value))
            continue;
        read_message(&v);
        if (is_refused(it.value))
            refused_in_every_way(&v);
        else
            both_ways(&v);
        free(v.frame);
        check_end();
        count++;
    }
    check_need(count > 50, "vectors with bytes");
}

/* One server and one client of the library, each with an old peer. */
static void meet_old_peers(void)
{
    int listening = raw_listen("old"); /* its file stays: a client of an old server watches it */
    server = open_server("unix", "golden", "max_connections = 100", LIBSOCKET_PULL);
    old_client = raw_client("golden");
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "old", NULL, 0, NULL, NULL)),
               "no client");
    old_server = accept(listening, NULL, NULL);
    check_need(old_server >= 0, "no connection");
    close(listening);
    size_t size = 0;
    unsigned char *hello = raw_frame(old_server, &size); /* an old server logs and drops it */
    check_need(CHECK(hello != NULL), "no hello");
    CHECK(libsocket_is(libsocket_get(libsocket_payload(hello + 4, size - 4), "libsocket"), "hello"));
    free(hello);
}

static void leave_old_peers(void)
{
    close(old_client);
    close(old_server);
    CHECK_OK(libsocket_client_close(client));
}

/* A good frame that follows a malformed one; its event name tells it apart. */
static vector marker;

static void read_marker(void)
{
    static const char name[] = "wallpaper_progress", other[] = "the_marker_follows";
    check_need(CHECK(read_frame(&marker, libsocket_find(document, "frames/0"))), "no marker");
    unsigned char *at = memmem(marker.frame, marker.size, name, sizeof name - 1);
    check_need(CHECK(at != NULL && sizeof name == sizeof other), "no name");
    memcpy(at, other, sizeof other - 1);
    read_message(&marker);
}

/*
 * Where the library differs on purpose: the original handed these to the
 * program, with values of another type than the field has; they are dropped.
 */
static bool is_dropped_here(const char *name)
{
    static const char *const dropped[] = {"event_name_int", "event_name_nil",
                                          "timestamp_ms_str", "timestamp_iso_int"};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (strcmp(name, dropped[i]) == 0)
            return true;
    return false;
}

/* Sends the malformed frame and the marker, and counts what arrives of both. */
static void malformed_frame(vector *v, libsocket_value entry)
{
    libsocket_value original = libsocket_find(entry, "what_the_original_does/server_unix");
    size_t messages = libsocket_count(libsocket_get(original, "messages")), got = 0;
    bool ended = false, marked = false;
    if (is_dropped_here(v->name))
        messages = 0;
    int fd = raw_client("golden");
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_CONNECTED));
    raw_write(fd, v->frame, v->size);
    if (libsocket_is(libsocket_get(entry, "then"), "peer sends a valid marker frame"))
        raw_write(fd, marker.frame, marker.size);
    else
        shutdown(fd, SHUT_WR);
    while (!ended && !marked) {
        libsocket_event *events = NULL;
        size_t count = 0;
        if (!CHECK_OK(libsocket_server_receive(&events, &count, server, 1, -1)))
            break;
        ended = events->kind == LIBSOCKET_EVENT_DISCONNECTED;
        if (events->kind == LIBSOCKET_EVENT_MESSAGE) {
            marked = strcmp(events->event_name, marker.event_name) == 0;
            got += !marked;
        }
        libsocket_free(events);
    }
    CHECK(got == messages);
    CHECK(marked == libsocket_get_bool(original, "marker_received", false));
    close(fd);
    if (!ended)
        libsocket_free(next_of_server(server, LIBSOCKET_EVENT_DISCONNECTED));
}

static void malformed(void)
{
    libsocket_iterator it = libsocket_iterate(libsocket_get(document, "malformed"));
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_LAST_CLIENT));
    int count = 0;
    while (libsocket_next(&it)) {
        vector v;
        check_begin("malformed");
        if (!read_frame(&v, it.value))
            continue;
        malformed_frame(&v, it.value);
        free(v.frame);
        check_end();
        count++;
    }
    check_need(count > 40, "malformed vectors");
}

/* The file as MessagePack, to free. */
static void *read_document(const char *path)
{
    FILE *file = fopen(path, "rb");
    check_need(file != NULL, path);
    check_need(fseek(file, 0, SEEK_END) == 0, path);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *json = malloc(size + 1);
    check_need(json != NULL && fread(json, 1, size, file) == size, path);
    fclose(file);
    void *block = NULL;
    check_need(CHECK_OK(libsocket_json_to_msgpack(&block, &size, json, size)), path);
    document = libsocket_payload(block, size);
    free(json);
    return block;
}

int main(int argc, char **argv)
{
    support_start();
    void *block = read_document(argc > 1 ? argv[1] : "socket/testdata/frames.json");
    RUN(meet_old_peers);
    vectors();
    RUN(leave_old_peers);
    RUN(read_marker);
    malformed();
    free(marker.frame);
    libsocket_free(block);
    libsocket_server_close(server);
    return support_end();
}
