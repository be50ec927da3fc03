/*
 * payload_vectors_test VECTORS - the golden vectors, as vectors.py prints them:
 * written byte for byte, read back, refused, and cut at every byte.
 */
#include "payload_script.h"

typedef struct text {
    const char *at;
    size_t size;
} text;

/* Up to this size every cut and every buffer size is tried; beyond it EDGE at
 * both ends and one in STRIDE between. */
#define WHOLE 4096
#define EDGE 16
#define STRIDE 100003

static size_t next_cut(size_t cut, size_t size)
{
    if (size <= WHOLE || cut < EDGE || cut + EDGE >= size)
        return cut + 1;
    return cut + STRIDE + EDGE < size ? cut + STRIDE : size - EDGE;
}

static bool same_text(text lines, const script *other)
{
    return lines.size == other->size &&
           memcmp(lines.at, other->text, lines.size) == 0;
}

/* The value dumps to these lines. */
static bool dumps_to(libsocket_value value, text lines)
{
    script dump = {NULL, 0, 0};
    const bool good = script_dump(&dump, value) && same_text(lines, &dump);
    free(dump.text);
    return good;
}

static void write_in_place(text lines, const unsigned char *body, size_t size)
{
    unsigned char *const block = check_block(NULL, size);
    libsocket_writer w;
    libsocket_writer_init(&w, block, size);
    script_write(&w, lines.at, lines.size);
    CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_OK);
    CHECK(libsocket_writer_size(&w) == size);
    CHECK(memcmp(block, body, size) == 0);
    free(block);
}

static void write_too_small(text lines, size_t size)
{
    for (size_t room = 0; room < size; room = next_cut(room, size)) {
        unsigned char *const block = check_block(NULL, room);
        libsocket_writer w;
        libsocket_writer_init(&w, block, room);
        script_write(&w, lines.at, lines.size);
        CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_FULL);
        CHECK(libsocket_writer_size(&w) == 0);
        CHECK(libsocket_writer_needed(&w) == size);
        free(block);
    }
}

static void read_cut(const unsigned char *body, size_t size)
{
    for (size_t cut = 0; cut < size; cut = next_cut(cut, size)) {
        unsigned char *const block = check_block(body, cut);
        const libsocket_value value = libsocket_payload(block, cut);
        script dump = {NULL, 0, 0};
        CHECK(!libsocket_payload_valid(block, cut));
        CHECK(libsocket_encoded(value).size == 0);
        CHECK(libsocket_get_int(value, "timestamp_ms", 7) == 7);
        CHECK(libsocket_kind(libsocket_get(value, "data")) ==
              LIBSOCKET_KIND_NONE);
        CHECK(!script_dump(&dump, value));
        free(dump.text);
        free(block);
    }
}

/* The data alone, as a program sends and gets it. */
static void read_data(const unsigned char *body, size_t size, text lines)
{
    const libsocket_value data =
        libsocket_get(libsocket_payload(body, size), "data");
    const libsocket_bytes bytes = libsocket_encoded(data);
    script dump = {NULL, 0, 0};
    libsocket_writer w;
    CHECK(bytes.data + bytes.size == body + size);
    CHECK(libsocket_payload_valid(bytes.data, bytes.size));
    CHECK(script_dump(&dump, data));
    /* The lines of the data end those of the body, before the last end. */
    const size_t tail = dump.size + strlen("end\n");
    CHECK(tail < lines.size && memcmp(lines.at + lines.size - tail, dump.text,
                                      dump.size) == 0);

    unsigned char *const block = check_block(NULL, bytes.size);
    libsocket_writer_init(&w, block, bytes.size);
    script_write(&w, dump.text, dump.size);
    CHECK(libsocket_writer_size(&w) == bytes.size);
    CHECK(memcmp(block, bytes.data, bytes.size) == 0);
    free(block);
    free(dump.text);
}

