/*
 * _accelerator.c - what is done for every message, in one step: it calls
 * libsocket as a program in C does. The detour through ctypes takes longer
 * than what the library does.
 *
 * Python has all of this as well, for an interpreter that this was not built
 * for. Built for the stable ABI of Python 3.10, one binary serves all later
 * versions.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <libsocket.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

/* Frees an object of a type of this module, and its references. */
static void release(void *object, PyObject *references[], int count)
{
    PyTypeObject *type = Py_TYPE((PyObject *)object);
    freefunc done = (freefunc)PyType_GetSlot(type, Py_tp_free);

    for (int i = 0; i < count; i++)
        Py_XDECREF(references[i]);
    done(object);
    Py_DECREF(type);
}

/*
 * ---- Sender: encodes the data with msgpack, and sends it
 *
 * It knows the usual message, and leaves every other one, and what cannot be
 * encoded, to _outgoing.py, which names all errors.
 */

/* Named after the functions of libsocket.h that they point to. */
typedef int (*server_send)(libsocket_server, const libsocket_message *);
typedef int (*server_send_to)(libsocket_server, uint64_t,
                              const libsocket_message *);
typedef int (*client_send)(libsocket_client, const libsocket_message *);

/* Attributes of a message, and of its type. */
enum { DATA, EVENT_NAME, MILLISECONDS, ISO, TYPE, CODE, NAMES };
static const char *const names[NAMES] = {
    "data",          "event_name",   "timestamp_ms",
    "timestamp_iso", "message_type", "_code",
};

typedef struct {
    PyObject_HEAD
    /* A server has the first two, a client the last. */
    server_send server_send;
    server_send_to server_send_to;
    client_send client_send;
    uint64_t handle;
    PyObject *event_name;
    PyObject *packer;    /* makes functions that encode */
    PyObject *pack;      /* one of them; NULL while it is in use */
    Py_ssize_t longest;  /* bytes that are sent with the interpreter's lock */
    int waits;           /* whether a send may wait, however short it is */
    PyObject *names[NAMES];
} Sender;

/* What a message is made of, as long as it is being sent. */
typedef struct {
    PyObject *values[NAMES];
    PyObject *document;
    libsocket_message message;
    int raises; /* an error is no fault of the message */
} Parts;

/* 1, or 0 for a message that is not the usual one or raises. */
static int take_apart(const Sender *self, PyObject *message, Parts *parts)
{
    PyObject **values = parts->values;

    if (PyDict_CheckExact(message)) {
        Py_INCREF(message);
        values[DATA] = message;
        return 1;
    }
    /* One of a subclass may have any attribute, by magic. */
    if (PyDict_Check(message))
        return 0;
    for (int i = 0; i < NAMES; i++) {
        values[i] = PyObject_GetAttr(i == CODE ? values[TYPE] : message,
                                     self->names[i]);
        if (values[i] == NULL)
            return 0;
    }
    if (values[EVENT_NAME] != self->event_name
        && (!PyUnicode_CheckExact(values[EVENT_NAME])
            || PyUnicode_Compare(values[EVENT_NAME], self->event_name)))
        return 0;
    if (!PyLong_CheckExact(values[CODE])
        || !PyLong_CheckExact(values[MILLISECONDS])
        || !PyUnicode_CheckExact(values[ISO]))
        return 0;

    libsocket_message *out = &parts->message;
    Py_ssize_t size;
    long code = PyLong_AsLong(values[CODE]);
    if (code < LIBSOCKET_DATA || code > LIBSOCKET_CONTROL)
        return 0;
    out->type = (uint32_t)code;
    out->timestamp_ms = PyLong_AsLongLong(values[MILLISECONDS]);
    if (PyErr_Occurred())
        return 0;
    out->timestamp_iso = PyUnicode_AsUTF8AndSize(values[ISO], &size);
    return out->timestamp_iso != NULL
        && strlen(out->timestamp_iso) == (size_t)size;
}

/* Encodes the data; 0 when that raises. */
static int encode(Sender *self, Parts *parts)
{
    PyObject *pack = self->pack;
    char *bytes;
    Py_ssize_t size;

    /* A signal handler may send in the middle of this, with another one. */
    self->pack = NULL;
    if (pack == NULL)
        pack = PyObject_CallFunctionObjArgs(self->packer, NULL);
    if (pack == NULL) {
        /* A signal handler has raised: Python would not come to it again. */
        parts->raises = 1;
        return 0;
    }
    parts->document = PyObject_CallFunctionObjArgs(
        pack, parts->values[DATA], NULL);
    if (parts->document == NULL
        || PyBytes_AsStringAndSize(parts->document, &bytes, &size) != 0) {
        Py_DECREF(pack);
        return 0;
    }
    parts->message.data = bytes;
    parts->message.data_size = (size_t)size;
    /* Its buffer has grown with what it encoded. */
    if (self->pack == NULL && size <= self->longest)
        self->pack = pack;
    else
        Py_DECREF(pack);
    return 1;
}

