/*
 * Candidate sets: bound once, found again by the caller's tuple, and kept up to date column by column.
 */
#include "core.h"

static void view_dealloc(PyObject *self) {
    View *view = (View *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(view->key);
    Py_XDECREF(view->labels);
    PyMem_Free(view->label);
    PyMem_Free(view->order);
    PyMem_Free(view->positions);
    PyMem_Free(view->slots);
    PyMem_Free(view->packed);
    PyMem_Free(view->chance);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *view_labels(PyObject *self, void *unused) {
    (void)unused;
    return Py_NewRef(((View *)self)->labels);
}

static PyGetSetDef view_getset[] = {
    {"labels", view_labels, NULL, "The labels, in the order of slots.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot view_slots[] = {
    {Py_tp_dealloc, (void *)view_dealloc},
    {Py_tp_getset, view_getset},
    {Py_tp_doc, "A bound candidate set."},
    {0, NULL},
};

PyType_Spec view_spec = {
    .name = "armwise_kernels._fast.View",
    .basicsize = sizeof(View),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = view_slots,
};

/* returns: a view of the labels, taken over by reference, with stride entries; NULL with an exception. */
static View *view_allocate(Core *core, PyObject *labels, int64_t stride) {
    PyTypeObject *type = core->view_type;
    View *view = (View *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!view) return NULL;
    view->count = (int64_t)PyTuple_Size(labels);
    view->stride = stride;
    view->labels = Py_NewRef(labels);
    view->owner = core;
    view->epoch = core->epoch;
    view->serial = ++core->serial;
    view->packed_version = view->chance_version = -1;
    const size_t n = (size_t)view->stride;
    view->label = PyMem_Calloc(n, sizeof *view->label);
    view->order = PyMem_Calloc(n, sizeof *view->order);
    view->positions = PyMem_Calloc(n, sizeof *view->positions);
    if (!view->label || !view->order || !view->positions) {
        Py_DECREF(view);
        PyErr_NoMemory();
        return NULL;
    }
    for (int64_t i = 0; i < view->count; i++) view->label[i] = PyTuple_GetItem(labels, (Py_ssize_t)i);
    for (int64_t i = 0; i < stride; i++) view->order[i] = view->positions[i] = (int32_t)i;
    return view;
}

/* It has an entry for every column: arms that come in by an update fill them. */
View *view_of_all(Core *core) { return view_allocate(core, core->labels, core->stride); }

/* Whether two tuples of equal labels hold them in equal types: 1, 1.0 and True are equal, and are not one label. */
static int same_types(PyObject *a, PyObject *b) {
    const Py_ssize_t n = PyTuple_Size(a);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (Py_TYPE(PyTuple_GetItem(a, i)) != Py_TYPE(PyTuple_GetItem(b, i))) return 0;
    }
    return 1;
}

static View *view_found(Core *core, PyObject *key) {
    View *view = (View *)PyDict_GetItemWithError(core->views, key);
    if (view && view->key != key && !same_types(view->key, key)) view = NULL;
    if (!view && !PyErr_Occurred()) PyErr_SetString(PyExc_LookupError, "candidates are not bound");
    return view;
}

View *view_named(Core *core, PyObject *candidates) {
    if (candidates == Py_None) {
        if (core->whole->count) return core->whole;
        PyErr_SetString(PyExc_LookupError, "no arms");
        return NULL;
    }
    if (PyTuple_CheckExact(candidates)) {
        if (core->last && core->last->key == candidates) return core->last;
        return view_found(core, candidates);
    }
    if (PyList_CheckExact(candidates)) {
        PyObject *key = PyList_AsTuple(candidates);
        if (!key) return NULL;
        View *view = view_found(core, key);
        Py_DECREF(key);
        return view;
    }
    if (Py_TYPE(candidates) == core->view_type && ((View *)candidates)->owner == core &&
        ((View *)candidates)->epoch == core->epoch) {
        return (View *)candidates;
    }
    PyErr_SetString(PyExc_LookupError, "candidates are not bound");
    return NULL;
}

/* Copy the constants of column `from` of the state to entry `to` of the view. */
static void pack_entry(Core *core, View *view, int64_t to, int64_t from) {
    const int64_t rows = core->rows;
    switch (core->kind) {
    case THOMPSON:
        for (int64_t row = 0; row < rows; row++) {
            view->packed[row * view->stride + to] = core->beta.table[row * core->stride + from];
        }
        break;
    case LINTS_DIAG:
    case LINTS: {
        double *target = view->packed + to / 8 * rows * 8 + to % 8;
        const double *source = core->blocks + from / 8 * rows * 8 + from % 8;
        for (int64_t row = 0; row < rows; row++) target[row * 8] = source[row * 8];
        break;
    }
    default:
        view->packed[to] = core->means[from];
        view->packed[view->stride + to] = core->counts[from];
    }
}

void view_refresh(Core *core, View *view) {
    const int64_t version = core->head[AW_HEAD_VERSION];
    if (!view->packed || view->packed_version == version) return;
    for (int64_t i = 0; i < view->count; i++) {
        const int64_t from = view->positions[i];
        if (core->stamps[from] > view->packed_version) pack_entry(core, view, i, from);
    }
    if (core->kind == THOMPSON) {
        const double *alpha = view->packed + AW_ROW_ALPHA * view->stride, *beta = alpha + view->stride;
        view->boosted = 0;
        for (int64_t i = 0; i < view->count; i++) view->boosted |= alpha[i] < 1.0 || beta[i] < 1.0;
    }
    view->packed_version = version;
}

/* returns: 0, or -1 with an exception. Positions are checked against the state, lengths against each other. */
static int fill_view(Core *core, View *view, PyObject *order, PyObject *positions, PyObject *slots) {
    Py_buffer o, p, s;
    const Py_ssize_t n = (Py_ssize_t)view->count;
    if (take_buffer(order, &o, "i", n, 1, "order", 0)) return -1;
    if (take_buffer(positions, &p, "i", n, 1, "positions", 0)) {
        PyBuffer_Release(&o);
        return -1;
    }
    if (take_buffer(slots, &s, "I", n, 1, "slots", 0)) {
        PyBuffer_Release(&o);
        PyBuffer_Release(&p);
        return -1;
    }
    memcpy(view->order, o.buf, (size_t)n * sizeof *view->order);
    memcpy(view->positions, p.buf, (size_t)n * sizeof *view->positions);
    memcpy(view->slots, s.buf, (size_t)n * sizeof *view->slots);
    PyBuffer_Release(&o);
    PyBuffer_Release(&p);
    PyBuffer_Release(&s);
    int good = 1;
    for (int64_t i = 0; i < view->count; i++) {
        good &= view->order[i] >= 0 && view->order[i] < view->count;
        good &= view->positions[i] >= 0 && view->positions[i] <= core->head[AW_HEAD_COUNT];
    }
    if (!good) PyErr_SetString(PyExc_ValueError, "order or positions out of range");
    return good ? 0 : -1;
}

void forget_views(Core *core) {
    PyDict_Clear(core->views);
    Py_CLEAR(core->last);
    core->epoch++;
    core->noise_of = 0;
    if (core->whole) {
        core->whole->epoch = core->epoch;
        core->whole->chance_version = -1;
    }
}

PyObject *core_view(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    if (n != 5 || !core->whole || !PyTuple_Check(args[1]) || PyTuple_Size(args[1]) < 1 ||
        !(args[0] == Py_None || PyTuple_CheckExact(args[0]))) {
        PyErr_SetString(PyExc_TypeError, "view(key, labels, order, positions, slots) of a bound core");
        return NULL;
    }
    View *view = view_allocate(core, args[1], ((int64_t)PyTuple_Size(args[1]) + 7) / 8 * 8);
    if (!view) return NULL;
    const size_t size = (size_t)(view->stride * core->rows);
    view->slots = PyMem_Calloc((size_t)view->stride, sizeof *view->slots);
    view->packed = PyMem_Calloc(size, sizeof *view->packed);
    if (!view->slots || !view->packed) {
        Py_DECREF(view);
        return PyErr_NoMemory();
    }
    if (fill_view(core, view, args[2], args[3], args[4])) {
        Py_DECREF(view);
        return NULL;
    }
    for (int64_t i = view->count; i < view->stride; i++) pack_entry(core, view, i, core->head[AW_HEAD_COUNT]);
    if (args[0] != Py_None) {
        view->key = Py_NewRef(args[0]);
        if (PyDict_Size(core->views) >= MOST_VIEWS) {
            PyDict_Clear(core->views);
        }
        if (PyDict_SetItem(core->views, view->key, (PyObject *)view)) {
            Py_DECREF(view);
            return NULL;
        }
    }
    return (PyObject *)view;
}
