/*
 * payload_writer_test - forms and their boundaries, every buffer size, and
 * every way to use the writer wrongly.
 */
#include "check.h"
#include "libsocket_payload.h"

#include <float.h>
#include <math.h>

static unsigned char buffer[300000];
static libsocket_writer w;

static void start(void)
{
    memset(buffer, 0xc1, sizeof buffer);
    libsocket_writer_init(&w, buffer, sizeof buffer);
}

/* One complete value of these bytes was written. */
static bool wrote(const void *bytes, size_t size)
{
    return libsocket_writer_status(&w) == LIBSOCKET_WRITER_OK &&
           libsocket_writer_size(&w) == size &&
           libsocket_writer_needed(&w) == size &&
           memcmp(buffer, bytes, size) == 0 &&
           libsocket_payload_valid(buffer, size);
}

#define WROTE(literal) CHECK(wrote("" literal, sizeof(literal) - 1))

/* The value failed with this status, and nothing of it is offered. */
static bool refused(int status)
{
    return libsocket_writer_status(&w) == status &&
           libsocket_writer_size(&w) == 0;
}

static void test_nil_and_bool(void)
{
    start(), libsocket_write_nil(&w), WROTE("\xc0");
    start(), libsocket_write_bool(&w, false), WROTE("\xc2");
    start(), libsocket_write_bool(&w, true), WROTE("\xc3");
}

