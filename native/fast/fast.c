/*
 * armwise_kernels._fast: the type Core and its module. The face is described in armwise_kernels/protocol.py.
 */
#include "allocation.h"
#include "core.h"

typedef struct module_state {
    PyTypeObject *core_type, *view_type;
    PyObject *array_type, *exact, *none;
} module_state;

static struct PyModuleDef definition;

/* returns: the module of the type or of the base that C defined; borrowed. A Python subclass carries none itself. */
static PyObject *module_of(PyObject *self) {
    for (PyTypeObject *t = Py_TYPE(self); t; t = (PyTypeObject *)PyType_GetSlot(t, Py_tp_base)) {
        PyObject *module = PyType_GetModule(t);
        if (module && PyModule_GetDef(module) == &definition) return module;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_SystemError, "Core without its module");
    return NULL;
}

static const char *const KIND_NAMES[KINDS] = {"thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"};

/* ---- construction ---- */

static int core_init(PyObject *self, PyObject *args, PyObject *kwargs) {
    Core *core = (Core *)self;
    const char *kind;
    int isa;
    if (kwargs && PyDict_Size(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Core(kind, isa) takes no keywords");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "si", &kind, &isa)) return -1;
    if (core->ops) {
        PyErr_SetString(PyExc_TypeError, "a core is initialised once");
        return -1;
    }
    int which = 0;
    while (which < KINDS && strcmp(kind, KIND_NAMES[which])) which++;
    if (which == KINDS) {
        PyErr_Format(PyExc_ValueError, "unknown kind: %s", kind);
        return -1;
    }
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) {
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_ISA));
        return -1;
    }
    PyObject *module = module_of(self);
    core->views = module ? PyDict_New() : NULL;
    if (!core->views) return -1;
    const module_state *state = PyModule_GetState(module);
    core->module = Py_NewRef(module);
    core->view_type = state->view_type;
    core->array_type = (PyTypeObject *)state->array_type;
    core->exact = state->exact;
    core->none = state->none;
    core->kind = (kind_of_policy)which;
    core->isa = isa;
    core->ops = ops;
    return 0;
}

/* Drop all that a bind made. */
static void core_release(Core *core) {
    if (core->views) forget_views(core);
    Py_CLEAR(core->whole);
    Py_CLEAR(core->labels);
    Py_CLEAR(core->index);
    for (int i = 0; i < core->held; i++) PyBuffer_Release(&core->buffers[i]);
    core->held = 0;
    PyMem_Free(core->work);
    PyMem_Free(core->beta.packed);
    PyMem_Free(core->beta.packed_slots);
    PyMem_Free(core->beta.log_beta);
    PyMem_Free(core->beta.scratch);
    PyMem_Free(core->beta.groups);
    core->beta = (aw_beta){0};
    core->work = NULL;
    core->head = NULL;
    core->words = core->seen = NULL;
}

