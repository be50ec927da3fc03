/* libsocket_payload_value.h - the ground that writer and reader of
 * libsocket_payload.h stand on: what a value is, and decoding its head. */
#ifndef LIBSOCKET_PAYLOAD_VALUE_H
#define LIBSOCKET_PAYLOAD_VALUE_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53
#error "libsocket_payload.h needs IEEE 754 float and double"
#endif


#ifdef __cplusplus
extern "C" {
#endif

/* Most maps and arrays within each other, the outermost counted. */
#define LIBSOCKET_PAYLOAD_DEPTH 1023

/* What a value is: libsocket_kind(). */
#define LIBSOCKET_KIND_NONE 0 /* absent or malformed */
#define LIBSOCKET_KIND_NIL 1
#define LIBSOCKET_KIND_BOOL 2
#define LIBSOCKET_KIND_INT 3
#define LIBSOCKET_KIND_DOUBLE 4
#define LIBSOCKET_KIND_STR 5
#define LIBSOCKET_KIND_BIN 6
#define LIBSOCKET_KIND_ARRAY 7
#define LIBSOCKET_KIND_MAP 8
#define LIBSOCKET_KIND_EXT 9 /* an extension: see libsocket_encoded() */

/* A value where it lies. All zero is the absent value. */
typedef struct libsocket_value {
    const unsigned char *at;
    const unsigned char *end;
    uint32_t depth; /* containers around it */
} libsocket_value;

/* Text that no NUL ends: printf("%.*s", (int)text.size, text.data). */
typedef struct libsocket_text {
    const char *data;
    size_t size;
} libsocket_text;

typedef struct libsocket_bytes {
    const unsigned char *data;
    size_t size;
} libsocket_bytes;

/* The first bytes of a value, decoded; what they promise is within bounds. */
typedef struct libsocket_head_ {
    int kind;
    bool negative;             /* an int below 0 */
    uint64_t number;           /* int, bits of the double, bool, or length */
    uint64_t items;            /* values inside: a map has two an entry */
    const unsigned char *body; /* of str, bin and ext */
    size_t size;               /* of the body */
} libsocket_head_;

static inline uint64_t libsocket_load_(const unsigned char *at, size_t width)
{
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | at[i];
    return number;
}

static inline uint64_t libsocket_double_bits_(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline double libsocket_bits_double_(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline double libsocket_bits_float_(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}

/* Strict: no overlong form, no surrogate, nothing above U+10FFFF. */
static inline bool libsocket_utf8_(const unsigned char *text, size_t size)
{
    size_t i = 0;
    while (i < size) {
        const unsigned char first = text[i];
        if (first < 0x80) {
            i++;
            continue;
        }
        const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || more >= size - i)
            return false;
        const unsigned char low =
            first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        const unsigned char high =
            first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (text[i + 1] < low || text[i + 1] > high)
            return false;
        for (size_t k = 2; k <= more; k++)
            if ((text[i + k] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

static inline void libsocket_head_int_(libsocket_head_ *head, size_t width)
{
    const uint64_t sign = (uint64_t)1 << (8 * width - 1);
    head->negative = (head->number & sign) != 0;
    if (head->negative)
        head->number |= ~(sign - 1);
}

static inline libsocket_head_ libsocket_head_read_(const unsigned char *at,
                                                   const unsigned char *end)
{
    /* 0xc0 to 0xdf: the kind, and how many bytes of number follow. */
    static const unsigned char kinds[32] = {1, 0, 2, 2, 6, 6, 6, 9, 9, 9, 4,
                                            4, 3, 3, 3, 3, 3, 3, 3, 3, 9, 9,
                                            9, 9, 9, 5, 5, 5, 7, 7, 8, 8};
    static const unsigned char widths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4,
                                             8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0,
                                             0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    libsocket_head_ head;
    memset(&head, 0, sizeof head);
    if (at == NULL || at >= end)
        return head;

    const unsigned char first = *at;
    size_t left = (size_t)(end - at) - 1;
    size_t width = 0;
    int kind;
    if (first < 0x80 || first >= 0xe0) {
        kind = LIBSOCKET_KIND_INT;
        head.number = first;
        width = 1; /* read as one signed byte */
    } else if (first < 0xc0) {
        kind = first < 0x90   ? LIBSOCKET_KIND_MAP
               : first < 0xa0 ? LIBSOCKET_KIND_ARRAY
                              : LIBSOCKET_KIND_STR;
        head.number = first & (kind == LIBSOCKET_KIND_STR ? 0x1fu : 0x0fu);
    } else {
        kind = kinds[first - 0xc0];
        width = widths[first - 0xc0];
        if (width > left)
            return head;
        head.number = libsocket_load_(at + 1, width);
        left -= width;
    }
    head.body = end - left;

    uint64_t size = 0;
    uint64_t items = 0;
    switch (kind) {
    case LIBSOCKET_KIND_BOOL:
        head.number = first & 1;
        break;
    case LIBSOCKET_KIND_INT:
        if (first < 0xcc || first > 0xcf)
            libsocket_head_int_(&head, width);
        break;
    case LIBSOCKET_KIND_DOUBLE:
        if (width == 4)
            head.number = libsocket_double_bits_(
                libsocket_bits_float_((uint32_t)head.number));
        break;
    case LIBSOCKET_KIND_EXT: /* the body starts with the byte of its type */
        size = (width == 0 ? (uint64_t)1 << (first - 0xd4) : head.number) + 1;
        break;
    case LIBSOCKET_KIND_STR:
    case LIBSOCKET_KIND_BIN:
        size = head.number;
        break;
    case LIBSOCKET_KIND_ARRAY:
        items = head.number;
        break;
    case LIBSOCKET_KIND_MAP:
        items = 2 * head.number;
        break;
    default:
        break;
    }
    /* An item has at least one byte: a count beyond that is a lie. */
    if (size > left || items > left)
        return head;
    head.items = items;
    head.size = (size_t)size;
    head.kind = kind;
    return head;
}

/* The byte after the value at "at", NULL when it is malformed. */
static inline const unsigned char *libsocket_skip_(const unsigned char *at,
                                                   const unsigned char *end)
{
    uint64_t wanted = 1;
    while (wanted > 0) {
        const libsocket_head_ head = libsocket_head_read_(at, end);
        if (head.kind == LIBSOCKET_KIND_NONE)
            return NULL;
        at = head.body + head.size;
        wanted += head.items - 1;
        /* No sum of lies can overflow. */
        if (wanted > (uint64_t)(end - at))
            return NULL;
    }
    return at;
}

/*
 * Whether the bytes are one valid value nested at most "limit" deep: strict
 * UTF-8 in every str, str or bin as the keys of maps, and nothing behind it.
 */
static inline bool libsocket_valid_(const unsigned char *at, size_t size,
                                    uint32_t limit)
{
    /* For each open container, the values still to come, and its lowest bit
     * set in a map: there an even number to come means that a key is next. */
    uint64_t levels[LIBSOCKET_PAYLOAD_DEPTH + 1];
    uint32_t depth = 0;
    const unsigned char *const end = at + size;
    levels[0] = 1 << 1;
    for (;;) {
        const libsocket_head_ head = libsocket_head_read_(at, end);
        const bool text = head.kind == LIBSOCKET_KIND_STR;
        const bool key = (levels[depth] & 3) == 1;
        if (head.kind == LIBSOCKET_KIND_NONE ||
            (key && !text && head.kind != LIBSOCKET_KIND_BIN) ||
            (text && !libsocket_utf8_(head.body, head.size)))
            return false;
        at = head.body + head.size;
        levels[depth] -= 2;
        if (head.kind == LIBSOCKET_KIND_ARRAY ||
            head.kind == LIBSOCKET_KIND_MAP) {
            if (depth == limit)
                return false;
            levels[++depth] =
                head.items << 1 | (head.kind == LIBSOCKET_KIND_MAP);
        }
        while (levels[depth] < 2) {
            if (depth == 0)
                return at == end;
            depth--;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif
