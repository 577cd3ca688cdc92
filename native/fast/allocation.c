/*
 * armwise_kernels._fast.Allocation: from a key to its variant. The face is described in armwise_kernels/protocol.py.
 *
 * What a key is. Exactly a str is its UTF-8, exactly bytes are themselves, exactly an int within 64 bits is its two's
 * complement of eight bytes, the least first. Everything else, and a str that has no UTF-8 because of a lone surrogate,
 * is shown to the caller's own function, which returns the bytes of the key or raises an error that says what to do:
 * a subclass may mean something else by its value, and True is not 1 to those who assign users.
 *
 * An ASCII str is its own UTF-8. Of another one CPython keeps the UTF-8 for the rest of the str's life: the first call
 * encodes and allocates (its length in bytes and a terminator), the later ones read. A str of a request dies with it.
 *
 * Nothing changes after construction, so calls need no lock. A single call keeps the GIL, as it takes less than giving
 * it up. A large batch over buffers gives it up; a list of str is read under it, because what its members hold is
 * reached through the interpreter. The list is copied first: a key's function may run Python, which may change it.
 */
#include "allocation.h"
#include "core.h"

#include "../src/allocate.h"

enum {
    FAILED = -2,    /* a code that is none: there is an exception */
    FEW_KEYS = 4096 /* some twenty microseconds: not worth waiting for the GIL afterwards */
};

typedef struct Allocation {
    PyObject_HEAD aw_table table;
    void *ranges;      /* what the table borrows */
    PyObject *labels;  /* tuple of str */
    PyObject **label;  /* None, then the labels by code; borrowed */
    PyObject *careful; /* key -> bytes; NULL once the garbage collector broke a cycle */
} Allocation;

/* ---- construction ---- */

/* A format of "K" would take any whole number modulo 2^64. returns: 0, or -1 with an exception. */
static int take_word(PyObject *given, const char *name, uint64_t *out) {
    PyObject *whole = PyBool_Check(given) ? NULL : PyNumber_Index(given);
    if (!whole) {
        if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%s: expected a whole number, got %R", name, given);
        return -1;
    }
    const unsigned long long word = PyLong_AsUnsignedLongLong(whole);
    Py_DECREF(whole);
    if (word == (unsigned long long)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Format(PyExc_ValueError, "%s: expected a whole number in [0, 2**64)", name);
        }
        return -1;
    }
    *out = word;
    return 0;
}

static int take_labels(Allocation *self, PyObject *labels) {
    const Py_ssize_t n = PyTuple_Size(labels);
    self->label = PyMem_Calloc((size_t)n + 1, sizeof(PyObject *));
    if (!self->label) {
        PyErr_NoMemory();
        return -1;
    }
    self->label[0] = Py_None;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *label = PyTuple_GetItem(labels, i);
        if (!PyUnicode_CheckExact(label)) {
            PyErr_SetString(PyExc_TypeError, "labels: expected a tuple of str");
            return -1;
        }
        self->label[i + 1] = label;
    }
    self->labels = Py_NewRef(labels);
    return 0;
}

/* writes: the table, over copies of the ranges. */
static int take_ranges(Allocation *self, uint64_t seed, const Py_buffer *bounds, const Py_buffer *codes,
                       uint64_t modulo) {
    const Py_ssize_t n = bounds->len / 8;
    const uint64_t *last = bounds->buf;
    const int32_t *code = codes->buf;
    int good = n >= 1 && n <= INT32_MAX && codes->len == 4 * n && last[n - 1] >= modulo - 1;
    for (Py_ssize_t i = 0; good && i < n; i++) {
        good = (!i || last[i] > last[i - 1]) && code[i] >= -1 && code[i] < PyTuple_Size(self->labels);
    }
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "bounds, codes: expected ascending bounds to the end, and a known code each");
        return -1;
    }
    self->ranges = PyMem_Malloc((size_t)n * 12);
    if (!self->ranges) {
        PyErr_NoMemory();
        return -1;
    }
    uint64_t *own_last = self->ranges;
    int32_t *own_code = (int32_t *)(own_last + n);
    memcpy(own_last, last, (size_t)n * 8);
    memcpy(own_code, code, (size_t)n * 4);
    aw_table_of(&self->table, seed, own_last, own_code, (int64_t)n, modulo);
    return 0;
}

