/*
 * Sender encodes the data of a message and sends it, as a program in C does:
 * the detour through ctypes takes longer than what the library does.
 *
 * It knows the usual message of plain data, and leaves every other one, and
 * what cannot be encoded, to _outgoing.py, which names all errors.
 */

#include "accelerator.h"

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
    Py_ssize_t longest;  /* bytes that are sent with the interpreter's lock */
    int waits;           /* whether a send may wait, however short it is */
    PyObject *names[NAMES];
} Sender;

/* What a message is made of, as long as it is being sent. */
typedef struct {
    PyObject *values[NAMES];
    Document data;
    libsocket_message message;
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
"usual one or its data is not plain.");

static PyObject *Sender_send(Sender *self, PyObject *const *args,
                             Py_ssize_t count)
{
    Parts parts;
    uint64_t client = 0;
    int done, status = 0;

    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "send() takes 1 or 2 arguments");
        return NULL;
    }
    if (count == 2) {
        client = PyLong_AsUnsignedLongLong(args[1]);
        if (PyErr_Occurred())
            return NULL;
    }
    memset(parts.values, 0, sizeof parts.values);
    memset(&parts.message, 0, sizeof parts.message);
    document_init(&parts.data);
    done = take_apart(self, args[0], &parts)
        && document_append(&parts.data, parts.values[DATA]);
    if (done) {
        parts.message.data = parts.data.data;
        parts.message.data_size = parts.data.size;
        if (self->waits
            || (Py_ssize_t)parts.data.size > self->longest) {
            Py_BEGIN_ALLOW_THREADS
            status = deliver(self, client, &parts.message);
            Py_END_ALLOW_THREADS
        } else {
            status = deliver(self, client, &parts.message);
        }
    }
    document_clear(&parts.data);
    for (int i = 0; i < NAMES; i++)
        Py_XDECREF(parts.values[i]);
    if (done)
        return PyLong_FromLong(status);
    if (PyErr_Occurred()) {
        /* Python will come to it again; but not to a KeyboardInterrupt. */
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static int Sender_init(Sender *self, PyObject *args, PyObject *keywords)
{
    static char *keys[] = {
        "handle",      "event_name",     "longest",     "waits",
        "server_send", "server_send_to", "client_send", NULL,
    };
    unsigned long long handle = 0, to_all = 0, to_one = 0, to_server = 0;
    PyObject *event_name = NULL;

    if (self->event_name != NULL) {
        PyErr_SetString(PyExc_TypeError, "a Sender is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|$KUnpKKK", keys, &handle, &event_name,
            &self->longest, &self->waits, &to_all, &to_one, &to_server))
        return -1;
    if (event_name == NULL
        || (to_all == 0 || to_one == 0) == (to_server == 0)) {
        PyErr_SetString(PyExc_TypeError,
                        "a Sender needs an event_name, and the functions of "
                        "a server or that of a client");
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
    Py_INCREF(event_name);
    self->event_name = event_name;
    return 0;
}

static void Sender_dealloc(Sender *self)
{
    Py_XDECREF(self->event_name);
    release(self, self->names, NAMES);
}

static PyMethodDef Sender_methods[] = {
    {"send", (PyCFunction)(void (*)(void))Sender_send, METH_FASTCALL,
     send_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(Sender_doc,
"Sends for the server or client of that handle. The functions are addresses:\n"
"server_send and server_send_to, or client_send, of libsocket.h. Data of more\n"
"bytes than longest is sent without the interpreter's lock, and everything\n"
"where waits.");

static PyType_Slot Sender_slots[] = {
    {Py_tp_doc, (void *)Sender_doc},
    {Py_tp_init, Sender_init},
    {Py_tp_dealloc, Sender_dealloc},
    {Py_tp_methods, Sender_methods},
    {0, NULL},
};

PyType_Spec sender_spec = {
    "dotfiles_socket._accelerator.Sender", sizeof(Sender), 0,
    Py_TPFLAGS_DEFAULT, Sender_slots,
};
