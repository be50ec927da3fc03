/*
 * MessagePack of the plain types: None, bool, int, float, str, bytes, list,
 * tuple and dict. What msgpack takes for one call and a buffer of its own is
 * half of what it costs to send a message, and its strings for keys that came
 * before half of what it costs to receive one.
 *
 * What is not plain, or nested deeply, is left to msgpack, and so is what
 * cannot be converted: msgpack says why. No Python code runs in here.
 */

#include "accelerator.h"

enum { DEEPEST = 64 };

/* ---- packing */

void document_init(Document *document)
{
    document->data = document->small;
    document->size = 0;
    document->room = sizeof document->small;
}

void document_clear(Document *document)
{
    if (document->data != document->small)
        PyMem_Free(document->data);
    document_init(document);
}

/* Returns where so many bytes are to be put; NULL without memory. */
static char *extend(Document *document, size_t count)
{
    if (document->room - document->size < count) {
        if (count > (size_t)PY_SSIZE_T_MAX / 2 - document->size)
            return NULL;
        size_t room = 2 * (document->size + count);
        char *held = document->data == document->small ? NULL : document->data;
        char *data = PyMem_Realloc(held, room);
        if (data == NULL)
            return NULL;
        if (held == NULL)
            memcpy(data, document->small, document->size);
        document->data = data;
        document->room = room;
    }
    char *at = document->data + document->size;
    document->size += count;
    return at;
}

/* Appends a byte, and a number of so many bytes, most significant first. */
static int put(Document *document, int first, uint64_t number, int width)
{
    char *at = extend(document, (size_t)width + 1);

    if (at == NULL)
        return 0;
    *at = (char)first;
    for (int i = width; i > 0; i--, number >>= 8)
        at[i] = (char)number;
    return 1;
}

/* How lengths are written: up to `most` within the first byte, else behind it
 * in 1 (where there is such a form), 2 or 4 bytes. */
typedef struct {
    int within, most, one, two, four;
} Lengths;

static const Lengths str_lengths = {0xa0, 31, 0xd9, 0xda, 0xdb};
static const Lengths bin_lengths = {0, -1, 0xc4, 0xc5, 0xc6};
static const Lengths array_lengths = {0x90, 15, 0, 0xdc, 0xdd};
static const Lengths map_lengths = {0x80, 15, 0, 0xde, 0xdf};

static int put_length(Document *document, const Lengths *of, Py_ssize_t length)
{
    uint64_t number = (uint64_t)length;

    if (length <= of->most)
        return put(document, of->within | (int)length, 0, 0);
    if (number <= UINT8_MAX && of->one != 0)
        return put(document, of->one, number, 1);
    if (number <= UINT16_MAX)
        return put(document, of->two, number, 2);
    if (number <= UINT32_MAX)
        return put(document, of->four, number, 4);
    return 0;
}

static int put_bytes(Document *document, const Lengths *of, const char *bytes,
                     Py_ssize_t size)
{
    if (!put_length(document, of, size))
        return 0;
    char *at = extend(document, (size_t)size);
    if (at == NULL)
        return 0;
    memcpy(at, bytes, (size_t)size);
    return 1;
}

static int put_natural(Document *document, uint64_t number)
{
    if (number < 0x80)
        return put(document, (int)number, 0, 0);
    if (number <= UINT8_MAX)
        return put(document, 0xcc, number, 1);
    if (number <= UINT16_MAX)
        return put(document, 0xcd, number, 2);
    if (number <= UINT32_MAX)
        return put(document, 0xce, number, 4);
    return put(document, 0xcf, number, 8);
}

static int pack_int(Document *document, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);

    if (overflow < 0)
        return 0;
    if (overflow > 0) {
        unsigned long long large = PyLong_AsUnsignedLongLong(value);
        return !PyErr_Occurred() && put_natural(document, large);
    }
    if (number >= 0)
        return put_natural(document, (uint64_t)number);
    if (number >= -32)
        return put(document, (int)number & 0xff, 0, 0);
    if (number >= INT8_MIN)
        return put(document, 0xd0, (uint64_t)number, 1);
    if (number >= INT16_MIN)
        return put(document, 0xd1, (uint64_t)number, 2);
    if (number >= INT32_MIN)
        return put(document, 0xd2, (uint64_t)number, 4);
    return put(document, 0xd3, (uint64_t)number, 8);
}

static int pack_float(Document *document, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return put(document, 0xcb, bits, 8);
}

static int pack_str(Document *document, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);

    return text != NULL && put_bytes(document, &str_lengths, text, size);
}

static int pack_bytes(Document *document, PyObject *value)
{
    char *bytes;
    Py_ssize_t size;

    return PyBytes_AsStringAndSize(value, &bytes, &size) == 0
        && put_bytes(document, &bin_lengths, bytes, size);
}

static int pack_value(Document *document, PyObject *value, int levels);

static int pack_dict(Document *document, PyObject *value, int levels)
{
    PyObject *key, *item;
    Py_ssize_t at = 0;

    if (!put_length(document, &map_lengths, PyDict_Size(value)))
        return 0;
    while (PyDict_Next(value, &at, &key, &item))
        if (!pack_value(document, key, levels)
            || !pack_value(document, item, levels))
            return 0;
    return 1;
}

