/* The module and its types. */

#include "accelerator.h"

void release(void *object, PyObject *references[], int count)
{
    PyTypeObject *type = Py_TYPE((PyObject *)object);
    freefunc done = (freefunc)PyType_GetSlot(type, Py_tp_free);

    for (int i = 0; i < count; i++)
        Py_XDECREF(references[i]);
    done(object);
    Py_DECREF(type);
}

static int add_types(PyObject *module)
{
    PyType_Spec *specs[] = {&sender_spec, &taker_spec};

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

PyDoc_STRVAR(new_doc,
"new(cls, /)\n--\n\n"
"Return cls.__new__(cls), in half the time.");

static PyObject *new(PyObject *module, PyObject *cls)
{
    newfunc make = NULL;

    (void)module;
    if (PyType_Check(cls))
        make = (newfunc)PyType_GetSlot((PyTypeObject *)cls, Py_tp_new);
    if (make == NULL) {
        PyErr_SetString(PyExc_TypeError, "new() takes a class");
        return NULL;
    }
    PyObject *nothing = PyTuple_New(0);
    if (nothing == NULL)
        return NULL;
    PyObject *made = make((PyTypeObject *)cls, nothing, NULL);
    Py_DECREF(nothing);
    return made;
}

static int clear(PyObject *module)
{
    keys_clear(PyModule_GetState(module));
    return 0;
}

static void finish(void *module)
{
    clear(module);
}

static PyMethodDef functions[] = {
    {"new", new, METH_O, new_doc},
    {"pack", pack, METH_O, pack_doc},
    {"unpack", unpack, METH_O, unpack_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_accelerator",
    .m_size = sizeof(Keys),
    .m_methods = functions,
    .m_slots = slots,
    .m_clear = clear,
    .m_free = finish,
};

PyMODINIT_FUNC PyInit__accelerator(void)
{
    return PyModuleDef_Init(&module);
}
