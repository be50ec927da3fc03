/*
 * payload_reader_test - every form a value may have, lookups and fallbacks,
 * and bytes that lie about what follows. Each input lies in a block of exactly
 * its size.
 */
#include "check.h"
#include "libsocket_payload.h"

#include <math.h>

static unsigned char *block;

/* The bytes as a value; the last ones are released. */
static libsocket_value value_of(const void *bytes, size_t size)
{
    free(block);
    block = check_block(bytes, size);
    return libsocket_payload(block, size);
}

#define VALUE(literal) value_of("" literal, sizeof(literal) - 1)
#define VALID(literal)                                                        \
    libsocket_payload_valid(check_copy("" literal, sizeof(literal) - 1),      \
                            sizeof(literal) - 1)

static const void *check_copy(const void *bytes, size_t size)
{
    return value_of(bytes, size).at;
}

static void test_int_forms(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        int64_t value;
    } rows[] = {
        {"\x01", 1, 1},
        {"\xcc\x01", 2, 1},
        {"\xcd\x00\x01", 3, 1},
        {"\xce\x00\x00\x00\x01", 5, 1},
        {"\xcf\x00\x00\x00\x00\x00\x00\x00\x01", 9, 1},
        {"\xd0\x01", 2, 1},
        {"\xd1\x00\x01", 3, 1},
        {"\xd2\x00\x00\x00\x01", 5, 1},
        {"\xd3\x00\x00\x00\x00\x00\x00\x00\x01", 9, 1},
        {"\xff", 1, -1},
        {"\xe0", 1, -32},
        {"\xd0\xff", 2, -1},
        {"\xd1\xff\xff", 3, -1},
        {"\xd2\xff\xff\xff\xff", 5, -1},
        {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9, -1},
        {"\xd2\x80\x00\x00\x00", 5, INT32_MIN},
        {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, INT64_MIN},
        {"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const libsocket_value v = value_of(rows[i].bytes, rows[i].size);
        const int64_t n = rows[i].value;
        CHECK(libsocket_kind(v) == LIBSOCKET_KIND_INT);
        CHECK(libsocket_as_int(v, 7) == n);
        CHECK(libsocket_as_uint(v, 7) == (n < 0 ? 7 : (uint64_t)n));
        CHECK(libsocket_as_double(v, 7) == (double)n);
        CHECK(libsocket_encoded(v).size == rows[i].size);
    }
    const libsocket_value big = VALUE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    CHECK(libsocket_as_int(big, 7) == 7);
    CHECK(libsocket_as_uint(big, 7) == UINT64_MAX);
    CHECK(libsocket_as_double(big, 7) == 18446744073709551616.0);
}

static libsocket_value double_of(double number)
{
    unsigned char bytes[9];
    libsocket_writer w;
    libsocket_writer_init(&w, bytes, sizeof bytes);
    libsocket_write_double(&w, number);
    return value_of(bytes, libsocket_writer_size(&w));
}