static void core_dealloc(PyObject *self) {
    Core *core = (Core *)self;
    PyTypeObject *type = Py_TYPE(self);
    core_release(core);
    Py_XDECREF(core->views);
    Py_XDECREF(core->module);
    PyMem_Free(core->noise);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int borrow(Core *core, PyObject *arrays, int i, const array_spec *spec) {
    PyObject *array = PyTuple_GetItem(arrays, i);
    if (!array) return -1;
    const int64_t size = spec->fixed ? spec->fixed : spec->items < 0 ? -1 : spec->items * core->stride;
    if (take_buffer(array, &core->buffers[i], spec->format, (Py_ssize_t)size, spec->dimensions, spec->name, 1))
        return -1;
    core->held = i + 1;
    return 0;
}

/* Borrow every array, and learn the sizes from the first three. */
static int borrow_all(Core *core, PyObject *arrays) {
    array_spec specs[MOST_ARRAYS];
    int n = specs_of(core, specs);
    for (int i = 0; i < SIZED_BY; i++) {
        if (borrow(core, arrays, i, &specs[i])) return -1;
    }
    core->head = core->buffers[0].buf;
    core->stride = (int64_t)(core->buffers[SIZED_BY - 1].len / 4);
    core->dim = core->head[AW_HEAD_DIM];
    const int64_t count = core->head[AW_HEAD_COUNT];
    if (core->stride % 8 || count < 0 || count >= core->stride || count > AW_MAX_ARMS ||
        (is_linear(core) && (core->dim < 1 || core->dim > AW_MAX_ARMS))) {
        PyErr_SetString(PyExc_ValueError, "bind: the columns must be a multiple of 8 and more than the arms");
        return -1;
    }
    n = specs_of(core, specs);
    if (PyTuple_Size(arrays) != n) {
        PyErr_Format(PyExc_ValueError, "bind: %s takes %d arrays", KIND_NAMES[core->kind], n);
        return -1;
    }
    void *data[MOST_ARRAYS];
    for (int i = 0; i < n; i++) {
        if (i >= SIZED_BY && borrow(core, arrays, i, &specs[i])) return -1;
        data[i] = core->buffers[i].buf;
    }
    point_at(core, data);
    if (core->shared && (core->head[AW_HEAD_HALF_LIFE] || (uintptr_t)core->words % sizeof(uint64_t))) {
        PyErr_SetString(PyExc_ValueError, "bind: shared words stand at whole words, and do not decay");
        return -1;
    }
    return 0;
}

/* What a state says of its leaders is followed as an index: it must stay inside. */
static int leaders_good(const Core *core) {
    const int32_t *leader = core->beta.leaders;
    const int64_t n = core->head[AW_HEAD_LEADERS], count = core->head[AW_HEAD_COUNT];
    int good = n > 0 && n <= AW_MAX_LEADERS && n % 8 == 0 && count > n;
    for (int64_t j = 0; good && j < n; j++) good = leader[j] >= (j ? leader[j - 1] + 1 : 0) && leader[j] < count;
    return good;
}

/* Make the caches and the scratch of a kind. */
static int make_room(Core *core) {
    if (core->kind == THOMPSON) {
        aw_beta *beta = &core->beta;
        const size_t p = (size_t)core->stride;
        beta->ops = core->ops;
        beta->packed = PyMem_Calloc(AW_MAX_LEADERS * AW_BETA_ROWS, sizeof(double));
        beta->packed_slots = PyMem_Calloc(AW_MAX_LEADERS, sizeof(uint32_t));
        beta->log_beta = PyMem_Calloc(p, sizeof(double));
        beta->scratch = PyMem_Calloc(2 * p, sizeof(double));
        beta->groups = PyMem_Calloc(p, sizeof(uint64_t));
        if (!beta->packed || !beta->packed_slots || !beta->log_beta || !beta->scratch || !beta->groups) {
            PyErr_NoMemory();
            return -1;
        }
        if (core->head[AW_HEAD_PATH]) {
            if (!leaders_good(core)) {
                PyErr_SetString(PyExc_ValueError, "bind: leaders out of range");
                return -1;
            }
            aw_block_restore(beta);
        }
    } else if (is_linear(core)) {
        core->work = PyMem_Calloc((size_t)core->dim * 8, sizeof(double));
        if (!core->work) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

static PyObject *core_bind(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    if (n != 3 || !core->ops || !PyTuple_Check(args[0]) || PyTuple_Size(args[0]) < 6 || !PyTuple_CheckExact(args[1]) ||
        !PyDict_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "bind(arrays, labels, index): two tuples and a dict");
        return NULL;
    }
    core_release(core);
    core->shared = core->kind == THOMPSON && PyTuple_Size(args[0]) == MOST_ARRAYS;
    if (borrow_all(core, args[0]) || make_room(core)) {
        core_release(core);
        return NULL;
    }
    const Py_ssize_t count = PyTuple_Size(args[1]);
    if (count != core->head[AW_HEAD_COUNT] || PyDict_Size(args[2]) != count) {
        core_release(core);
        PyErr_SetString(PyExc_ValueError, "bind: one label and one index entry for each arm");
        return NULL;
    }
    core->needs_more = is_linear(core) || core->head[AW_HEAD_HALF_LIFE] || core->shared;
    core->labels = Py_NewRef(args[1]);
    core->index = Py_NewRef(args[2]);
    core->whole = view_of_all(core);
    if (!core->whole) {
        core_release(core);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- module ---- */

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef core_methods[] = {
    {"bind", FAST(core_bind), METH_FASTCALL, "bind($self, arrays, labels, index, /)\n--\n\nBorrow arrays."},
    {"view", FAST(core_view), METH_FASTCALL,
     "view($self, key, labels, order, positions, slots, /)\n--\n\nBind a candidate set."},
    {"select", FAST(core_select), METH_FASTCALL, "select($self, candidates, context, now, /)\n--\n\nChoose a label."},
    {"decide", FAST(core_decide), METH_FASTCALL,
     "decide($self, candidates, context, now, /)\n--\n\nChoose, with id, version and propensity."},
    {"peek", FAST(core_peek), METH_FASTCALL,
     "peek($self, candidates, context, decision, /)\n--\n\nThe label of a decision at the present state."},
    {"many", FAST(core_many), METH_FASTCALL, "many($self, n, contexts, now, /)\n--\n\nPositions, as int32 bytes."},
    {"chances", FAST(core_propensities), METH_FASTCALL,
     "chances($self, candidates, context, now, /)\n--\n\nPropensities, as float64 bytes."},
    {"update", FAST(core_update), METH_FASTCALL,
     "update($self, arm, reward, context, now, slot=None, /)\n--\n\nApply a reward."},
    {"update_many", FAST(core_update_many), METH_FASTCALL,
     "update_many($self, positions, rewards, contexts, now, /)\n--\n\nApply rewards in order."},
    {"refresh", core_refresh, METH_NOARGS, "refresh($self, /)\n--\n\nRecompute every derived constant."},
    {"follow", core_follow, METH_NOARGS, "follow($self, /)\n--\n\nBring a shared state up to its words."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot core_slots[] = {
    {Py_tp_init, (void *)core_init},
    {Py_tp_dealloc, (void *)core_dealloc},
    {Py_tp_methods, core_methods},
    {Py_tp_doc, "Core(kind, isa): the per-request calls of a policy; see armwise_kernels.protocol.Core."},
    {0, NULL},
};

static PyType_Spec core_spec = {
    .name = "armwise_kernels._fast.Core",
    .basicsize = sizeof(Core),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = core_slots,
};

static int module_exec(PyObject *module) {
    module_state *state = PyModule_GetState(module);
    state->core_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_spec, NULL);
    state->view_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &view_spec, NULL);
    state->exact = PyUnicode_InternFromString("exact");
    state->none = PyUnicode_InternFromString("none");
    PyObject *numpy = PyImport_ImportModule("numpy");
    state->array_type = numpy ? PyObject_GetAttrString(numpy, "ndarray") : NULL;
    Py_XDECREF(numpy);
    const int made = state->core_type && state->view_type && state->exact && state->none && state->array_type;
    if (!made) return -1;
    PyObject *allocation = PyType_FromModuleAndSpec(module, &allocation_spec, NULL);
    const int failed = !allocation || PyModule_AddType(module, (PyTypeObject *)allocation);
    Py_XDECREF(allocation);
    if (failed) return -1;
    return PyModule_AddType(module, state->core_type) || PyModule_AddType(module, state->view_type) ? -1 : 0;
}

static void module_free(void *module) {
    module_state *state = PyModule_GetState((PyObject *)module);
    Py_CLEAR(state->core_type);
    Py_CLEAR(state->view_type);
    Py_CLEAR(state->array_type);
    Py_CLEAR(state->exact);
    Py_CLEAR(state->none);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)module_exec}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "armwise_kernels._fast",
    .m_doc = "The per-request calls of the policies, and of allocation.",
    .m_size = sizeof(module_state),
    .m_slots = module_slots,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__fast(void) { return PyModuleDef_Init(&definition); }