static int deliver(const Sender *self, uint64_t client,
                   const libsocket_message *message)
{
    libsocket_server server = {self->handle};
    libsocket_client own = {self->handle};

    if (self->client_send != NULL)
        return self->client_send(own, message);
    if (client != 0)
        return self->server_send_to(server, client, message);
    return self->server_send(server, message);
}

PyDoc_STRVAR(send_doc,
"send(message, client=0, /)\n--\n\n"
"Send to the client of that number, or to all with 0, and return the status\n"
"of libsocket; None when it has sent nothing, because the message is not the\n"
"usual one or cannot be encoded.");

static PyObject *Sender_send(Sender *self, PyObject *const *args,
                             Py_ssize_t count)
{
    Parts parts = {{NULL}, NULL, {0}, 0};
    uint64_t client = 0;
    int done = 0, status = 0;

    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "send() takes 1 or 2 arguments");
        return NULL;
    }
    if (count == 2) {
        client = PyLong_AsUnsignedLongLong(args[1]);
        if (PyErr_Occurred())
            return NULL;
    }
    if (take_apart(self, args[0], &parts) && encode(self, &parts)) {
        done = 1;
        if (self->waits
            || (Py_ssize_t)parts.message.data_size > self->longest) {
            Py_BEGIN_ALLOW_THREADS
            status = deliver(self, client, &parts.message);
            Py_END_ALLOW_THREADS
        } else {
            status = deliver(self, client, &parts.message);
        }
    }
    Py_XDECREF(parts.document);
    for (int i = 0; i < NAMES; i++)
        Py_XDECREF(parts.values[i]);
    if (done)
        return PyLong_FromLong(status);
    if (PyErr_Occurred()) {
        /* Python will come to it again; but not to a KeyboardInterrupt. */
        if (parts.raises || !PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static int Sender_init(Sender *self, PyObject *args, PyObject *keywords)
{
    static char *keys[] = {
        "handle", "event_name", "packer",         "longest",
        "waits",  "server_send", "server_send_to", "client_send", NULL,
    };
    unsigned long long handle = 0, to_all = 0, to_one = 0, to_server = 0;
    PyObject *event_name = NULL, *packer = NULL;

    if (self->event_name != NULL) {
        PyErr_SetString(PyExc_TypeError, "a Sender is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|$KUOnpKKK", keys, &handle, &event_name, &packer,
            &self->longest, &self->waits, &to_all, &to_one, &to_server))
        return -1;
    if (event_name == NULL || packer == NULL
        || (to_all == 0 || to_one == 0) == (to_server == 0)) {
        PyErr_SetString(PyExc_TypeError,
                        "a Sender needs an event_name, a packer, and the "
                        "functions of a server or that of a client");
        return -1;
    }
    for (int i = 0; i < NAMES; i++) {
        self->names[i] = PyUnicode_InternFromString(names[i]);
        if (self->names[i] == NULL)
            return -1;
    }
    self->handle = handle;
    self->server_send = (server_send)(uintptr_t)to_all;
    self->server_send_to = (server_send_to)(uintptr_t)to_one;
    self->client_send = (client_send)(uintptr_t)to_server;
    Py_INCREF(packer);
    self->packer = packer;
    Py_INCREF(event_name);
    self->event_name = event_name;
    return 0;
}

static void Sender_dealloc(Sender *self)
{
    Py_XDECREF(self->event_name);
    Py_XDECREF(self->packer);
    Py_XDECREF(self->pack);
    release(self, self->names, NAMES);
}

static PyMethodDef Sender_methods[] = {
    {"send", (PyCFunction)(void (*)(void))Sender_send, METH_FASTCALL,
     send_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(Sender_doc,
"Sends for the server or client of that handle. The functions are addresses:\n"
"server_send and server_send_to, or client_send, of libsocket.h. packer()\n"
"makes a function that encodes as MessagePack; what takes more bytes than\n"
"longest is sent without the interpreter's lock, and everything where waits.");

static PyType_Slot Sender_slots[] = {
    {Py_tp_doc, (void *)Sender_doc},
    {Py_tp_init, Sender_init},
    {Py_tp_dealloc, Sender_dealloc},
    {Py_tp_methods, Sender_methods},
    {0, NULL},
};

static PyType_Spec Sender_spec = {
    "dotfiles_socket._accelerator.Sender", sizeof(Sender), 0,
    Py_TPFLAGS_DEFAULT, Sender_slots,
};

/*
 * ---- Taker: takes blocks out of a handle, one after the other
 *
 * A signal handler may raise between any two calls of it, or call it itself:
 * what it has taken stays in it until it is told to let go.
 */

typedef int (*server_receive_packed)(void **, size_t *, libsocket_server,
                                     size_t, int);
typedef int (*client_receive_packed)(void **, size_t *, libsocket_client,
                                     size_t, int);

typedef struct {
    PyObject_HEAD
    /* A server has the first, a client the second. */
    server_receive_packed server_receive;
    client_receive_packed client_receive;
    void (*free)(void *);
    uint64_t handle;
    void *block; /* what the document is not made of yet */
    size_t size;
    PyObject *document;
} Taker;

static int receive(Taker *self, size_t limit)
{
    libsocket_server server = {self->handle};
    libsocket_client client = {self->handle};

    if (self->server_receive != NULL)
        return self->server_receive(&self->block, &self->size, server, limit,
                                    0);
    return self->client_receive(&self->block, &self->size, client, limit, 0);
}

PyDoc_STRVAR(take_doc,
"take(limit, /)\n--\n\n"
"Take a block of at most so many rows, or as many as the library thinks good\n"
"with 0, unless there is one; return the library's status. Does not wait.");

static PyObject *Taker_take(Taker *self, PyObject *argument)
{
    size_t limit = PyLong_AsSize_t(argument);
    int status = LIBSOCKET_OK;

    if (PyErr_Occurred())
        return NULL;
    if (self->document == NULL) {
        /* It is there when there was no memory for its document. */
        if (self->block == NULL)
            status = receive(self, limit);
        if (status != LIBSOCKET_OK)
            return PyLong_FromLong(status);
        self->document = PyBytes_FromStringAndSize(self->block,
                                                   (Py_ssize_t)self->size);
        if (self->document == NULL)
            return NULL;
        self->free(self->block);
        self->block = NULL;
    }
    return PyLong_FromLong(status);
}

PyDoc_STRVAR(clear_doc, "clear()\n--\n\nLet go of the document.");

static PyObject *Taker_clear(Taker *self, PyObject *unused)
{
    (void)unused;
    Py_CLEAR(self->document);
    Py_RETURN_NONE;
}

static int Taker_init(Taker *self, PyObject *args, PyObject *keywords)
{
    static char *keys[] = {
        "handle", "free", "server_receive_packed", "client_receive_packed",
        NULL,
    };
    unsigned long long handle = 0, release = 0, server = 0, client = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$KKKK", keys, &handle,
                                     &release, &server, &client))
        return -1;
    if (release == 0 || (server == 0) == (client == 0)) {
        PyErr_SetString(PyExc_TypeError,
                        "a Taker needs free, and the function of a server or "
                        "that of a client");
        return -1;
    }
    self->handle = handle;
    self->free = (void (*)(void *))(uintptr_t)release;
    self->server_receive = (server_receive_packed)(uintptr_t)server;
    self->client_receive = (client_receive_packed)(uintptr_t)client;
    return 0;
}

static void Taker_dealloc(Taker *self)
{
    if (self->block != NULL)
        self->free(self->block);
    release(self, &self->document, 1);
}

static PyMethodDef Taker_methods[] = {
    {"take", (PyCFunction)Taker_take, METH_O, take_doc},
    {"clear", (PyCFunction)Taker_clear, METH_NOARGS, clear_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef Taker_members[] = {
    {"document", T_OBJECT, offsetof(Taker, document), READONLY,
     "What was taken, as bytes, until clear(); else None."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(Taker_doc,
"Takes blocks out of the server or client of that handle. The functions are\n"
"addresses, of those of these names in libsocket.h.");

static PyType_Slot Taker_slots[] = {
    {Py_tp_doc, (void *)Taker_doc},
    {Py_tp_init, Taker_init},
    {Py_tp_dealloc, Taker_dealloc},
    {Py_tp_methods, Taker_methods},
    {Py_tp_members, Taker_members},
    {0, NULL},
};

static PyType_Spec Taker_spec = {
    "dotfiles_socket._accelerator.Taker", sizeof(Taker), 0,
    Py_TPFLAGS_DEFAULT, Taker_slots,
};

/* ---- the module */

static int add_types(PyObject *module)
{
    PyType_Spec *specs[] = {&Sender_spec, &Taker_spec};

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int status = PyModule_AddType(module, (PyTypeObject *)type);
        Py_DECREF(type);
        if (status != 0)
            return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_accelerator",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__accelerator(void)
{
    return PyModuleDef_Init(&module);
}
