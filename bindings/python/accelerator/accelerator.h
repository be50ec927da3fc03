/*
 * accelerator.h - the parts of dotfiles_socket._accelerator: what is done for
 * every message, in C. Python has all of this as well, for an interpreter that
 * this was not built for. Built for the stable ABI of Python 3.10, one binary
 * serves all later versions.
 */
#ifndef ACCELERATOR_H
#define ACCELERATOR_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <libsocket.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

/* Frees an object of a type of this module, and its references. */
void release(void *object, PyObject *references[], int count);

/* ---- sender.c, taker.c */

extern PyType_Spec sender_spec, taker_spec;

/* ---- msgpack.c */

/* MessagePack that grows; it may not be moved. */
typedef struct {
    char *data;
    size_t size, room;
    char small[1024];
} Document;

void document_init(Document *document);
void document_clear(Document *document);

/* Appends a value; 0 for one that is not plain, which leaves the document in
 * the middle of it. Raises nothing. */
int document_append(Document *document, PyObject *value);

/* Keys of dicts that came before. */
enum { KEYS = 256 };
typedef struct {
    PyObject *text; /* NULL where size is 0 */
    size_t size;
    unsigned char bytes[32];
} Key;
typedef struct {
    Key of[KEYS];
} Keys; /* the state of the module */

void keys_clear(Keys *keys);

PyObject *pack(PyObject *module, PyObject *value);
PyObject *unpack(PyObject *module, PyObject *document);
extern const char pack_doc[], unpack_doc[];

#endif