static int take_namespace(Allocation *self, PyObject *space) {
    PyObject *given[3];
    uint64_t seed, from, to;
    if (space == Py_None) return 0;
    if (!PyTuple_Check(space)) {
        PyErr_SetString(PyExc_TypeError, "namespace: expected None or (seed, first, last)");
        return -1;
    }
    if (!PyArg_ParseTuple(space, "OOO", &given[0], &given[1], &given[2])) return -1;
    if (take_word(given[0], "namespace's seed", &seed) || take_word(given[1], "namespace's first hash", &from) ||
        take_word(given[2], "namespace's last hash", &to)) {
        return -1;
    }
    aw_table_within(&self->table, seed, from, to);
    return 0;
}

static PyObject *allocation_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    uint64_t seed, modulo;
    PyObject *start, *total, *bounds, *codes, *labels, *space, *careful;
    if (kwargs && PyDict_Size(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Allocation takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOOOO", &start, &bounds, &codes, &labels, &total, &space, &careful)) return NULL;
    if (take_word(start, "seed", &seed) || take_word(total, "modulo", &modulo)) return NULL;
    if (!PyTuple_CheckExact(labels) || !PyCallable_Check(careful)) {
        PyErr_SetString(PyExc_TypeError, "labels, careful: expected a tuple and a callable");
        return NULL;
    }
    Allocation *self = (Allocation *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self) return NULL;
    Py_buffer last, code;
    int good = !take_labels(self, labels) && !take_buffer(bounds, &last, "Q", -1, 1, "bounds", 0);
    if (good) {
        good = !take_buffer(codes, &code, "i", -1, 1, "codes", 0);
        if (good) {
            good = !take_ranges(self, seed, &last, &code, modulo) && !take_namespace(self, space);
            PyBuffer_Release(&code);
        }
        PyBuffer_Release(&last);
    }
    if (!good) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    self->careful = Py_NewRef(careful);
    return (PyObject *)self;
}

static int allocation_traverse(PyObject *object, visitproc visit, void *arg) {
    Allocation *self = (Allocation *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->careful);
    Py_VISIT(self->labels);
    return 0;
}

/* The labels stay: they are str, and cannot be part of a cycle. */
static int allocation_clear(PyObject *object) {
    Py_CLEAR(((Allocation *)object)->careful);
    return 0;
}

static void allocation_dealloc(PyObject *object) {
    Allocation *self = (Allocation *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->careful);
    Py_CLEAR(self->labels);
    PyMem_Free(self->label);
    PyMem_Free(self->ranges);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

/* ---- one key ---- */

/* returns: the code of a key that is not one as it stands, or FAILED. */
static int32_t code_by_care(Allocation *self, PyObject *key) {
    if (!self->careful) {
        PyErr_SetString(PyExc_TypeError, "key: expected str, bytes or int");
        return FAILED;
    }
    PyObject *careful = Py_NewRef(self->careful), *octets = PyObject_CallFunctionObjArgs(careful, key, NULL);
    int32_t code = FAILED;
    if (octets && !PyBytes_Check(octets)) {
        PyErr_SetString(PyExc_TypeError, "key: expected its bytes");
    } else if (octets) {
        code = aw_code_of(&self->table, (const uint8_t *)PyBytes_AsString(octets), (size_t)PyBytes_Size(octets));
    }
    Py_XDECREF(octets);
    Py_DECREF(careful);
    return code;
}

/* returns: the code of a key, or FAILED. */
static inline int32_t code_of_key(Allocation *self, PyObject *key) {
    if (PyUnicode_CheckExact(key)) {
        Py_ssize_t n;
        const char *text = PyUnicode_AsUTF8AndSize(key, &n);
        if (text) return aw_code_of(&self->table, (const uint8_t *)text, (size_t)n);
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return FAILED;
        PyErr_Clear();
    } else if (PyBytes_CheckExact(key)) {
        return aw_code_of(&self->table, (const uint8_t *)PyBytes_AsString(key), (size_t)PyBytes_Size(key));
    } else if (PyLong_CheckExact(key)) {
        int overflow;
        const long long x = PyLong_AsLongLongAndOverflow(key, &overflow);
        if (!overflow) return aw_code_of_int64(&self->table, (int64_t)x);
    }
    return code_by_care(self, key);
}

static PyObject *allocation_allocate(PyObject *object, PyObject *key) {
    Allocation *self = (Allocation *)object;
    const int32_t code = code_of_key(self, key);
    return code == FAILED ? NULL : Py_NewRef(self->label[code + 1]);
}

static PyObject *allocation_code(PyObject *object, PyObject *key) {
    const int32_t code = code_of_key((Allocation *)object, key);
    return code == FAILED ? NULL : PyLong_FromLong(code);
}

/* ---- many keys ---- */

static PyObject *of_list(PyObject *object, PyObject *const *args, Py_ssize_t n) {
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "of_list(keys, out)");
        return NULL;
    }
    PyObject *keys = PySequence_Tuple(args[0]);
    if (!keys) return NULL;
    const Py_ssize_t count = PyTuple_Size(keys);
    Py_buffer out;
    int good = !take_buffer(args[1], &out, "i", count, 1, "out", 1);
    if (good) {
        int32_t *code = out.buf;
        for (Py_ssize_t i = 0; good && i < count; i++) {
            code[i] = code_of_key((Allocation *)object, PyTuple_GetItem(keys, i));
            good = code[i] != FAILED;
        }
        PyBuffer_Release(&out);
    }
    Py_DECREF(keys);
    return good ? Py_NewRef(Py_None) : NULL;
}

