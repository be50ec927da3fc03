/* libsocket_payload_reader.h - reading the data of a message: READER in
 * libsocket_payload.h. */
#ifndef LIBSOCKET_PAYLOAD_READER_H
#define LIBSOCKET_PAYLOAD_READER_H

#include "libsocket_payload_value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the bytes are one value that the library would send: strict UTF-8,
 * str or bin keys, at most LIBSOCKET_PAYLOAD_DEPTH deep, nothing behind it. */
static inline bool libsocket_payload_valid(const void *data, size_t size)
{
    return data != NULL && libsocket_valid_((const unsigned char *)data, size,
                                            LIBSOCKET_PAYLOAD_DEPTH);
}

static inline libsocket_value libsocket_value_(const unsigned char *at,
                                               const unsigned char *end,
                                               uint32_t depth)
{
    libsocket_value value;
    value.at = at;
    value.end = end;
    value.depth = depth;
    return value;
}

/* The value that the bytes hold, absent for NULL. */
static inline libsocket_value libsocket_payload(const void *data, size_t size)
{
    const unsigned char *const at = (const unsigned char *)data;
    return libsocket_value_(at, at == NULL ? NULL : at + size, 0);
}

static inline libsocket_head_ libsocket_head_of_(libsocket_value value)
{
    libsocket_head_ head = libsocket_head_read_(value.at, value.end);
    if (value.depth >= LIBSOCKET_PAYLOAD_DEPTH &&
        (head.kind == LIBSOCKET_KIND_ARRAY || head.kind == LIBSOCKET_KIND_MAP))
        memset(&head, 0, sizeof head);
    return head;
}

/* LIBSOCKET_KIND_...; looks at the first bytes only, not at what is inside. */
static inline int libsocket_kind(libsocket_value value)
{
    return libsocket_head_of_(value).kind;
}

/* The bytes of the whole value as they are, none when it is malformed. */
static inline libsocket_bytes libsocket_encoded(libsocket_value value)
{
    const unsigned char *const end = libsocket_skip_(value.at, value.end);
    libsocket_bytes bytes;
    bytes.data = end == NULL ? NULL : value.at;
    bytes.size = end == NULL ? 0 : (size_t)(end - value.at);
    return bytes;
}

static inline bool libsocket_as_bool(libsocket_value value, bool fallback)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    return head.kind == LIBSOCKET_KIND_BOOL ? head.number != 0 : fallback;
}

/* The number when an int64_t holds it exactly, also from a double. */
static inline int64_t libsocket_as_int(libsocket_value value, int64_t fallback)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    if (head.kind == LIBSOCKET_KIND_INT && head.negative)
        return -(int64_t)~head.number - 1;
    if (head.kind == LIBSOCKET_KIND_INT)
        return head.number <= INT64_MAX ? (int64_t)head.number : fallback;
    if (head.kind != LIBSOCKET_KIND_DOUBLE)
        return fallback;
    const double number = libsocket_bits_double_(head.number);
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
        return fallback;
    const int64_t whole = (int64_t)number;
    return (double)whole == number ? whole : fallback;
}

/* The number when a uint64_t holds it exactly, also from a double. */
static inline uint64_t libsocket_as_uint(libsocket_value value,
                                         uint64_t fallback)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    if (head.kind == LIBSOCKET_KIND_INT)
        return head.negative ? fallback : head.number;
    if (head.kind != LIBSOCKET_KIND_DOUBLE)
        return fallback;
    const double number = libsocket_bits_double_(head.number);
    if (!(number >= 0.0 && number < 18446744073709551616.0))
        return fallback;
    const uint64_t whole = (uint64_t)number;
    return (double)whole == number ? whole : fallback;
}

/* The number of a double or an int; an int beyond 2^53 is rounded. */
static inline double libsocket_as_double(libsocket_value value,
                                         double fallback)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    if (head.kind == LIBSOCKET_KIND_DOUBLE)
        return libsocket_bits_double_(head.number);
    if (head.kind != LIBSOCKET_KIND_INT)
        return fallback;
    return head.negative ? -(double)(~head.number + 1) : (double)head.number;
}

