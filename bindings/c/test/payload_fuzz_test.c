/*
 * payload_fuzz_test [ROUNDS [SEED]] - random values written and read back,
 * random calls of the writer, and damaged bytes read in every way. A seed
 * gives the same run everywhere; a failed check names it.
 */
#include "payload_script.h"

#define SEEDS 8
#define ROOM 2048

static uint64_t state;

/* xorshift64*: good enough to choose, and the same on every machine. */
static uint64_t any(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static uint32_t below(uint32_t bound)
{
    return (uint32_t)((any() >> 32) % bound);
}

/* Any magnitude is as likely as any other. */
static uint64_t any_number(void)
{
    return any() >> below(64);
}

static const char *any_text(void)
{
    static const char *const texts[] = {
        "", "step", "progress", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\x89",
        "a/b", "a text of more than thirty-one bytes, for the longer form"};
    return texts[below(sizeof texts / sizeof *texts)];
}

static void write_any(libsocket_writer *w, uint32_t depth);

static void write_entries(libsocket_writer *w, bool map, uint32_t depth)
{
    const uint32_t count = below(20) == 0 ? 16 + below(8) : below(5);
    for (uint32_t i = 0; i < count; i++) {
        if (map && below(8) == 0)
            libsocket_write_bin(w, any_text(), below(2));
        else if (map)
            libsocket_write_str(w, any_text());
        write_any(w, depth + 1);
    }
    libsocket_write_end(w);
}

/* Writes a value; always correctly. */
static void write_any(libsocket_writer *w, uint32_t depth)
{
    static const unsigned char ext[] = {0xd4, 0x05, 0x00};
    const uint64_t bits = any();
    double number;
    memcpy(&number, &bits, sizeof number);
    switch (below(depth < 6 ? 12 : 8)) {
    case 0: libsocket_write_nil(w); break;
    case 1: libsocket_write_bool(w, below(2) == 0); break;
    case 2: libsocket_write_int(w, (int64_t)any_number()); break;
    case 3: libsocket_write_int(w, -(int64_t)(any_number() >> 1)); break;
    case 4: libsocket_write_uint(w, any_number()); break;
    case 5: libsocket_write_double(w, number); break;
    case 6: libsocket_write_str(w, any_text()); break;
    case 7:
        if (below(4) == 0)
            libsocket_write_raw(w, ext, sizeof ext);
        else
            libsocket_write_bin(w, any_text(), below(1));
        break;
    case 8:
    case 9:
        libsocket_write_array(w);
        write_entries(w, false, depth);
        break;
    default:
        libsocket_write_map(w);
        write_entries(w, true, depth);
        break;
    }
}

/* One value of at most "room" bytes in the buffer; its size. */
static size_t any_value(unsigned char *buffer, size_t room)
{
    for (;;) {
        libsocket_writer w;
        libsocket_writer_init(&w, buffer, room);
        write_any(&w, 0);
        const int status = libsocket_writer_status(&w);
        CHECK(status == LIBSOCKET_WRITER_OK ||
              (status == LIBSOCKET_WRITER_FULL &&
               libsocket_writer_needed(&w) > room));
        if (libsocket_writer_size(&w) > 0)
            return libsocket_writer_size(&w);
    }
}

/* What is written is valid, reads back the same, and fits exactly. */
static void round_trip(void)
{
    static unsigned char buffer[ROOM];
    script dump = {NULL, 0, 0};
    const size_t size = any_value(buffer, sizeof buffer);
    unsigned char *const block = check_block(buffer, size);
    CHECK(libsocket_payload_valid(block, size));
    CHECK(script_dump(&dump, libsocket_payload(block, size)));

    const size_t room = below(4) == 0 ? below((uint32_t)size) : size;
    unsigned char *const copy = check_block(NULL, room);
    libsocket_writer w;
    libsocket_writer_init(&w, copy, room);
    script_write(&w, dump.text, dump.size);
    CHECK(libsocket_writer_needed(&w) == size);
    CHECK(libsocket_writer_size(&w) == (room == size ? size : 0));
    CHECK(room < size || memcmp(copy, block, size) == 0);
    free(copy);
    free(block);
    free(dump.text);
}

/* Any call at all, with arguments good and bad. */
static void call_any(libsocket_writer *w)
{
    static const char *const texts[] = {"k", "k", "k", "", NULL, "\xff"};
    const char *const text = texts[below(sizeof texts / sizeof *texts)];
    switch (below(16)) {
    case 0: libsocket_write_nil(w); break;
    case 1: libsocket_write_int(w, -(int64_t)(any_number() >> 1)); break;
    case 2: libsocket_write_str(w, text); break;
    case 3: libsocket_write_strn(w, text, text == NULL ? 0 : 1); break;
    case 4: libsocket_write_bin(w, text, 1); break;
    case 5: libsocket_write_raw(w, "\x81\xa1k\x01", 4 - below(2)); break;
    case 6: libsocket_write_array(w); break;
    case 7: libsocket_write_map(w); break;
    case 8: libsocket_put_map(w, text); break;
    case 9: libsocket_put_array(w, text); break;
    case 10: libsocket_put_uint(w, text, any_number()); break;
    case 11: libsocket_put_str(w, "k", text); break;
    default: libsocket_write_end(w); break;
    }
}

/* However the writer is used, what it offers is valid; and with or without
 * room it comes to the same end. */
static void misuse(void)
{
    unsigned char *const block = check_block(NULL, 64);
    const uint64_t start = state;
    const uint32_t calls = 1 + below(12);
    int status[3];
    size_t needed[3];
    static const size_t rooms[3] = {64, 5, 0};
    for (int i = 0; i < 3; i++) {
        libsocket_writer w;
        libsocket_writer_init(&w, block, rooms[i]);
        state = start;
        for (uint32_t k = 0; k < calls; k++)
            call_any(&w);
        status[i] = libsocket_writer_status(&w);
        needed[i] = libsocket_writer_needed(&w);
        const size_t size = libsocket_writer_size(&w);
        CHECK((size > 0) == (status[i] == LIBSOCKET_WRITER_OK));
        CHECK(size == 0 || libsocket_payload_valid(block, size));
        CHECK(status[i] != LIBSOCKET_WRITER_FULL || needed[i] > rooms[i]);
    }
    for (int i = 1; i < 3; i++) {
        CHECK(needed[i] == needed[0]);
        CHECK(status[i] == status[0] ||
              (status[0] == LIBSOCKET_WRITER_OK &&
               status[i] == LIBSOCKET_WRITER_FULL));
    }
    free(block);
}

static size_t damage(unsigned char *buffer, size_t size)
{
    static const unsigned char telling[] = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4,
        0xc6, 0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd8, 0xd9, 0xdb, 0xdd, 0xdf,
        0xe0, 0xff};
    const uint32_t at = below((uint32_t)size);
    switch (below(6)) {
    case 0: buffer[at] ^= (unsigned char)(1u << below(8)); break;
    case 1: buffer[at] = telling[below(sizeof telling)]; break;
    case 2: return at; /* cut */
    case 3:            /* one byte out */
        memmove(buffer + at, buffer + at + 1, size - at - 1);
        return size - 1;
    case 4: /* one byte in */
        memmove(buffer + at + 1, buffer + at, size - at);
        buffer[at] = telling[below(sizeof telling)];
        return size + 1;
    default: /* a piece over another one */
        memmove(buffer + at, buffer + below(at + 1), size - at);
        break;
    }
    return size;
}