/* A batch over buffers: where its keys are, and where their codes go. */
typedef struct batch {
    Py_buffer keys, data, out;
    int64_t count;
    size_t width;
    uint8_t *scratch;
} batch;

typedef int (*kernel)(const aw_table *table, const batch *b);

/* returns: a status. Gives up the GIL for it where there are many keys. */
static int run(const Allocation *self, kernel codes, const batch *b) {
    if (b->count < FEW_KEYS) return codes(&self->table, b);
    PyThreadState *thread = PyEval_SaveThread();
    const int status = codes(&self->table, b);
    PyEval_RestoreThread(thread);
    return status;
}

static int of_int64_keys(const aw_table *table, const batch *b) {
    aw_codes_int64(table, b->count, b->keys.buf, b->out.buf);
    return AW_OK;
}

static int of_bytes_keys(const aw_table *table, const batch *b) {
    aw_codes_bytes(table, b->count, b->width, b->keys.buf, b->out.buf);
    return AW_OK;
}

static int of_utf32_keys(const aw_table *table, const batch *b) {
    return aw_codes_utf32(table, b->count, b->width, b->keys.buf, b->scratch, b->out.buf);
}

static int of_arrow_keys(const aw_table *table, const batch *b) {
    if (b->keys.itemsize == 4) {
        return aw_codes_arrow32(table, b->count, b->keys.buf, b->data.len, b->data.buf, b->out.buf);
    }
    return aw_codes_arrow64(table, b->count, b->keys.buf, b->data.len, b->data.buf, b->out.buf);
}

static PyObject *of_int64(PyObject *object, PyObject *const *args, Py_ssize_t n) {
    batch b;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "of_int64(keys, out)");
        return NULL;
    }
    if (take_buffer(args[0], &b.keys, "q", -1, 1, "keys", 0)) return NULL;
    b.count = b.keys.len / 8;
    const int good = !take_buffer(args[1], &b.out, "i", (Py_ssize_t)b.count, 1, "out", 1);
    if (good) {
        run((Allocation *)object, of_int64_keys, &b);
        PyBuffer_Release(&b.out);
    }
    PyBuffer_Release(&b.keys);
    return good ? Py_NewRef(Py_None) : NULL;
}

