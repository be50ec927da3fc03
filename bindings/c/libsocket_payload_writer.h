/* libsocket_payload_writer.h - building the data of a message: WRITER in
 * libsocket_payload.h. */
#ifndef LIBSOCKET_PAYLOAD_WRITER_H
#define LIBSOCKET_PAYLOAD_WRITER_H

#include "libsocket_payload_value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* libsocket_writer_status(). */
#define LIBSOCKET_WRITER_OK 0
#define LIBSOCKET_WRITER_FULL (-1)  /* the buffer is too small */
#define LIBSOCKET_WRITER_ORDER (-2) /* a call where it makes no sense, or an
                                       end is missing */
#define LIBSOCKET_WRITER_TEXT (-3)  /* not UTF-8 */
#define LIBSOCKET_WRITER_RAW (-4)   /* not one valid MessagePack value */
#define LIBSOCKET_WRITER_LIMIT (-5) /* too deep, or beyond 2^32-1 */

/* Most maps and arrays open at once; deeper values go in as raw. */
#define LIBSOCKET_WRITER_DEPTH 64

/* Use the functions; the fields are the writer's own. */
typedef struct libsocket_writer {
    unsigned char *buffer;
    size_t capacity;
    size_t size; /* bytes so far, also those that found no room */
    int status;
    uint32_t depth;
    struct {
        size_t start; /* of its first byte */
        uint64_t items;
        bool is_map;
    } open[LIBSOCKET_WRITER_DEPTH];
} libsocket_writer;

/* Starts a value in the buffer. NULL only measures. */
static inline void libsocket_writer_init(libsocket_writer *w, void *buffer,
                                         size_t capacity)
{
    w->buffer = (unsigned char *)buffer;
    w->capacity = buffer == NULL ? 0 : capacity;
    w->size = 0;
    w->status = LIBSOCKET_WRITER_OK;
    w->depth = 0;
}

/* Goes on in another buffer, after realloc() for example, that begins with a
 * copy of what is written so far. With the status FULL it is too late: what
 * found no room is lost. One too small for that copy, as NULL is, is FULL. */
static inline void libsocket_writer_move(libsocket_writer *w, void *buffer,
                                         size_t capacity)
{
    w->buffer = (unsigned char *)buffer;
    w->capacity = buffer == NULL ? 0 : capacity;
    if (w->status == LIBSOCKET_WRITER_OK && w->size > w->capacity)
        w->status = LIBSOCKET_WRITER_FULL;
}

/* LIBSOCKET_WRITER_OK when one complete value is in the buffer. */
static inline int libsocket_writer_status(const libsocket_writer *w)
{
    const bool complete = w->depth == 0 && w->size > 0;
    if (w->status < LIBSOCKET_WRITER_FULL || complete)
        return w->status;
    return LIBSOCKET_WRITER_ORDER;
}

/* The size of the complete value, 0 when the status is not OK. */
static inline size_t libsocket_writer_size(const libsocket_writer *w)
{
    return libsocket_writer_status(w) == LIBSOCKET_WRITER_OK ? w->size : 0;
}

/* The bytes that the value takes, with the status OK or FULL. */
static inline size_t libsocket_writer_needed(const libsocket_writer *w)
{
    return w->size;
}

/* Keeps the first mistake; a buffer too small is none, so that the size that
 * would do is still found. */
static inline void libsocket_fail_(libsocket_writer *w, int status)
{
    if (w->status >= LIBSOCKET_WRITER_FULL)
        w->status = status;
}

static inline bool libsocket_in_map_(const libsocket_writer *w)
{
    return w->depth > 0 && w->open[w->depth - 1].is_map;
}

/* Makes room in the books for one more value; false when none may come. */
static inline bool libsocket_item_(libsocket_writer *w, bool may_be_key)
{
    if (w->status < LIBSOCKET_WRITER_FULL)
        return false;
    if (w->depth == 0) {
        if (w->size == 0)
            return true;
        libsocket_fail_(w, LIBSOCKET_WRITER_ORDER);
        return false;
    }
    uint64_t *const items = &w->open[w->depth - 1].items;
    if (libsocket_in_map_(w) && *items % 2 == 0 && !may_be_key) {
        libsocket_fail_(w, LIBSOCKET_WRITER_ORDER);
        return false;
    }
    ++*items;
    return true;
}

/* Whether "size" more bytes fit; counts them in any case. */
static inline bool libsocket_grow_(libsocket_writer *w, size_t size)
{
    if (size > SIZE_MAX - w->size) {
        libsocket_fail_(w, LIBSOCKET_WRITER_LIMIT);
        return false;
    }
    if (w->status == LIBSOCKET_WRITER_OK && size > w->capacity - w->size)
        w->status = LIBSOCKET_WRITER_FULL;
    w->size += size;
    return w->status == LIBSOCKET_WRITER_OK;
}

static inline void libsocket_append_(libsocket_writer *w, const void *data,
                                     size_t size)
{
    if (size > 0 && libsocket_grow_(w, size))
        memcpy(w->buffer + w->size - size, data, size);
}

