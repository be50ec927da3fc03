/*
 * Taker takes blocks out of a handle, one after the other.
 *
 * A signal handler may raise between any two calls of it, or call it itself:
 * what it has taken stays in it until it is told to let go.
 */

#include "accelerator.h"

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

PyType_Spec taker_spec = {
    "dotfiles_socket._accelerator.Taker", sizeof(Taker), 0,
    Py_TPFLAGS_DEFAULT, Taker_slots,
};