/* of_bytes and of_utf32: cells of a width, of items of a format. returns: a status, or 1 with an exception. */
static int of_cells(PyObject *object, PyObject *const *args, Py_ssize_t n, const char *format, kernel codes) {
    batch b = {.scratch = NULL};
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "expected cells, width and out");
        return 1;
    }
    const Py_ssize_t width = PyLong_AsSsize_t(args[1]);
    if (width == -1 && PyErr_Occurred()) return 1;
    if (take_buffer(args[0], &b.keys, format, -1, 1, "cells", 0)) return 1;
    const Py_ssize_t items = b.keys.len / b.keys.itemsize;
    int status = 1;
    if (width < 1 || items % width) {
        PyErr_SetString(PyExc_ValueError, "width: expected a divisor of the number of items");
    } else if (b.keys.itemsize == 4 && !(b.scratch = PyMem_Calloc((size_t)width, 4))) {
        PyErr_NoMemory();
    } else {
        b.width = (size_t)width;
        b.count = items / width;
        if (!take_buffer(args[2], &b.out, "i", (Py_ssize_t)b.count, 1, "out", 1)) {
            status = run((Allocation *)object, codes, &b);
            PyBuffer_Release(&b.out);
        }
    }
    PyMem_Free(b.scratch);
    PyBuffer_Release(&b.keys);
    return status;
}

static PyObject *of_bytes(PyObject *object, PyObject *const *args, Py_ssize_t n) {
    return of_cells(object, args, n, "B", of_bytes_keys) == AW_OK ? Py_NewRef(Py_None) : NULL;
}

static PyObject *of_utf32(PyObject *object, PyObject *const *args, Py_ssize_t n) {
    const int status = of_cells(object, args, n, "I", of_utf32_keys);
    return status == 1 ? NULL : PyBool_FromLong(status == AW_OK);
}

static PyObject *of_arrow(PyObject *object, PyObject *const *args, Py_ssize_t n) {
    batch b;
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "of_arrow(offsets, data, out)");
        return NULL;
    }
    if (take_buffer(args[0], &b.keys, "i", -1, 1, "offsets", 0)) {
        PyErr_Clear();
        if (take_buffer(args[0], &b.keys, "q", -1, 1, "offsets", 0)) return NULL;
    }
    b.count = b.keys.len / b.keys.itemsize - 1;
    int status = 1;
    if (b.count < 0) {
        PyErr_SetString(PyExc_ValueError, "offsets: expected one more than there are keys");
    } else if (!take_buffer(args[1], &b.data, "B", -1, 1, "data", 0)) {
        if (!take_buffer(args[2], &b.out, "i", (Py_ssize_t)b.count, 1, "out", 1)) {
            status = run((Allocation *)object, of_arrow_keys, &b);
            if (status) PyErr_SetString(PyExc_ValueError, aw_strerror(status));
            PyBuffer_Release(&b.out);
        }
        PyBuffer_Release(&b.data);
    }
    PyBuffer_Release(&b.keys);
    return status ? NULL : Py_NewRef(Py_None);
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef allocation_methods[] = {
    {"allocate", allocation_allocate, METH_O,
     "allocate($self, key, /)\n--\n\nThe variant of a key, or None where it is not in the experiment."},
    {"code", allocation_code, METH_O,
     "code($self, key, /)\n--\n\nThe place of a key's variant among the labels, or -1."},
    {"of_list", FAST(of_list), METH_FASTCALL, "of_list($self, keys, out, /)\n--\n\nCodes of a list or tuple."},
    {"of_int64", FAST(of_int64), METH_FASTCALL, "of_int64($self, keys, out, /)\n--\n\nCodes of whole numbers."},
    {"of_bytes", FAST(of_bytes), METH_FASTCALL,
     "of_bytes($self, cells, width, out, /)\n--\n\nCodes of bytes in cells, without trailing zeros."},
    {"of_utf32", FAST(of_utf32), METH_FASTCALL,
     "of_utf32($self, cells, width, out, /)\n--\n\nCodes of text in cells; False where some is none."},
    {"of_arrow", FAST(of_arrow), METH_FASTCALL,
     "of_arrow($self, offsets, data, out, /)\n--\n\nCodes of keys between offsets."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot allocation_slots[] = {
    {Py_tp_new, (void *)allocation_new},
    {Py_tp_traverse, (void *)allocation_traverse},
    {Py_tp_clear, (void *)allocation_clear},
    {Py_tp_dealloc, (void *)allocation_dealloc},
    {Py_tp_methods, allocation_methods},
    {Py_tp_doc, "Allocation(seed, bounds, codes, labels, modulo, namespace, careful): "
                "see armwise_kernels.protocol.Allocation."},
    {0, NULL},
};

PyType_Spec allocation_spec = {
    .name = "armwise_kernels._fast.Allocation",
    .basicsize = sizeof(Allocation),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = allocation_slots,
};