/* The bytes of a bin or str, none for anything else. */
static inline libsocket_bytes libsocket_as_bytes(libsocket_value value)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    const bool fits = head.kind == LIBSOCKET_KIND_STR ||
                      head.kind == LIBSOCKET_KIND_BIN;
    libsocket_bytes bytes;
    bytes.data = fits ? head.body : NULL;
    bytes.size = fits ? head.size : 0;
    return bytes;
}

/* The text of a str or bin when it is UTF-8; NUL may be inside. A fallback of
 * NULL gives data NULL. */
static inline libsocket_text libsocket_as_text(libsocket_value value,
                                               const char *fallback)
{
    const libsocket_bytes bytes = libsocket_as_bytes(value);
    const bool fits =
        bytes.data != NULL && libsocket_utf8_(bytes.data, bytes.size);
    libsocket_text text;
    text.data = fits ? (const char *)bytes.data : fallback;
    text.size = fits               ? bytes.size
                : fallback == NULL ? 0
                                   : strlen(fallback);
    return text;
}

/* Copies the text (or the fallback) with a NUL behind it, cut before the first
 * character that does not fit, and returns the buffer. */
static inline const char *libsocket_as_str(libsocket_value value, char *buffer,
                                           size_t capacity,
                                           const char *fallback)
{
    const libsocket_text text = libsocket_as_text(value, fallback);
    size_t size = text.size;
    if (capacity == 0)
        return "";
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
            size--;
    }
    if (size > 0)
        memcpy(buffer, text.data, size);
    buffer[size] = '\0';
    return buffer;
}

/* Whether the value is this text. */
static inline bool libsocket_is(libsocket_value value, const char *text)
{
    const libsocket_bytes bytes = libsocket_as_bytes(value);
    const size_t size = strlen(text);
    return bytes.data != NULL && bytes.size == size &&
           memcmp(bytes.data, text, size) == 0;
}

/* The number of entries of a map or values of an array, 0 for anything else.
 * Never more than the bytes that are there. */
static inline size_t libsocket_count(libsocket_value value)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    return (size_t)(head.kind == LIBSOCKET_KIND_MAP ? head.items / 2
                                                    : head.items);
}

/* Walks over a map or array: see libsocket_iterate(). */
typedef struct libsocket_iterator {
    libsocket_value key;   /* absent in an array */
    libsocket_value value;
    size_t left;           /* entries that were not given yet */
    const unsigned char *at;
    const unsigned char *end;
    uint32_t depth;
    bool is_map;
} libsocket_iterator;

/*
 * Starts before the first entry:
 *   libsocket_iterator it = libsocket_iterate(map);
 *   while (libsocket_next(&it))
 *       ... it.key, it.value ...
 * Anything but a map or array has no entries.
 */
static inline libsocket_iterator libsocket_iterate(libsocket_value value)
{
    const libsocket_head_ head = libsocket_head_of_(value);
    libsocket_iterator it;
    memset(&it, 0, sizeof it);
    it.is_map = head.kind == LIBSOCKET_KIND_MAP;
    it.left = libsocket_count(value);
    it.at = head.body;
    it.end = value.end;
    it.depth = value.depth + 1;
    return it;
}

static inline bool libsocket_take_(libsocket_iterator *it,
                                   libsocket_value *value)
{
    const unsigned char *const end = libsocket_skip_(it->at, it->end);
    if (end == NULL)
        return false;
    *value = libsocket_value_(it->at, end, it->depth);
    it->at = end;
    return true;
}

/* Goes to the next entry; false after the last. It is false before the last,
 * with "left" above 0, where the bytes are malformed. */