/* Stores a first byte and a number of "width" bytes behind it. */
static inline void libsocket_store_(unsigned char *at, unsigned first,
                                    uint64_t number, size_t width)
{
    *at = (unsigned char)first;
    for (size_t i = width; i > 0; i--, number >>= 8)
        at[i] = (unsigned char)(number & 0xff);
}

static inline void libsocket_append_number_(libsocket_writer *w,
                                            unsigned first, uint64_t number,
                                            size_t width)
{
    unsigned char bytes[9];
    libsocket_store_(bytes, first, number, width);
    libsocket_append_(w, bytes, width + 1);
}

/* The number of bytes, 1, 2, 4 or 8, that hold "number". */
static inline size_t libsocket_width_(uint64_t number)
{
    return number <= 0xff         ? 1
           : number <= 0xffff     ? 2
           : number <= 0xffffffff ? 4
                                  : 8;
}

/* 0, 1, 2, 3 for the widths 1, 2, 4, 8. */
static inline unsigned libsocket_step_(size_t width)
{
    return width == 8 ? 3 : (unsigned)width / 2;
}

static inline void libsocket_write_nil(libsocket_writer *w)
{
    if (libsocket_item_(w, false))
        libsocket_append_number_(w, 0xc0, 0, 0);
}

static inline void libsocket_write_bool(libsocket_writer *w, bool value)
{
    if (libsocket_item_(w, false))
        libsocket_append_number_(w, value ? 0xc3 : 0xc2, 0, 0);
}

static inline void libsocket_write_uint(libsocket_writer *w, uint64_t value)
{
    if (!libsocket_item_(w, false))
        return;
    const size_t width = libsocket_width_(value);
    if (value < 0x80)
        libsocket_append_number_(w, (unsigned)value, 0, 0);
    else
        libsocket_append_number_(w, 0xcc + libsocket_step_(width), value,
                                 width);
}

static inline void libsocket_write_int(libsocket_writer *w, int64_t value)
{
    if (value >= 0) {
        libsocket_write_uint(w, (uint64_t)value);
        return;
    }
    if (!libsocket_item_(w, false))
        return;
    const uint64_t bits = (uint64_t)value;
    /* ~bits is -value - 1: one bit more holds its sign. */
    const size_t width = libsocket_width_(~bits << 1);
    if (value >= -32)
        libsocket_append_number_(w, (unsigned)(bits & 0xff), 0, 0);
    else
        libsocket_append_number_(w, 0xd0 + libsocket_step_(width), bits,
                                 width);
}

static inline void libsocket_write_double(libsocket_writer *w, double value)
{
    if (libsocket_item_(w, false))
        libsocket_append_number_(w, 0xcb, libsocket_double_bits_(value), 8);
}

/* The head of a str or bin, whose 8-bit form has the first byte "first". */
static inline bool libsocket_write_length_(libsocket_writer *w,
                                           const void *data, size_t size,
                                           unsigned first)
{
    if (data == NULL && size > 0)
        libsocket_fail_(w, LIBSOCKET_WRITER_ORDER);
    else if ((uint64_t)size > 0xffffffff)
        libsocket_fail_(w, LIBSOCKET_WRITER_LIMIT);
    else if (first == 0xd9 &&
             !libsocket_utf8_((const unsigned char *)data, size))
        libsocket_fail_(w, LIBSOCKET_WRITER_TEXT);
    if (!libsocket_item_(w, true))
        return false;
    const size_t width = libsocket_width_(size);
    if (first == 0xd9 && size < 32)
        libsocket_append_number_(w, 0xa0 + (unsigned)size, 0, 0);
    else
        libsocket_append_number_(w, first + libsocket_step_(width), size,
                                 width);
    return true;
}

/* Writes "size" bytes of text; NUL may be among them. */
static inline void libsocket_write_strn(libsocket_writer *w, const char *text,
                                        size_t size)
{
    if (libsocket_write_length_(w, text, size, 0xd9))
        libsocket_append_(w, text, size);
}

/* Writes text that a NUL ends. NULL is written as nil. */
static inline void libsocket_write_str(libsocket_writer *w, const char *text)
{
    if (text == NULL)
        libsocket_write_nil(w);
    else
        libsocket_write_strn(w, text, strlen(text));
}

static inline void libsocket_write_bin(libsocket_writer *w, const void *data,
                                       size_t size)
{
    if (libsocket_write_length_(w, data, size, 0xc4))
        libsocket_append_(w, data, size);
}

/* Writes one value that is MessagePack already: see libsocket_encoded(). */
static inline void libsocket_write_raw(libsocket_writer *w, const void *data,
                                       size_t size)
{
    const unsigned char *const at = (const unsigned char *)data;
    if (at == NULL ||
        !libsocket_valid_(at, size, LIBSOCKET_PAYLOAD_DEPTH - w->depth)) {
        libsocket_fail_(w, LIBSOCKET_WRITER_RAW);
        return;
    }
    const int kind = libsocket_head_read_(at, at + size).kind;
    if (libsocket_item_(w, kind == LIBSOCKET_KIND_STR ||
                               kind == LIBSOCKET_KIND_BIN))
        libsocket_append_(w, data, size);
}