static void test_frame(text lines, const unsigned char *body, size_t size)
{
    write_in_place(lines, body, size);
    write_too_small(lines, size);
    CHECK(libsocket_payload_valid(body, size));
    CHECK(dumps_to(libsocket_payload(body, size), lines));
    read_data(body, size, lines);
    read_cut(body, size);
}

/* What every receiver drops is not written and not valid, but readable. */
static void test_refused(text lines, const unsigned char *body, size_t size)
{
    unsigned char *const block = check_block(NULL, size);
    libsocket_writer w;
    libsocket_writer_init(&w, block, size);
    script_write(&w, lines.at, lines.size);
    CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_ORDER);
    CHECK(libsocket_writer_size(&w) == 0);
    CHECK(!libsocket_payload_valid(body, size));
    CHECK(dumps_to(libsocket_payload(body, size), lines));
    read_cut(body, size);
    free(block);
}

/* Of the malformed frames those that are no valid MessagePack; the others are
 * only no message. */
static bool is_invalid(text name)
{
    static const char *const names[] = {
        "body_0xc1_reserved",  "data_nested_int_keys",
        "invalid_utf8_value",  "surrogate_utf8_cesu",
        "body_cut_inside_frame", "trailing_bytes_in_frame",
        "str_len_beyond_frame", "map_len_beyond_frame",
        "depth_1024",          "depth_10000"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == name.size &&
            memcmp(names[i], name.at, name.size) == 0)
            return true;
    return false;
}

static void test_malformed(text name, const unsigned char *body, size_t size)
{
    script dump = {NULL, 0, 0};
    const bool valid = libsocket_payload_valid(body, size);
    CHECK(valid == !is_invalid(name));
    const bool dumped = script_dump(&dump, libsocket_payload(body, size));
    CHECK(dumped || !valid);
    free(dump.text);
    if (valid)
        read_cut(body, size);
}

static char *read_file(const char *path, size_t *size)
{
    script all = {NULL, 0, 0};
    char part[65536];
    size_t count;
    FILE *const file = fopen(path, "rb");
    check_need(file != NULL, path);
    while ((count = fread(part, 1, sizeof part, file)) > 0)
        script_add(&all, part, count);
    fclose(file);
    check_need(all.size > 0, "the file of vectors is empty");
    *size = all.size;
    return all.text;
}

static text upto(const char *at, const char *mark)
{
    const char *const stop = strstr(at, mark);
    check_need(stop != NULL, "the file of vectors is cut");
    const text found = {at, (size_t)(stop - at)};
    return found;
}

/* Runs the vector at "at" and returns where the next one is. */
static const char *run(const char *at)
{
    static char name_text[64];
    const text word = upto(at, " ");
    const text name = upto(at + word.size + 1, "\n");
    const char *const start = name.at + name.size + 1;
    const text lines = {start, script_is(start, 4, "hex ")
                                   ? 0
                                   : upto(start, "\nhex ").size + 1};
    const text hex = upto(start + lines.size + strlen("hex "), "\n");
    const size_t size = hex.size / 2;
    unsigned char *const body = script_bytes(hex.at, hex.size);

    snprintf(name_text, sizeof name_text, "%.*s", (int)name.size, name.at);
    check_begin(name_text);
    if (script_is(at, word.size, "frame"))
        test_frame(lines, body, size);
    else if (script_is(at, word.size, "refused"))
        test_refused(lines, body, size);
    else
        test_malformed(name, body, size);
    check_end();
    free(body);
    return hex.at + hex.size + strlen("\n\n");
}

int main(int argc, char **argv)
{
    size_t size;
    unsigned vectors = 0;
    check_need(argc == 2, "usage: payload_vectors_test VECTORS");
    char *const file = read_file(argv[1], &size);
    for (const char *at = file; at < file + size; vectors++)
        at = run(at);
    check_need(vectors > 90, "vectors are missing");
    free(file);
    return check_report();
}