static void test_unsigned_boundaries(void)
{
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t size;
    } rows[] = {
        {0, "\x00", 1},
        {127, "\x7f", 1},
        {128, "\xcc\x80", 2},
        {255, "\xcc\xff", 2},
        {256, "\xcd\x01\x00", 3},
        {65535, "\xcd\xff\xff", 3},
        {65536, "\xce\x00\x01\x00\x00", 5},
        {4294967295u, "\xce\xff\xff\xff\xff", 5},
        {UINT64_C(4294967296), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
        {INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
        {UINT64_MAX, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start();
        libsocket_write_uint(&w, rows[i].value);
        CHECK(wrote(rows[i].bytes, rows[i].size));
        if (rows[i].value > INT64_MAX)
            continue;
        start();
        libsocket_write_int(&w, (int64_t)rows[i].value);
        CHECK(wrote(rows[i].bytes, rows[i].size));
    }
}

static void test_negative_boundaries(void)
{
    static const struct {
        int64_t value;
        const char *bytes;
        size_t size;
    } rows[] = {
        {-1, "\xff", 1},
        {-32, "\xe0", 1},
        {-33, "\xd0\xdf", 2},
        {-128, "\xd0\x80", 2},
        {-129, "\xd1\xff\x7f", 3},
        {-32768, "\xd1\x80\x00", 3},
        {-32769, "\xd2\xff\xff\x7f\xff", 5},
        {INT32_MIN, "\xd2\x80\x00\x00\x00", 5},
        {INT64_C(-2147483649), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9},
        {INT64_MIN, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start();
        libsocket_write_int(&w, rows[i].value);
        CHECK(wrote(rows[i].bytes, rows[i].size));
    }
}

static void test_double(void)
{
    start(), libsocket_write_double(&w, 1.5);
    WROTE("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
    start(), libsocket_write_double(&w, -0.0);
    WROTE("\xcb\x80\x00\x00\x00\x00\x00\x00\x00");
    start(), libsocket_write_double(&w, DBL_MAX);
    WROTE("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff");
    start(), libsocket_write_double(&w, -(double)INFINITY);
    WROTE("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00");
}

/* Writes "size" bytes as str or bin and compares head and body. */
static void test_length(bool text, size_t size, const char *head,
                        size_t head_size)
{
    static char body[65537];
    memset(body, 's', sizeof body);
    start();
    if (text)
        libsocket_write_strn(&w, body, size);
    else
        libsocket_write_bin(&w, body, size);
    CHECK(libsocket_writer_size(&w) == head_size + size);
    CHECK(memcmp(buffer, head, head_size) == 0);
    CHECK(memcmp(buffer + head_size, body, size) == 0);
    CHECK(libsocket_payload_valid(buffer, head_size + size));
}

static void test_str_and_bin_lengths(void)
{
    test_length(true, 0, "\xa0", 1);
    test_length(true, 31, "\xbf", 1);
    test_length(true, 32, "\xd9\x20", 2);
    test_length(true, 255, "\xd9\xff", 2);
    test_length(true, 256, "\xda\x01\x00", 3);
    test_length(true, 65535, "\xda\xff\xff", 3);
    test_length(true, 65536, "\xdb\x00\x01\x00\x00", 5);
    test_length(false, 0, "\xc4\x00", 2);
    test_length(false, 255, "\xc4\xff", 2);
    test_length(false, 256, "\xc5\x01\x00", 3);
    test_length(false, 65535, "\xc5\xff\xff", 3);
    test_length(false, 65536, "\xc6\x00\x01\x00\x00", 5);
}

/* Writes a map or array of "count" entries and compares the head. */
static void test_container(bool map, size_t count, const char *head,
                           size_t head_size)
{
    start();
    if (map)
        libsocket_write_map(&w);
    else
        libsocket_write_array(&w);
    for (size_t i = 0; i < count; i++)
        if (map)
            libsocket_put_bool(&w, "k", true);
        else
            libsocket_write_int(&w, (int64_t)(i % 100));
    libsocket_write_end(&w);
    const size_t size = head_size + count * (map ? 3 : 1);
    CHECK(libsocket_writer_size(&w) == size);
    CHECK(memcmp(buffer, head, head_size) == 0);
    for (size_t i = 0; i < count; i++)
        CHECK(map ? memcmp(buffer + head_size + 3 * i, "\xa1k\xc3", 3) == 0
                  : buffer[head_size + i] == i % 100);
    CHECK(libsocket_payload_valid(buffer, size));
}

static void test_container_counts(void)
{
    test_container(true, 0, "\x80", 1);
    test_container(true, 15, "\x8f", 1);
    test_container(true, 16, "\xde\x00\x10", 3);
    test_container(true, 65535, "\xde\xff\xff", 3);
    test_container(true, 65536, "\xdf\x00\x01\x00\x00", 5);
    test_container(false, 0, "\x90", 1);
    test_container(false, 15, "\x9f", 1);
    test_container(false, 16, "\xdc\x00\x10", 3);
    test_container(false, 65535, "\xdc\xff\xff", 3);
    test_container(false, 65536, "\xdd\x00\x01\x00\x00", 5);
}

static void test_put(void)
{
    start();
    libsocket_write_map(&w);
    libsocket_put_nil(&w, "a");
    libsocket_put_bool(&w, "b", true);
    libsocket_put_int(&w, "c", -1);
    libsocket_put_uint(&w, "d", 200);
    libsocket_put_double(&w, "e", 1.5);
    libsocket_put_str(&w, "f", "x");
    libsocket_put_str(&w, "g", NULL);
    libsocket_put_strn(&w, "h", "y\0z", 3);
    libsocket_put_bin(&w, "i", "\xff", 1);
    libsocket_put_raw(&w, "j", "\xd4\x05\x00", 3);
    libsocket_put_map(&w, "k");
    libsocket_put_int(&w, "", 1);
    libsocket_write_end(&w);
    libsocket_put_array(&w, "l");
    libsocket_write_int(&w, 1);
    libsocket_write_array(&w);
    libsocket_write_end(&w);
    libsocket_write_end(&w);
    libsocket_write_end(&w);
    WROTE("\x8c\xa1" "a\xc0\xa1" "b\xc3\xa1" "c\xff\xa1" "d\xcc\xc8\xa1"
          "e\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1" "f\xa1x\xa1" "g\xc0\xa1"
          "h\xa3y\x00z\xa1" "i\xc4\x01\xff\xa1" "j\xd4\x05\x00\xa1"
          "k\x81\xa0\x01\xa1" "l\x92\x01\x90");
}

static void test_keys_of_other_forms(void)
{
    start();
    libsocket_write_map(&w);
    libsocket_write_bin(&w, "k", 1), libsocket_write_nil(&w);
    libsocket_write_strn(&w, "a\0b", 3), libsocket_write_nil(&w);
    libsocket_write_raw(&w, "\xa1r", 2), libsocket_write_nil(&w);
    libsocket_write_end(&w);
    WROTE("\x83\xc4\x01k\xc0\xa3" "a\x00" "b\xc0\xa1r\xc0");
}

/* A value whose heads grow at several depths at once. */
static void write_growing(libsocket_writer *out)
{
    libsocket_write_map(out);
    for (int i = 0; i < 17; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        libsocket_put_array(out, key);
        for (int j = 0; j < 14 + i % 4; j++)
            libsocket_write_str(out, "value");
        libsocket_write_end(out);
    }
    libsocket_put_bin(out, "blob", "\x01\x02\x03", 3);
    libsocket_put_double(out, "double", 33.3);
    libsocket_write_end(out);
}

static void test_every_buffer_size(void)
{
    start();
    write_growing(&w);
    const size_t size = libsocket_writer_size(&w);
    CHECK(size > 1000);
    for (size_t room = 0; room <= size + 1; room++) {
        unsigned char *const block = check_block(NULL, room);
        libsocket_writer small;
        libsocket_writer_init(&small, block, room);
        write_growing(&small);
        CHECK(libsocket_writer_needed(&small) == size);
        CHECK(libsocket_writer_status(&small) ==
              (room < size ? LIBSOCKET_WRITER_FULL : LIBSOCKET_WRITER_OK));
        CHECK(libsocket_writer_size(&small) == (room < size ? 0 : size));
        CHECK(room < size || memcmp(block, buffer, size) == 0);
        free(block);
    }
}

static void test_measuring(void)
{
    libsocket_writer_init(&w, NULL, 0);
    write_growing(&w);
    CHECK(refused(LIBSOCKET_WRITER_FULL));
    const size_t needed = libsocket_writer_needed(&w);
    start();
    write_growing(&w);
    CHECK(libsocket_writer_size(&w) == needed);
}

static void test_order(void)
{
    start(), CHECK(refused(LIBSOCKET_WRITER_ORDER)); /* nothing written */
    start(), libsocket_write_map(&w);                /* not ended */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_end(&w); /* nothing begun */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_nil(&w), libsocket_write_nil(&w); /* two values */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_put_int(&w, "k", 1); /* a key outside a map */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_array(&w), libsocket_put_int(&w, "k", 1);
    libsocket_write_end(&w), CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_map(&w), libsocket_write_str(&w, "k");
    libsocket_write_end(&w); /* a key without value */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_map(&w), libsocket_write_str(&w, "k");
    libsocket_put_int(&w, "k", 1), libsocket_write_end(&w); /* two keys */
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_map(&w), libsocket_put_int(&w, NULL, 1);
    libsocket_write_end(&w), CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_strn(&w, NULL, 1);
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
    start(), libsocket_write_bin(&w, NULL, 1);
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
}

static void write_as_key(int kind)
{
    switch (kind) {
    case 0: libsocket_write_nil(&w); break;
    case 1: libsocket_write_bool(&w, true); break;
    case 2: libsocket_write_int(&w, 1); break;
    case 3: libsocket_write_int(&w, -1); break;
    case 4: libsocket_write_double(&w, 1); break;
    case 5: libsocket_write_str(&w, NULL); break;
    case 6: libsocket_write_raw(&w, "\x01", 1); break;
    case 7: libsocket_write_map(&w), libsocket_write_end(&w); break;
    default: libsocket_write_array(&w), libsocket_write_end(&w); break;
    }
}

static void test_key_must_be_str_or_bin(void)
{
    for (int kind = 0; kind < 9; kind++) {
        start();
        libsocket_write_map(&w);
        write_as_key(kind);
        libsocket_write_nil(&w);
        libsocket_write_end(&w);
        CHECK(refused(LIBSOCKET_WRITER_ORDER));
    }
}

static void test_text_must_be_utf8(void)
{
    static const char *const bad[] = {
        "\x80",         "\xff",             "\xc0\x80",         "\xc1\xbf",
        "\xc3",         "\xe0\x9f\xbf",     "\xed\xa0\x80",     "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xe2\x28\xa1", "ok\xf0\x9f\x8e"};
    static const char *const good[] = {
        "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(), libsocket_write_str(&w, bad[i]);
        CHECK(refused(LIBSOCKET_WRITER_TEXT));
        start(), libsocket_write_map(&w), libsocket_put_nil(&w, bad[i]);
        libsocket_write_end(&w), CHECK(refused(LIBSOCKET_WRITER_TEXT));
        start(), libsocket_write_bin(&w, bad[i], strlen(bad[i]));
        CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_OK);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        start(), libsocket_write_str(&w, good[i]);
        CHECK(libsocket_writer_size(&w) == strlen(good[i]) + 1);
    }
}

static void test_raw(void)
{
    start(), libsocket_write_raw(&w, "\x81\xa1k\x92\x01\xcd\x00\x02", 8);
    WROTE("\x81\xa1k\x92\x01\xcd\x00\x02");
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {{"", 0},           {"\xc1", 1},         {"\xa1", 1},
               {"\xc0\xc0", 2},   {"\x81\x01\x02", 3}, {"\x81\xc0\x02", 3},
               {"\xa1\xff", 2},   {"\x92\x01", 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(), libsocket_write_raw(&w, bad[i].bytes, bad[i].size);
        CHECK(refused(LIBSOCKET_WRITER_RAW));
    }
    start(), libsocket_write_raw(&w, NULL, 0);
    CHECK(refused(LIBSOCKET_WRITER_RAW));
}

/* "inner" arrays as raw within "outer" arrays of the writer. */
static int nest(uint32_t outer, uint32_t inner)
{
    unsigned char raw[LIBSOCKET_PAYLOAD_DEPTH + 1];
    memset(raw, 0x91, sizeof raw);
    raw[inner] = 0xc0;
    start();
    for (uint32_t i = 0; i < outer; i++)
        libsocket_write_array(&w);
    libsocket_write_raw(&w, raw, inner + 1);
    for (uint32_t i = 0; i < outer; i++)
        libsocket_write_end(&w);
    return libsocket_writer_status(&w);
}

static void test_depth(void)
{
    CHECK(nest(LIBSOCKET_WRITER_DEPTH, 0) == LIBSOCKET_WRITER_OK);
    CHECK(nest(LIBSOCKET_WRITER_DEPTH + 1, 0) == LIBSOCKET_WRITER_LIMIT);
    CHECK(nest(1, LIBSOCKET_PAYLOAD_DEPTH - 1) == LIBSOCKET_WRITER_OK);
    CHECK(libsocket_payload_valid(buffer, libsocket_writer_size(&w)));
    CHECK(nest(1, LIBSOCKET_PAYLOAD_DEPTH) == LIBSOCKET_WRITER_RAW);
    CHECK(nest(LIBSOCKET_WRITER_DEPTH,
               LIBSOCKET_PAYLOAD_DEPTH - LIBSOCKET_WRITER_DEPTH) ==
          LIBSOCKET_WRITER_OK);
    CHECK(nest(LIBSOCKET_WRITER_DEPTH,
               LIBSOCKET_PAYLOAD_DEPTH - LIBSOCKET_WRITER_DEPTH + 1) ==
          LIBSOCKET_WRITER_RAW);
}

static void test_too_long(void)
{
    /* Only measured: the bytes are never looked at. */
    libsocket_writer_init(&w, NULL, 0);
    libsocket_write_bin(&w, buffer, (size_t)UINT32_MAX);
    CHECK(refused(LIBSOCKET_WRITER_FULL));
    CHECK(libsocket_writer_needed(&w) == (size_t)UINT32_MAX + 5);
#if SIZE_MAX > UINT32_MAX
    libsocket_writer_init(&w, NULL, 0);
    libsocket_write_bin(&w, buffer, (size_t)UINT32_MAX + 1);
    CHECK(refused(LIBSOCKET_WRITER_LIMIT));
#endif
}

/* A buffer that grows a byte at a time, in blocks that a sanitizer guards. */
static void test_move(void)
{
    size_t capacity = 1;
    unsigned char *block = check_block(NULL, capacity);
    libsocket_writer_init(&w, block, capacity);
    libsocket_write_array(&w);
    for (unsigned i = 0; i < 40; i++) {
        unsigned char *const larger = check_block(NULL, capacity + 3);
        memcpy(larger, block, w.size);
        free(block);
        block = larger;
        capacity += 3;
        libsocket_writer_move(&w, block, capacity);
        if (i < 38)
            libsocket_write_uint(&w, 200 + i);
        if (i == 39)
            libsocket_write_end(&w);
    }
    CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_OK);
    const libsocket_value value =
        libsocket_payload(block, libsocket_writer_size(&w));
    CHECK(libsocket_count(value) == 38);
    CHECK(libsocket_as_uint(libsocket_at(value, 37), 0) == 237);
    free(block);
}

/* One that cannot hold what is written is full, and not written to. */
static void test_move_to_too_little(void)
{
    for (size_t room = 0; room < 2; room++) {
        unsigned char *const little = room == 0 ? NULL : check_block(NULL, 3);
        start();
        libsocket_write_str(&w, "0123456789");
        libsocket_writer_move(&w, little, room == 0 ? 100 : 3);
        CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_FULL);
        CHECK(libsocket_writer_needed(&w) == 11);
        free(little);
    }
    libsocket_writer_init(&w, NULL, 100);
    libsocket_write_str(&w, "0123456789");
    CHECK(libsocket_writer_status(&w) == LIBSOCKET_WRITER_FULL);
}

/* Bounds that no memory of a test reaches: the books are set near them. */
static void test_counters_do_not_wrap(void)
{
    start();
    libsocket_write_array(&w);
    w.open[0].items = UINT32_MAX;
    libsocket_write_nil(&w);
    libsocket_write_end(&w);
    CHECK(refused(LIBSOCKET_WRITER_LIMIT));

    libsocket_writer_init(&w, NULL, 0);
    libsocket_write_array(&w);
    w.size = SIZE_MAX - 1;
    libsocket_write_nil(&w);
    CHECK(w.status == LIBSOCKET_WRITER_FULL && w.size == SIZE_MAX);
    libsocket_write_nil(&w);
    CHECK(w.status == LIBSOCKET_WRITER_LIMIT && w.size == SIZE_MAX);
}

static void test_first_mistake_stays(void)
{
    start();
    libsocket_write_map(&w);
    libsocket_put_str(&w, "k", "\xff"); /* TEXT */
    libsocket_write_nil(&w);            /* would be ORDER */
    libsocket_write_end(&w);
    libsocket_write_end(&w);
    CHECK(refused(LIBSOCKET_WRITER_TEXT));

    /* A mistake is told even where the buffer is too small as well. */
    libsocket_writer_init(&w, buffer, 2);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "key", "value");
    CHECK(refused(LIBSOCKET_WRITER_ORDER)); /* not ended yet */
    libsocket_write_end(&w);
    CHECK(refused(LIBSOCKET_WRITER_FULL));
    libsocket_write_end(&w);
    CHECK(refused(LIBSOCKET_WRITER_ORDER));
}

int main(void)
{
    RUN(test_nil_and_bool);
    RUN(test_unsigned_boundaries);
    RUN(test_negative_boundaries);
    RUN(test_double);
    RUN(test_str_and_bin_lengths);
    RUN(test_container_counts);
    RUN(test_put);
    RUN(test_keys_of_other_forms);
    RUN(test_every_buffer_size);
    RUN(test_measuring);
    RUN(test_order);
    RUN(test_key_must_be_str_or_bin);
    RUN(test_text_must_be_utf8);
    RUN(test_raw);
    RUN(test_depth);
    RUN(test_too_long);
    RUN(test_move);
    RUN(test_move_to_too_little);
    RUN(test_counters_do_not_wrap);
    RUN(test_first_mistake_stays);
    return check_report();
}