/* The items of a list or tuple, which `item` gives. */
static int pack_items(Document *document, PyObject *value, Py_ssize_t length,
                      PyObject *(*item)(PyObject *, Py_ssize_t), int levels)
{
    if (!put_length(document, &array_lengths, length))
        return 0;
    for (Py_ssize_t i = 0; i < length; i++)
        if (!pack_value(document, item(value, i), levels))
            return 0;
    return 1;
}

static int pack_value(Document *document, PyObject *value, int levels)
{
    if (PyUnicode_CheckExact(value))
        return pack_str(document, value);
    if (PyLong_CheckExact(value))
        return pack_int(document, value);
    if (PyFloat_CheckExact(value))
        return pack_float(document, value);
    if (value == Py_None)
        return put(document, 0xc0, 0, 0);
    if (value == Py_False)
        return put(document, 0xc2, 0, 0);
    if (value == Py_True)
        return put(document, 0xc3, 0, 0);
    if (PyBytes_CheckExact(value))
        return pack_bytes(document, value);
    if (levels == 0)
        return 0;
    if (PyDict_CheckExact(value))
        return pack_dict(document, value, levels - 1);
    if (PyList_CheckExact(value))
        return pack_items(document, value, PyList_Size(value),
                          PyList_GetItem, levels - 1);
    if (PyTuple_CheckExact(value))
        return pack_items(document, value, PyTuple_Size(value),
                          PyTuple_GetItem, levels - 1);
    return 0;
}

int document_append(Document *document, PyObject *value)
{
    if (pack_value(document, value, DEEPEST))
        return 1;
    PyErr_Clear();
    return 0;
}

const char pack_doc[] =
    "pack(value, /)\n--\n\n"
    "Return the value as MessagePack; None when it is left to msgpack.";

PyObject *pack(PyObject *module, PyObject *value)
{
    Document document;
    PyObject *bytes;

    (void)module;
    document_init(&document);
    if (document_append(&document, value)) {
        bytes = PyBytes_FromStringAndSize(document.data,
                                          (Py_ssize_t)document.size);
    } else {
        Py_INCREF(Py_None);
        bytes = Py_None;
    }
    document_clear(&document);
    return bytes;
}

/* ---- unpacking */

typedef struct {
    const unsigned char *at, *end;
    Keys *keys;
} Cursor;

