/*
 * payload_script.h - a value as lines of text: written by the writer, dumped
 * by the reader. The vectors are stored this way, and two values are the same
 * when their lines are.
 *
 *   nil | true | false | int N | double BITS | str HEX | bin HEX | raw HEX
 *   map ... end | array ... end
 *
 * BITS are the 16 hex digits of the double; "raw" is an extension, encoded.
 */
#ifndef PAYLOAD_SCRIPT_H
#define PAYLOAD_SCRIPT_H

#include "check.h"
#include "libsocket_payload.h"

#include <inttypes.h>

/* Text that grows. */
typedef struct script {
    char *text;
    size_t size;
    size_t room;
} script;

static inline void script_add(script *s, const char *text, size_t size)
{
    if (size + 1 > s->room - s->size) {
        s->room = 2 * (s->room + size + 1);
        s->text = (char *)realloc(s->text, s->room);
        check_need(s->text != NULL, "out of memory");
    }
    memcpy(s->text + s->size, text, size);
    s->size += size;
    s->text[s->size] = '\0';
}

static inline void script_line(script *s, const char *line)
{
    script_add(s, line, strlen(line));
    script_add(s, "\n", 1);
}

static inline void script_hex(script *s, const char *word,
                              libsocket_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    script_add(s, word, strlen(word));
    for (size_t i = 0; i < bytes.size; i++) {
        const char pair[2] = {digits[bytes.data[i] >> 4],
                              digits[bytes.data[i] & 15]};
        script_add(s, pair, 2);
    }
    script_add(s, "\n", 1);
}

static inline void script_int(script *s, libsocket_value value)
{
    char line[40];
    const int64_t number = libsocket_as_int(value, 0);
    if (number != 0)
        snprintf(line, sizeof line, "int %" PRId64, number);
    else
        snprintf(line, sizeof line, "int %" PRIu64,
                 libsocket_as_uint(value, 0));
    script_line(s, line);
}

static inline void script_double(script *s, libsocket_value value)
{
    char line[40];
    const double number = libsocket_as_double(value, 0);
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    snprintf(line, sizeof line, "double %016" PRIx64, bits);
    script_line(s, line);
}

/* Dumps the value; false when it is malformed somewhere. */
static inline bool script_dump(script *s, libsocket_value value)
{
    const int kind = libsocket_kind(value);
    libsocket_iterator it;
    switch (kind) {
    case LIBSOCKET_KIND_NIL:
        script_line(s, "nil");
        return true;
    case LIBSOCKET_KIND_BOOL:
        script_line(s, libsocket_as_bool(value, false) ? "true" : "false");
        return true;
    case LIBSOCKET_KIND_INT:
        script_int(s, value);
        return true;
    case LIBSOCKET_KIND_DOUBLE:
        script_double(s, value);
        return true;
    case LIBSOCKET_KIND_STR:
        script_hex(s, "str ", libsocket_as_bytes(value));
        return true;
    case LIBSOCKET_KIND_BIN:
        script_hex(s, "bin ", libsocket_as_bytes(value));
        return true;
    case LIBSOCKET_KIND_EXT:
        script_hex(s, "raw ", libsocket_encoded(value));
        return true;
    case LIBSOCKET_KIND_ARRAY:
    case LIBSOCKET_KIND_MAP:
        script_line(s, kind == LIBSOCKET_KIND_MAP ? "map" : "array");
        it = libsocket_iterate(value);
        while (libsocket_next(&it))
            if ((it.is_map && !script_dump(s, it.key)) ||
                !script_dump(s, it.value))
                return false;
        script_line(s, "end");
        return it.left == 0;
    default:
        return false;
    }
}

static inline unsigned script_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes of hex digits, in a block for free(). */
static inline unsigned char *script_bytes(const char *hex, size_t digits)
{
    const size_t size = digits / 2;
    unsigned char *const block = (unsigned char *)calloc(size + !size, 1);
    check_need(block != NULL, "out of memory");
    for (size_t i = 0; i + 1 < digits; i += 2)
        block[i / 2] = (unsigned char)(script_digit(hex[i]) << 4 |
                                       script_digit(hex[i + 1]));
    return block;
}

static inline bool script_is(const char *line, size_t size, const char *word)
{
    return size >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static inline void script_write_hex(libsocket_writer *w, const char *line,
                                    size_t size)
{
    unsigned char *const bytes = script_bytes(line + 4, size - 4);
    const size_t count = (size - 4) / 2;
    if (*line == 's')
        libsocket_write_strn(w, (const char *)bytes, count);
    else if (*line == 'b')
        libsocket_write_bin(w, bytes, count);
    else
        libsocket_write_raw(w, bytes, count);
    free(bytes);
}

static inline void script_write_number(libsocket_writer *w, const char *line,
                                       size_t size)
{
    char text[40];
    check_need(size < sizeof text, "a number is too long");
    memcpy(text, line, size);
    text[size] = '\0';
    if (*text == 'd') {
        const uint64_t bits = strtoull(text + 7, NULL, 16);
        double number;
        memcpy(&number, &bits, sizeof number);
        libsocket_write_double(w, number);
    } else if (text[4] == '-')
        libsocket_write_int(w, strtoll(text + 4, NULL, 10));
    else
        libsocket_write_uint(w, strtoull(text + 4, NULL, 10));
}

static inline void script_write_line(libsocket_writer *w, const char *line,
                                     size_t size)
{
    if (script_is(line, size, "nil"))
        libsocket_write_nil(w);
    else if (script_is(line, size, "true") || script_is(line, size, "false"))
        libsocket_write_bool(w, *line == 't');
    else if (script_is(line, size, "int ") || script_is(line, size, "double "))
        script_write_number(w, line, size);
    else if (script_is(line, size, "str ") || script_is(line, size, "bin ") ||
             script_is(line, size, "raw "))
        script_write_hex(w, line, size);
    else if (script_is(line, size, "map"))
        libsocket_write_map(w);
    else if (script_is(line, size, "array"))
        libsocket_write_array(w);
    else if (script_is(line, size, "end"))
        libsocket_write_end(w);
    else
        check_need(false, "an unknown line in a script");
}

/* Writes the value that the lines say. */
static inline void script_write(libsocket_writer *w, const char *text,
                                size_t size)
{
    const char *const end = text + size;
    while (text < end) {
        const char *stop =
            (const char *)memchr(text, '\n', (size_t)(end - text));
        if (stop == NULL)
            stop = end;
        script_write_line(w, text, (size_t)(stop - text));
        text = stop + 1;
    }
}

#endif