static inline bool libsocket_next(libsocket_iterator *it)
{
    if (it->left == 0 || (it->is_map && !libsocket_take_(it, &it->key)) ||
        !libsocket_take_(it, &it->value))
        return false;
    it->left--;
    return true;
}

static inline libsocket_value libsocket_get_n_(libsocket_value map,
                                               const char *key, size_t size)
{
    libsocket_value found = libsocket_value_(NULL, NULL, 0);
    libsocket_iterator it = libsocket_iterate(map);
    while (libsocket_next(&it)) {
        const libsocket_bytes bytes = libsocket_as_bytes(it.key);
        if (bytes.data != NULL && bytes.size == size &&
            memcmp(bytes.data, key, size) == 0)
            found = it.value;
    }
    return it.left == 0 ? found : libsocket_value_(NULL, NULL, 0);
}

/* The value of a key, the last one when the key is there twice. */
static inline libsocket_value libsocket_get(libsocket_value map,
                                            const char *key)
{
    return libsocket_get_n_(map, key, strlen(key));
}

/* The value at an index of an array, from 0. Reads over those before it and
 * over itself: for all values of a long array there is the iterator. */
static inline libsocket_value libsocket_at(libsocket_value array, size_t index)
{
    libsocket_iterator it = libsocket_iterate(array);
    if (it.is_map || index >= it.left)
        return libsocket_value_(NULL, NULL, 0);
    while (libsocket_next(&it))
        if (index-- == 0)
            return it.value;
    return libsocket_value_(NULL, NULL, 0);
}

static inline libsocket_value libsocket_step_into_(libsocket_value value,
                                                   const char *name,
                                                   size_t size)
{
    if (libsocket_kind(value) != LIBSOCKET_KIND_ARRAY)
        return libsocket_get_n_(value, name, size);
    const size_t count = libsocket_count(value);
    size_t index = size == 0 ? count : 0;
    for (size_t i = 0; i < size && index < count; i++)
        index = name[i] < '0' || name[i] > '9'
                    ? count
                    : index * 10 + (size_t)(name[i] - '0');
    return libsocket_at(value, index);
}

/* The value behind a path of keys and array indexes, like "job/files/0/name".
 * Keys that have a '/' are for libsocket_get(). */
static inline libsocket_value libsocket_find(libsocket_value value,
                                             const char *path)
{
    for (;;) {
        const size_t size = strcspn(path, "/");
        value = libsocket_step_into_(value, path, size);
        if (path[size] == '\0')
            return value;
        path += size + 1;
    }
}

/* ---- The value of a key in one call, with a fallback ------------------- */

static inline bool libsocket_get_bool(libsocket_value map, const char *key,
                                      bool fallback)
{
    return libsocket_as_bool(libsocket_get(map, key), fallback);
}

static inline int64_t libsocket_get_int(libsocket_value map, const char *key,
                                        int64_t fallback)
{
    return libsocket_as_int(libsocket_get(map, key), fallback);
}

static inline uint64_t libsocket_get_uint(libsocket_value map, const char *key,
                                          uint64_t fallback)
{
    return libsocket_as_uint(libsocket_get(map, key), fallback);
}

static inline double libsocket_get_double(libsocket_value map, const char *key,
                                          double fallback)
{
    return libsocket_as_double(libsocket_get(map, key), fallback);
}

static inline libsocket_bytes libsocket_get_bytes(libsocket_value map,
                                                  const char *key)
{
    return libsocket_as_bytes(libsocket_get(map, key));
}

static inline libsocket_text libsocket_get_text(libsocket_value map,
                                                const char *key,
                                                const char *fallback)
{
    return libsocket_as_text(libsocket_get(map, key), fallback);
}

static inline const char *libsocket_get_str(libsocket_value map,
                                            const char *key, char *buffer,
                                            size_t capacity,
                                            const char *fallback)
{
    return libsocket_as_str(libsocket_get(map, key), buffer, capacity,
                            fallback);
}

#ifdef __cplusplus
}
#endif

#endif