static inline void libsocket_begin_(libsocket_writer *w, bool is_map)
{
    if (w->depth == LIBSOCKET_WRITER_DEPTH)
        libsocket_fail_(w, LIBSOCKET_WRITER_LIMIT);
    if (!libsocket_item_(w, false))
        return;
    w->open[w->depth].start = w->size;
    w->open[w->depth].items = 0;
    w->open[w->depth].is_map = is_map;
    w->depth++;
    libsocket_append_number_(w, 0, 0, 0); /* the end fills it in */
}

/* Begins a map: keys (str or bin) and values follow in turn, then the end. */
static inline void libsocket_write_map(libsocket_writer *w)
{
    libsocket_begin_(w, true);
}

/* Begins an array: values follow, then the end. */
static inline void libsocket_write_array(libsocket_writer *w)
{
    libsocket_begin_(w, false);
}

/* Ends the map or array that was begun last. */
static inline void libsocket_write_end(libsocket_writer *w)
{
    if (w->status < LIBSOCKET_WRITER_FULL)
        return;
    const bool is_map = libsocket_in_map_(w);
    if (w->depth == 0 || (is_map && w->open[w->depth - 1].items % 2 != 0)) {
        libsocket_fail_(w, LIBSOCKET_WRITER_ORDER);
        return;
    }
    w->depth--;
    const size_t start = w->open[w->depth].start;
    const uint64_t count = w->open[w->depth].items / (is_map ? 2 : 1);
    if (count > 0xffffffff) {
        libsocket_fail_(w, LIBSOCKET_WRITER_LIMIT);
        return;
    }
    /* One byte was kept for the head; a longer one moves what follows. */
    const size_t width = count < 16 ? 0 : count <= 0xffff ? 2 : 4;
    const size_t old_size = w->size;
    if (!libsocket_grow_(w, width))
        return;
    unsigned char *const head = w->buffer + start;
    if (width > 0)
        memmove(head + 1 + width, head + 1, old_size - start - 1);
    if (width == 0)
        *head = (unsigned char)((is_map ? 0x80 : 0x90) + count);
    else
        libsocket_store_(head, (is_map ? 0xdeu : 0xdcu) + (width == 4), count,
                         width);
}

/* ---- Key and value in one call, inside a map --------------------------- */

static inline void libsocket_key_n_(libsocket_writer *w, const char *key,
                                    size_t size)
{
    if (!libsocket_in_map_(w) || w->open[w->depth - 1].items % 2 != 0)
        libsocket_fail_(w, LIBSOCKET_WRITER_ORDER);
    else
        libsocket_write_strn(w, key, size);
}

/* NULL is no key. */
static inline void libsocket_key_(libsocket_writer *w, const char *key)
{
    libsocket_key_n_(w, key, key == NULL ? 1 : strlen(key));
}

static inline void libsocket_put_nil(libsocket_writer *w, const char *key)
{
    libsocket_key_(w, key);
    libsocket_write_nil(w);
}

static inline void libsocket_put_bool(libsocket_writer *w, const char *key,
                                      bool value)
{
    libsocket_key_(w, key);
    libsocket_write_bool(w, value);
}

static inline void libsocket_put_int(libsocket_writer *w, const char *key,
                                     int64_t value)
{
    libsocket_key_(w, key);
    libsocket_write_int(w, value);
}

static inline void libsocket_put_uint(libsocket_writer *w, const char *key,
                                      uint64_t value)
{
    libsocket_key_(w, key);
    libsocket_write_uint(w, value);
}

static inline void libsocket_put_double(libsocket_writer *w, const char *key,
                                        double value)
{
    libsocket_key_(w, key);
    libsocket_write_double(w, value);
}

static inline void libsocket_put_str(libsocket_writer *w, const char *key,
                                     const char *text)
{
    libsocket_key_(w, key);
    libsocket_write_str(w, text);
}

static inline void libsocket_put_strn(libsocket_writer *w, const char *key,
                                      const char *text, size_t size)
{
    libsocket_key_(w, key);
    libsocket_write_strn(w, text, size);
}

static inline void libsocket_put_bin(libsocket_writer *w, const char *key,
                                     const void *data, size_t size)
{
    libsocket_key_(w, key);
    libsocket_write_bin(w, data, size);
}

static inline void libsocket_put_raw(libsocket_writer *w, const char *key,
                                     const void *data, size_t size)
{
    libsocket_key_(w, key);
    libsocket_write_raw(w, data, size);
}

/* Begins a map as the value of "key", as libsocket_write_map(). */
static inline void libsocket_put_map(libsocket_writer *w, const char *key)
{
    libsocket_key_(w, key);
    libsocket_write_map(w);
}

/* Begins an array as the value of "key", as libsocket_write_array(). */
static inline void libsocket_put_array(libsocket_writer *w, const char *key)
{
    libsocket_key_(w, key);
    libsocket_write_array(w);
}

#ifdef __cplusplus
}
#endif

#endif