static size_t left(const Cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Reads a number of so many bytes; 0 when there are fewer. */
static int get(Cursor *cursor, int width, uint64_t *number)
{
    if (left(cursor) < (size_t)width)
        return 0;
    *number = 0;
    for (int i = 0; i < width; i++)
        *number = *number << 8 | *cursor->at++;
    return 1;
}

/* Returns where so many bytes are; NULL when there are fewer. */
static const char *take(Cursor *cursor, uint64_t size)
{
    const char *bytes = (const char *)cursor->at;

    if (left(cursor) < size)
        return NULL;
    cursor->at += size;
    return bytes;
}

static PyObject *unpack_str(Cursor *cursor, uint64_t size)
{
    const char *text = take(cursor, size);

    return text == NULL ? NULL
                        : PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
}

static PyObject *unpack_bin(Cursor *cursor, uint64_t size)
{
    const char *bytes = take(cursor, size);

    return bytes == NULL ? NULL
                         : PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
}

static PyObject *unpack_natural(Cursor *cursor, int width)
{
    uint64_t number;

    return get(cursor, width, &number) ? PyLong_FromUnsignedLongLong(number)
                                       : NULL;
}

static PyObject *unpack_int(Cursor *cursor, int width)
{
    uint64_t number;

    if (!get(cursor, width, &number))
        return NULL;
    int unused = 64 - 8 * width; /* the sign is the first of the used bits */
    return PyLong_FromLongLong((int64_t)(number << unused) >> unused);
}

static PyObject *unpack_float(Cursor *cursor)
{
    uint64_t bits;
    double number;

    if (!get(cursor, 8, &bits))
        return NULL;
    memcpy(&number, &bits, sizeof number);
    return PyFloat_FromDouble(number);
}

static PyObject *unpack_short_float(Cursor *cursor)
{
    uint64_t read;
    float number;

    if (!get(cursor, 4, &read))
        return NULL;
    uint32_t bits = (uint32_t)read;
    memcpy(&number, &bits, sizeof number);
    return PyFloat_FromDouble((double)number);
}

static PyObject *unpack_value(Cursor *cursor, int levels);

static PyObject *unpack_array(Cursor *cursor, uint64_t length, int levels)
{
    if (levels == 0 || left(cursor) < length) /* a byte each, at least */
        return NULL;
    PyObject *list = PyList_New((Py_ssize_t)length);
    if (list == NULL)
        return NULL;
    for (uint64_t i = 0; i < length; i++) {
        PyObject *item = unpack_value(cursor, levels - 1);
        if (item == NULL || PyList_SetItem(list, (Py_ssize_t)i, item) != 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* Messages of an event have the same keys: one that came before is used
 * again. They are not interned, as msgpack does: Python 3.12 would keep each
 * of them for ever. */
static PyObject *unpack_key(Cursor *cursor, int levels)
{
    if (left(cursor) == 0)
        return NULL;
    size_t size = (size_t)*cursor->at ^ 0xa0;
    if (size == 0 || size > 31 || left(cursor) <= size)
        return unpack_value(cursor, levels);
    const unsigned char *text = ++cursor->at;
    Key *key = &cursor->keys->of[(size + 3u * text[0] + 5u * text[size / 2]
                                  + 7u * text[size - 1])
                                 % KEYS];
    if (key->size != size || memcmp(key->bytes, text, size) != 0) {
        PyObject *fresh = unpack_str(cursor, size);
        if (fresh == NULL)
            return NULL;
        Py_XDECREF(key->text);
        key->text = fresh;
        key->size = size;
        memcpy(key->bytes, text, size);
    } else {
        cursor->at += size;
    }
    Py_INCREF(key->text);
    return key->text;
}

static PyObject *unpack_map(Cursor *cursor, uint64_t length, int levels)
{
    if (levels == 0)
        return NULL;
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    for (uint64_t i = 0; i < length; i++) {
        PyObject *key = unpack_key(cursor, levels - 1);
        PyObject *item = key == NULL ? NULL : unpack_value(cursor, levels - 1);
        int status = item == NULL ? -1 : PyDict_SetItem(dict, key, item);
        Py_XDECREF(key);
        Py_XDECREF(item);
        if (status != 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

static PyObject *constant(PyObject *value)
{
    Py_INCREF(value);
    return value;
}

/* What has its length in so many bytes. */
static PyObject *unpack_long(Cursor *cursor, int first, int levels)
{
    static const int widths[] = {
        [0xc4 - 0xc4] = 1, [0xc5 - 0xc4] = 2, [0xc6 - 0xc4] = 4,
        [0xd9 - 0xc4] = 1, [0xda - 0xc4] = 2, [0xdb - 0xc4] = 4,
        [0xdc - 0xc4] = 2, [0xdd - 0xc4] = 4, [0xde - 0xc4] = 2,
        [0xdf - 0xc4] = 4,
    };
    uint64_t length;

    if (!get(cursor, widths[first - 0xc4], &length))
        return NULL;
    if (first <= 0xc6)
        return unpack_bin(cursor, length);
    if (first <= 0xdb)
        return unpack_str(cursor, length);
    if (first <= 0xdd)
        return unpack_array(cursor, length, levels);
    return unpack_map(cursor, length, levels);
}

/* NULL, with an exception or without, for what is not plain. */
static PyObject *unpack_value(Cursor *cursor, int levels)
{
    if (left(cursor) == 0)
        return NULL;
    int first = *cursor->at++;
    if (first < 0x80)
        return PyLong_FromLong(first);
    if (first < 0x90)
        return unpack_map(cursor, first & 0x0f, levels);
    if (first < 0xa0)
        return unpack_array(cursor, first & 0x0f, levels);
    if (first < 0xc0)
        return unpack_str(cursor, first & 0x1f);
    if (first >= 0xe0)
        return PyLong_FromLong(first - 0x100);
    switch (first) {
    case 0xc0:
        return constant(Py_None);
    case 0xc2:
        return constant(Py_False);
    case 0xc3:
        return constant(Py_True);
    case 0xca:
        return unpack_short_float(cursor);
    case 0xcb:
        return unpack_float(cursor);
    case 0xcc: case 0xcd: case 0xce: case 0xcf:
        return unpack_natural(cursor, 1 << (first - 0xcc));
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
        return unpack_int(cursor, 1 << (first - 0xd0));
    case 0xc4: case 0xc5: case 0xc6:
    case 0xd9: case 0xda: case 0xdb:
    case 0xdc: case 0xdd: case 0xde: case 0xdf:
        return unpack_long(cursor, first, levels);
    }
    return NULL; /* an extension type, or none */
}

const char unpack_doc[] =
    "unpack(document, /)\n--\n\n"
    "Return the value that the bytes are as MessagePack; None when that is\n"
    "left to msgpack.";

PyObject *unpack(PyObject *module, PyObject *document)
{
    char *bytes;
    Py_ssize_t size;

    if (PyBytes_AsStringAndSize(document, &bytes, &size) != 0)
        return NULL;
    Cursor cursor = {
        .at = (const unsigned char *)bytes,
        .end = (const unsigned char *)bytes + size,
        .keys = PyModule_GetState(module),
    };
    PyObject *value = unpack_value(&cursor, DEEPEST);
    if (value != NULL && left(&cursor) == 0)
        return value;
    Py_XDECREF(value);
    PyErr_Clear();
    Py_RETURN_NONE;
}

void keys_clear(Keys *keys)
{
    for (int i = 0; i < KEYS; i++) {
        Py_CLEAR(keys->of[i].text);
        keys->of[i].size = 0;
    }
}
