/*
 * The calls that answer a request: select, decide, peek, propensities.
 */
#include "core.h"

/* A request: what its arguments came to. view is a reference; context may hold a buffer. */
typedef struct request {
    View *view;
    Py_buffer buffer;
    const double *context;
    int64_t now;
} request;

static void request_end(request *r) {
    if (r->context) PyBuffer_Release(&r->buffer);
    Py_XDECREF((PyObject *)r->view);
}

/* returns: 0 with a view that is up to date at r->now, or -1 with an exception and nothing to end. */
static int request_begin(Core *core, PyObject *const *args, Py_ssize_t n, request *r) {
    if (n != 3 || !core->whole) {
        PyErr_SetString(PyExc_TypeError, "expected candidates, context and now, of a bound core");
        return -1;
    }
    const int64_t epoch = core->epoch;
    r->view = NULL;
    if (take_context(core, args[1], &r->buffer, &r->context)) return -1;
    View *view = take_time(core, args[2], &r->now) ? NULL : view_named(core, args[0]);
    if (!view) {
        request_end(r);
        return -1;
    }
    r->view = (View *)Py_NewRef((PyObject *)view);
    if (still_bound(core, epoch)) {
        request_end(r);
        return -1;
    }
    return 0;
}

/* As request_begin, with the state brought up to the time and to its words, and the view up to the state. */
static int request_ready(Core *core, PyObject *const *args, Py_ssize_t n, request *r) {
    if (request_begin(core, args, n, r)) return -1;
    advance(core, r->now);
    if (follow(core)) {
        request_end(r);
        return -1;
    }
    view_refresh(core, r->view);
    return 0;
}

/* Take a counter, choose, and remember the view. */
static int64_t take(Core *core, request *r) {
    const int64_t i = choose(core, r->view, r->context, (uint64_t)core->head[AW_HEAD_COUNTER]++);
    if (core->last != r->view) {
        PyObject *before = (PyObject *)core->last;
        core->last = (View *)Py_NewRef((PyObject *)r->view);
        Py_XDECREF(before);
    }
    return i;
}

PyObject *core_select(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    /* the commonest request of all: every arm, no context, no clock, and the same as the last time */
    if (n == 3 && args[0] == Py_None && args[2] == Py_None && core->whole && core->last == core->whole &&
        !core->needs_more) {
        return Py_NewRef(core->whole->label[choose(core, core->whole, NULL, (uint64_t)core->head[AW_HEAD_COUNTER]++)]);
    }
    request r;
    if (request_ready(core, args, n, &r)) return NULL;
    PyObject *label = Py_NewRef(r.view->label[take(core, &r)]);
    request_end(&r);
    return label;
}

PyObject *core_peek(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "peek(candidates, context, decision)");
        return NULL;
    }
    PyObject *const taken[3] = {args[0], args[1], Py_None};
    const unsigned long long decision = PyLong_AsUnsignedLongLong(args[2]);
    if (decision == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    request r;
    if (request_begin(core, taken, 3, &r)) return NULL;
    view_refresh(core, r.view);
    PyObject *label = Py_NewRef(r.view->label[choose(core, r.view, r.context, decision)]);
    request_end(&r);
    return label;
}

/* The digits of x in base 16, backwards from end. returns: where they begin. */
static char *hex(char *end, uint64_t x) {
    do {
        *--end = "0123456789abcdef"[x & 15];
        x >>= 4;
    } while (x);
    return end;
}

/* "{stream:x}-{counter:x}-{version:x}" */
static PyObject *decision_id(const Core *core, uint64_t decision) {
    char text[52], *at = hex(text + sizeof text, (uint64_t)core->head[AW_HEAD_VERSION]);
    *--at = '-';
    at = hex(at, decision);
    *--at = '-';
    at = hex(at, (uint64_t)core->head[AW_HEAD_STREAM]);
    return PyUnicode_FromStringAndSize(at, text + sizeof text - at);
}

/*
 * writes: the propensities of the request's view at the state's present version, kept for policies without a context.
 * returns: them, in the order of slots, or NULL with an exception. room: view->stride doubles, for a context's.
 */
static const double *current_chances(Core *core, request *r, double **owned) {
    View *view = r->view;
    *owned = NULL;
    if (!r->context && view->chance && view->chance_version == core->head[AW_HEAD_VERSION]) return view->chance;
    if (!r->context && !view->chance) {
        view->chance = PyMem_Calloc((size_t)view->stride, sizeof(double));
        if (!view->chance) PyErr_NoMemory();
    }
    double *out = view->chance;
    if (r->context) {
        out = *owned = PyMem_Calloc((size_t)view->stride, sizeof(double));
        if (!out) PyErr_NoMemory();
    }
    if (!out || chances(core, view, r->context, out)) return NULL;
    if (!r->context) view->chance_version = core->head[AW_HEAD_VERSION];
    return out;
}

PyObject *core_decide(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    request r;
    if (request_ready(core, args, n, &r)) return NULL;
    double *owned;
    const double *p = current_chances(core, &r, &owned);
    /* a decision is made all the same where its propensity is not known */
    const int unknown = !p && PyErr_ExceptionMatches(PyExc_FloatingPointError);
    if (unknown) PyErr_Clear();
    PyObject *out = p || unknown ? PyTuple_New(6) : NULL;
    if (out) {
        const uint64_t decision = (uint64_t)core->head[AW_HEAD_COUNTER];
        const int64_t i = take(core, &r);
        PyTuple_SetItem(out, 0, Py_NewRef(r.view->label[i]));
        PyTuple_SetItem(out, 1, PyLong_FromLong(r.view->order[i]));
        PyTuple_SetItem(out, 2, decision_id(core, decision));
        PyTuple_SetItem(out, 3, PyLong_FromLongLong(core->head[AW_HEAD_VERSION]));
        PyObject *chance =
            unknown ? Py_NewRef(Py_None) : PyFloat_FromDouble(p[i] > AW_LEAST_CHANCE ? p[i] : AW_LEAST_CHANCE);
        PyTuple_SetItem(out, 4, chance);
        PyTuple_SetItem(out, 5, Py_NewRef(unknown ? core->none : core->exact));
        if (PyErr_Occurred()) Py_CLEAR(out);
    }
    PyMem_Free(owned);
    request_end(&r);
    return out;
}

PyObject *core_propensities(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    request r;
    if (request_ready(core, args, n, &r)) return NULL;
    double *owned;
    const double *p = current_chances(core, &r, &owned);
    PyObject *out = p ? PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(r.view->count * 8)) : NULL;
    if (out) {
        double *target = (double *)PyByteArray_AsString(out);
        for (int64_t i = 0; i < r.view->count; i++) target[r.view->order[i]] = p[i];
    }
    PyMem_Free(owned);
    request_end(&r);
    return out;
}