static void test_double_as_int(void)
{
    static const struct {
        double number;
        int64_t as_int;
        uint64_t as_uint;
    } rows[] = {
        {3.0, 3, 3},
        {-3.0, -3, 7},
        {0.0, 0, 0},
        {-0.0, 0, 0},
        {2.5, 7, 7},
        {9223372036854775808.0, 7, UINT64_C(9223372036854775808)},
        {-9223372036854775808.0, INT64_MIN, 7},
        {18446744073709551616.0, 7, 7},
        {1e300, 7, 7},
        {-1e300, 7, 7},
        {(double)INFINITY, 7, 7},
        {-(double)INFINITY, 7, 7},
        {(double)NAN, 7, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const libsocket_value v = double_of(rows[i].number);
        CHECK(libsocket_kind(v) == LIBSOCKET_KIND_DOUBLE);
        CHECK(libsocket_as_int(v, 7) == rows[i].as_int);
        CHECK(libsocket_as_uint(v, 7) == rows[i].as_uint);
    }
}

static void test_float32(void)
{
    CHECK(libsocket_as_double(VALUE("\xca\x3f\xc0\x00\x00"), 7) == 1.5);
    CHECK(libsocket_as_double(VALUE("\xca\xff\x80\x00\x00"), 7) ==
          -(double)INFINITY);
    CHECK(isnan(libsocket_as_double(VALUE("\xca\x7f\xc0\x00\x00"), 7)));
    CHECK(libsocket_as_double(VALUE("\xca\x00\x00\x00\x01"), 7) > 0);
    CHECK(libsocket_as_int(VALUE("\xca\x40\x40\x00\x00"), 7) == 3);
}

static void test_str_and_bin_forms(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\xa2hi", 3},          {"\xd9\x02hi", 4},
        {"\xda\x00\x02hi", 5},  {"\xdb\x00\x00\x00\x02hi", 7},
        {"\xc4\x02hi", 4},      {"\xc5\x00\x02hi", 5},
        {"\xc6\x00\x00\x00\x02hi", 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const libsocket_value v = value_of(rows[i].bytes, rows[i].size);
        const libsocket_text text = libsocket_as_text(v, "fallback");
        const libsocket_bytes bytes = libsocket_as_bytes(v);
        char copy[3];
        CHECK(libsocket_kind(v) ==
              (i < 4 ? LIBSOCKET_KIND_STR : LIBSOCKET_KIND_BIN));
        CHECK(text.size == 2 && memcmp(text.data, "hi", 2) == 0);
        CHECK(bytes.size == 2 && memcmp(bytes.data, "hi", 2) == 0);
        CHECK(strcmp(libsocket_as_str(v, copy, sizeof copy, ""), "hi") == 0);
        CHECK(libsocket_is(v, "hi"));
        CHECK(!libsocket_is(v, "h") && !libsocket_is(v, "hi!"));
        CHECK(!libsocket_is(v, "ho") && !libsocket_is(v, ""));
        CHECK(libsocket_encoded(v).size == rows[i].size);
    }
    CHECK(libsocket_is(VALUE("\xa0"), ""));
    CHECK(libsocket_as_bytes(VALUE("\xc4\x00")).data != NULL);
    CHECK(libsocket_as_text(VALUE("\xa0"), "fallback").size == 0);
}

static void test_text_that_is_no_utf8(void)
{
    const libsocket_value v = VALUE("\xa2\xc3\x28");
    char copy[8];
    CHECK(libsocket_as_text(v, NULL).data == NULL);
    CHECK(libsocket_as_text(v, NULL).size == 0);
    CHECK(libsocket_as_text(v, "none").size == 4);
    CHECK(strcmp(libsocket_as_str(v, copy, sizeof copy, "none"), "none") == 0);
    CHECK(*libsocket_as_str(v, copy, sizeof copy, NULL) == '\0');
    CHECK(libsocket_as_bytes(v).size == 2);
}

static void test_copied_text_is_cut_between_characters(void)
{
    /* a, then characters of 2, 3 and 4 bytes */
    const libsocket_value v = VALUE("\xaa" "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89");
    static const size_t kept[] = {0, 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t room = 1; room < sizeof kept / sizeof *kept; room++) {
        char *const copy = (char *)check_block(NULL, room);
        CHECK(libsocket_as_str(v, copy, room, "") == copy);
        CHECK(strlen(copy) == kept[room]);
        CHECK(memcmp(copy, block + 1, kept[room]) == 0);
        free(copy);
    }
    CHECK(*libsocket_as_str(v, NULL, 0, "fallback") == '\0');
}

static void test_fallbacks(void)
{
    static const struct {
        int kind;
        const char *bytes;
        size_t size;
    } rows[] = {
        {LIBSOCKET_KIND_NONE, "", 0},
        {LIBSOCKET_KIND_NONE, "\xc1", 1},
        {LIBSOCKET_KIND_NIL, "\xc0", 1},
        {LIBSOCKET_KIND_BOOL, "\xc3", 1},
        {LIBSOCKET_KIND_INT, "\x05", 1},
        {LIBSOCKET_KIND_DOUBLE, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9},
        {LIBSOCKET_KIND_STR, "\xa1s", 2},
        {LIBSOCKET_KIND_BIN, "\xc4\x01s", 3},
        {LIBSOCKET_KIND_ARRAY, "\x91\x05", 2},
        {LIBSOCKET_KIND_MAP, "\x81\xa1k\x05", 4},
        {LIBSOCKET_KIND_EXT, "\xd4\x05\x00", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const libsocket_value v = value_of(rows[i].bytes, rows[i].size);
        const int kind = rows[i].kind;
        const bool text =
            kind == LIBSOCKET_KIND_STR || kind == LIBSOCKET_KIND_BIN;
        CHECK(libsocket_kind(v) == kind);
        CHECK(libsocket_as_bool(v, false) == (kind == LIBSOCKET_KIND_BOOL));
        CHECK((libsocket_as_int(v, 7) != 7) == (kind == LIBSOCKET_KIND_INT));
        CHECK((libsocket_as_uint(v, 7) != 7) == (kind == LIBSOCKET_KIND_INT));
        CHECK((libsocket_as_double(v, 7) < 7) ==
              (kind == LIBSOCKET_KIND_INT || kind == LIBSOCKET_KIND_DOUBLE));
        CHECK((libsocket_as_text(v, NULL).data != NULL) == text);
        CHECK((libsocket_as_bytes(v).data != NULL) == text);
        CHECK(libsocket_is(v, "s") == text);
        CHECK(libsocket_count(v) ==
              (kind == LIBSOCKET_KIND_ARRAY || kind == LIBSOCKET_KIND_MAP));
        CHECK(libsocket_get_int(v, "k", 7) ==
              (kind == LIBSOCKET_KIND_MAP ? 5 : 7));
        CHECK(libsocket_as_int(libsocket_at(v, 0), 7) ==
              (kind == LIBSOCKET_KIND_ARRAY ? 5 : 7));
        CHECK((libsocket_encoded(v).size > 0) ==
              (kind != LIBSOCKET_KIND_NONE));
    }
    CHECK(libsocket_kind(libsocket_payload(NULL, 0)) == LIBSOCKET_KIND_NONE);
    CHECK(libsocket_as_bool(VALUE("\xc2"), true) == false);
    CHECK(libsocket_as_bool(VALUE("\xc0"), true) == true);
}

static void test_get_from_map(void)
{
    const libsocket_value v = VALUE(
        "\x89\xa1" "b\xc3\xa1" "i\xff\xa1" "u\xcc\xc8\xa1" "d\xcb\x3f\xf8\x00"
        "\x00\x00\x00\x00\x00\xa1s\xa2hi\xa1y\xc4\x02\xff\xfe\xc4\x01k\x01"
        "\xa1" "x\x01\xa1x\x02");
    char copy[8];
    CHECK(libsocket_count(v) == 9);
    CHECK(libsocket_get_bool(v, "b", false) == true);
    CHECK(libsocket_get_int(v, "i", 7) == -1);
    CHECK(libsocket_get_uint(v, "u", 7) == 200);
    CHECK(libsocket_get_double(v, "d", 7) == 1.5);
    CHECK(libsocket_get_text(v, "s", NULL).size == 2);
    CHECK(strcmp(libsocket_get_str(v, "s", copy, sizeof copy, "no"), "hi") ==
          0);
    CHECK(libsocket_get_bytes(v, "y").size == 2);
    CHECK(libsocket_get_int(v, "k", 7) == 1); /* a key of type bin */
    CHECK(libsocket_get_int(v, "x", 7) == 2); /* there twice: the last */

    CHECK(libsocket_get_bool(v, "none", true) == true);
    CHECK(libsocket_get_int(v, "", 7) == 7);
    CHECK(libsocket_get_uint(v, "i", 7) == 7);
    CHECK(libsocket_get_double(v, "s", 7) == 7);
    CHECK(libsocket_get_text(v, "none", "no").size == 2);
    CHECK(strcmp(libsocket_get_str(v, "b", copy, sizeof copy, "no"), "no") ==
          0);
    CHECK(libsocket_get_bytes(v, "none").data == NULL);
}

static void test_get_beside_keys_that_are_no_text(void)
{
    const libsocket_value v = VALUE("\x83\x01\xa1" "a\x91\xc0\x02\xa1k\x03");
    CHECK(libsocket_get_int(v, "k", 7) == 3);
    CHECK(libsocket_kind(libsocket_get(v, "\x01")) == LIBSOCKET_KIND_NONE);
}

static void test_find(void)
{
    /* {"a": {"b": [10, {"c": "x"}, 12]}, "a/b": 1, "": {"": 2}, "0": 3} */
    const libsocket_value v =
        VALUE("\x84\xa1" "a\x81\xa1" "b\x93\x0a\x81\xa1" "c\xa1x\x0c\xa3" "a/b"
              "\x01\xa0\x81\xa0\x02\xa1" "0\x03");
    CHECK(libsocket_as_int(libsocket_find(v, "a/b/0"), 7) == 10);
    CHECK(libsocket_as_int(libsocket_find(v, "a/b/2"), 7) == 12);
    CHECK(libsocket_as_int(libsocket_find(v, "a/b/02"), 7) == 12);
    CHECK(libsocket_is(libsocket_find(v, "a/b/1/c"), "x"));
    CHECK(libsocket_kind(libsocket_find(v, "a/b")) == LIBSOCKET_KIND_ARRAY);
    CHECK(libsocket_as_int(libsocket_get(v, "a/b"), 7) == 1);
    CHECK(libsocket_as_int(libsocket_find(v, "/"), 7) == 2);
    CHECK(libsocket_as_int(libsocket_find(v, "0"), 7) == 3);
    static const char *const absent[] = {
        "a/b/3",  "a/b/-1", "a/b/x", "a/b/", "a/b/0/", "a/b/1/c/d", "b",
        "a/x/0",  "a/b/+1", "a/b/18446744073709551616",
        "a/b/99999999999999999999999999", "0/0"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        CHECK(libsocket_kind(libsocket_find(v, absent[i])) ==
              LIBSOCKET_KIND_NONE);
}

static void test_lookups_can_be_chained(void)
{
    const libsocket_value v = VALUE("\x81\xa1" "a\x81\xa1" "b\x05");
    CHECK(libsocket_get_int(libsocket_get(v, "a"), "b", 7) == 5);
    CHECK(libsocket_get_int(libsocket_get(libsocket_get(v, "x"), "y"), "z",
                            7) == 7);
    CHECK(libsocket_get_int(libsocket_at(libsocket_get(v, "a"), 3), "z", 7) ==
          7);
}

static void test_iterate(void)
{
    libsocket_iterator it =
        libsocket_iterate(VALUE("\x82\xa1" "a\x92\x01\x02\xc4\x01" "b\x03"));
    CHECK(it.left == 2);
    CHECK(libsocket_next(&it) && libsocket_is(it.key, "a"));
    CHECK(libsocket_count(it.value) == 2);
    libsocket_iterator inner = libsocket_iterate(it.value);
    int64_t sum = 0;
    while (libsocket_next(&inner)) {
        CHECK(libsocket_kind(inner.key) == LIBSOCKET_KIND_NONE);
        sum += libsocket_as_int(inner.value, 100);
    }
    CHECK(sum == 3 && inner.left == 0);
    CHECK(libsocket_next(&it) && libsocket_is(it.key, "b"));
    CHECK(libsocket_as_int(it.value, 7) == 3);
    CHECK(!libsocket_next(&it) && !libsocket_next(&it) && it.left == 0);

    it = libsocket_iterate(VALUE("\x80"));
    CHECK(!libsocket_next(&it));
    it = libsocket_iterate(VALUE("\xa1s"));
    CHECK(!libsocket_next(&it));
}

static void test_iterate_long_heads(void)
{
    libsocket_iterator it = libsocket_iterate(VALUE("\xde\x00\x01\xa0\x01"));
    CHECK(libsocket_next(&it) && !libsocket_next(&it) && it.left == 0);
    it = libsocket_iterate(VALUE("\xdf\x00\x00\x00\x01\xa0\x01"));
    CHECK(libsocket_next(&it) && !libsocket_next(&it) && it.left == 0);
    it = libsocket_iterate(VALUE("\xdc\x00\x01\x01"));
    CHECK(libsocket_next(&it) && !libsocket_next(&it) && it.left == 0);
    it = libsocket_iterate(VALUE("\xdd\x00\x00\x00\x01\x01"));
    CHECK(libsocket_next(&it) && !libsocket_next(&it) && it.left == 0);
}

static void test_iterate_malformed(void)
{
    libsocket_iterator it = libsocket_iterate(VALUE("\x93\x01\xc1\x02"));
    CHECK(libsocket_next(&it));
    CHECK(!libsocket_next(&it) && !libsocket_next(&it) && it.left == 2);
    it = libsocket_iterate(VALUE("\x83\xa1" "a\x01\xa1"));
    CHECK(!libsocket_next(&it)); /* a count beyond the bytes: no map at all */
    it = libsocket_iterate(VALUE("\x82\xa1" "a\x01\xa5" "b"));
    CHECK(libsocket_next(&it) && !libsocket_next(&it) && it.left == 1);
    CHECK(libsocket_get_int(VALUE("\x82\xa1" "a\x01\xa5" "b"), "a", 7) == 7);
}

static void test_extensions(void)
{
    CHECK(VALID("\xd4\x01\x00"));
    CHECK(VALID("\xd5\x01\x00\x00"));
    CHECK(VALID("\xd6\x01\x00\x00\x00\x00"));
    CHECK(VALID("\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x00"));
    CHECK(VALID("\xd8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                "\x00\x00\x00"));
    CHECK(VALID("\xc7\x00\x01"));
    CHECK(VALID("\xc7\x02\x01\x00\x00"));
    CHECK(VALID("\xc8\x00\x01\x01\x00"));
    CHECK(VALID("\xc9\x00\x00\x00\x01\x01\x00"));
    CHECK(!VALID("\xd4\x01"));
    CHECK(!VALID("\xd5\x01\x00"));
    CHECK(!VALID("\xc7\x00"));
    CHECK(!VALID("\xc7\x02\x01\x00"));
    CHECK(!VALID("\xc9\xff\xff\xff\xff\x01\x00"));
    CHECK(libsocket_encoded(VALUE("\xc7\x02\x01\x00\x00\xc0")).size == 5);
}

static void test_valid(void)
{
    CHECK(VALID("\xc0") && VALID("\x80") && VALID("\x90") && VALID("\xa0"));
    CHECK(VALID("\x82\xa1" "a\x93\x80\x81\xa1" "b\x90\x01\xc4\x01" "c\x02"));
    CHECK(!libsocket_payload_valid(NULL, 0));
    CHECK(!VALID(""));
    CHECK(!VALID("\xc1"));
    CHECK(!VALID("\xc0\xc0"));             /* something behind it */
    CHECK(!VALID("\x81\x01\x02"));         /* keys that are no text */
    CHECK(!VALID("\x81\xc0\x02"));
    CHECK(!VALID("\x81\x90\x02"));
    CHECK(!VALID("\x91\x82\xa1" "a\x01\x02\x03"));
    CHECK(!VALID("\x82\xa1" "a\x80\x80\x01"));
    CHECK(!VALID("\xa1\xff"));             /* no UTF-8: value, key, inner */
    CHECK(!VALID("\x81\xa1\xff\x01"));
    CHECK(!VALID("\x91\x91\xa1\xff"));
    CHECK(VALID("\xc4\x01\xff"));
    CHECK(!VALID("\x92\x01"));             /* less than was said */
    CHECK(!VALID("\x81\xa1" "a"));
    CHECK(!VALID("\xdb\xff\xff\xff\xff" "abc"));
    CHECK(!VALID("\xc6\xff\xff\xff\xff" "abc"));
    CHECK(!VALID("\xdd\xff\xff\xff\xff\x01"));
    CHECK(!VALID("\xdf\xff\xff\xff\xff\xa0\x01"));
}

/* "depth" arrays within each other, the innermost with nil or empty. */
static libsocket_value nested(size_t depth, bool empty, size_t *size)
{
    *size = depth + !empty;
    free(block);
    block = check_block(NULL, *size);
    memset(block, 0x91, *size);
    block[*size - 1] = empty ? 0x90 : 0xc0;
    return libsocket_payload(block, *size);
}

/* How many containers can be entered, one after the other. */
static size_t enter(libsocket_value v)
{
    size_t depth = 0;
    while (libsocket_kind(v) == LIBSOCKET_KIND_ARRAY) {
        depth++;
        v = libsocket_at(v, 0);
    }
    return depth;
}

static void test_depth(void)
{
    static const size_t depths[] = {1, 2, 500, LIBSOCKET_PAYLOAD_DEPTH,
                                    LIBSOCKET_PAYLOAD_DEPTH + 1, 5000};
    for (size_t i = 0; i < 2 * (sizeof depths / sizeof *depths); i++) {
        const size_t depth = depths[i / 2];
        const bool fits = depth <= LIBSOCKET_PAYLOAD_DEPTH;
        size_t size;
        const libsocket_value v = nested(depth, i % 2 == 0, &size);
        CHECK(libsocket_payload_valid(block, size) == fits);
        CHECK(enter(v) == (fits ? depth : LIBSOCKET_PAYLOAD_DEPTH));
        CHECK(libsocket_encoded(v).size == size);
    }
}

static void test_skipping_ten_million_levels(void)
{
    size_t size;
    const libsocket_value v = nested(10000000, false, &size);
    CHECK(libsocket_encoded(v).size == size);
    CHECK(!libsocket_payload_valid(block, size));
    CHECK(libsocket_kind(libsocket_at(v, 0)) == LIBSOCKET_KIND_ARRAY);
    block[size - 1] = 0xc1;
    CHECK(libsocket_encoded(v).size == 0);
}

int main(void)
{
    RUN(test_int_forms);
    RUN(test_double_as_int);
    RUN(test_float32);
    RUN(test_str_and_bin_forms);
    RUN(test_text_that_is_no_utf8);
    RUN(test_copied_text_is_cut_between_characters);
    RUN(test_fallbacks);
    RUN(test_get_from_map);
    RUN(test_get_beside_keys_that_are_no_text);
    RUN(test_find);
    RUN(test_lookups_can_be_chained);
    RUN(test_iterate);
    RUN(test_iterate_long_heads);
    RUN(test_iterate_malformed);
    RUN(test_extensions);
    RUN(test_valid);
    RUN(test_depth);
    RUN(test_skipping_ten_million_levels);
    free(block);
    return check_report();
}