static void read_everything(libsocket_value value)
{
    static const char *const paths[] = {"step", "a/b", "0/step/1", "", "/"};
    char copy[7];
    const char *const path = paths[below(sizeof paths / sizeof *paths)];
    const libsocket_value found = libsocket_find(value, path);
    const libsocket_value got = libsocket_get(value, path);
    const libsocket_value at = libsocket_at(value, below(4));
    const libsocket_value values[] = {value, found, got, at};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const libsocket_value v = values[i];
        const libsocket_text text = libsocket_as_text(v, NULL);
        const libsocket_bytes bytes = libsocket_encoded(v);
        CHECK(text.data == NULL || libsocket_as_bytes(v).data != NULL);
        CHECK(strlen(libsocket_as_str(v, copy, sizeof copy, "")) <
              sizeof copy);
        CHECK(libsocket_count(v) <= (size_t)(v.end - v.at));
        CHECK(i == 0 || v.at == NULL || bytes.size == (size_t)(v.end - v.at));
        CHECK(libsocket_as_int(v, 1) == libsocket_as_int(v, 2) ||
              libsocket_as_int(v, 1) == 1);
        CHECK(libsocket_as_uint(v, 1) == libsocket_as_uint(v, 2) ||
              libsocket_as_uint(v, 1) == 1);
    }
}

/* Any bytes can be read; and what is valid can be written again. */
static void read_damaged(void)
{
    static unsigned char buffer[ROOM + 8], again[2 * ROOM];
    size_t size = any_value(buffer, ROOM);
    for (uint32_t times = 1 + below(4); times > 0 && size > 0; times--)
        size = damage(buffer, size);
    unsigned char *const block = check_block(buffer, size);
    const libsocket_value value = libsocket_payload(block, size);
    const bool valid = libsocket_payload_valid(block, size);
    script dump = {NULL, 0, 0}, other = {NULL, 0, 0};
    read_everything(value);
    CHECK(script_dump(&dump, value) || !valid);
    if (valid) {
        libsocket_writer w;
        libsocket_writer_init(&w, again, sizeof again);
        script_write(&w, dump.text, dump.size);
        const size_t written = libsocket_writer_size(&w);
        CHECK(written > 0);
        CHECK(script_dump(&other, libsocket_payload(again, written)));
        CHECK(other.size == dump.size &&
              memcmp(other.text, dump.text, dump.size) == 0);
    }
    free(other.text);
    free(dump.text);
    free(block);
}

static void run(const char *what, void (*test)(void), unsigned long rounds,
                uint64_t seed)
{
    static char name[64];
    snprintf(name, sizeof name, "%s, seed %" PRIu64, what, seed);
    check_begin(name);
    state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (unsigned long i = 0; i < rounds; i++)
        test();
    check_end();
}

int main(int argc, char **argv)
{
    const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const uint64_t last = argc > 2 ? first : SEEDS;
    for (uint64_t seed = first; seed <= last; seed++) {
        run("round trip", round_trip, rounds, seed);
        run("misuse", misuse, rounds, seed);
        run("damaged", read_damaged, rounds, seed);
    }
    return check_report();
}
