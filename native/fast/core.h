/*
 * The C type of the per-request calls: what its files share.
 *
 * Core serves every policy kind through one face (armwise_kernels/protocol.py). It keeps the GIL from entry to exit of
 * every call that reads or writes the borrowed arrays, so that a select and an update are atomic; a large batch runs
 * on a copy, without the GIL. Limited API 3.11: one binary for every later CPython.
 */
#ifndef AW_FAST_CORE_H
#define AW_FAST_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "../src/kernels.h"
#include "../src/linear.h"

typedef enum { THOMPSON, LINTS_DIAG, LINTS, EPSILON_GREEDY, UCB1, KINDS } kind_of_policy;

enum { MOST_ARRAYS = 10, MOST_VIEWS = 64 };

/* A candidate set in the order of slots, with a copy of its constants; or all arms, which need no copy. */
typedef struct View {
    PyObject_HEAD PyObject *key; /* the caller's tuple, or NULL */
    PyObject *labels;            /* tuple, in the order of slots */
    PyObject **label;            /* its entries, borrowed */
    int32_t *order;              /* of entry i, its place in the caller's list */
    int32_t *positions;          /* of entry i, its column in the state */
    uint32_t *slots;
    double *packed;           /* NULL where the view is all arms */
    double *chance;           /* propensities in the order of slots, at chance_version */
    const struct Core *owner; /* compared, never followed */
    int64_t count, stride, packed_version, chance_version, epoch, serial;
    int boosted;
} View;

typedef struct Core {
    PyObject_HEAD PyObject *module; /* keeps what it lends alive */
    PyTypeObject *view_type;
    PyTypeObject *array_type; /* numpy.ndarray, borrowed from the module */
    PyObject *exact, *none;   /* the kinds of propensity, str, borrowed from the module */
    const struct aw_ops *ops;
    int isa;
    kind_of_policy kind;
    PyObject *labels, *index, *views; /* tuple; label -> position; key -> View */
    View *whole;
    View *last; /* the view of the last select, or NULL */
    Py_buffer buffers[MOST_ARRAYS];
    int held;       /* how many of them */
    int shared;     /* a Thompson core whose evidence stands in words that other processes write too */
    int needs_more; /* a select needs a context, the time, or a look at the words */
    int64_t *head, *stamps;
    double *parameters;
    uint32_t *slots;
    int64_t stride, dim, rows; /* rows: doubles of one arm in a packed view */
    int64_t epoch, serial;     /* of the last bind, of the last view */
    aw_beta beta;
    uint64_t *words, *seen;                /* shared: theirs, and what the columns were computed from */
    double *blocks, *precision, *weighted; /* linear */
    double *means, *counts;                /* epsilon-greedy, UCB1 */
    double *work;                          /* scratch of the linear kernels */
    aw_noise *noise;
    int64_t noise_of; /* the serial of the view whose draws the noise holds; 0 where none */
} Core;

/* ---- arrays.c ---- */

/* One array: items for each column, or a fixed number; read: whether a selection looks at it. */
typedef struct array_spec {
    const char *name, *format;
    int64_t items, fixed; /* items -1: one for each column, whose number it tells */
    int dimensions, read;
} array_spec;

enum { SIZED_BY = 3 }; /* the first arrays, which tell the sizes of all */

/* writes: the arrays of the core's kind, in the order of bind; sizes need core->dim. returns: how many. */
int specs_of(const Core *core, array_spec *out);
/* Point the core at the data of those arrays. requires: core->stride and core->dim. */
void point_at(Core *core, void *const *data);

/* ---- view.c ---- */

extern PyType_Spec view_spec;

/* returns: a new view of all arms, or NULL with an exception. */
View *view_of_all(Core *core);
/* returns: the view that candidates name, borrowed; NULL with LookupError where they are not bound. */
View *view_named(Core *core, PyObject *candidates);
/* Bring the packed constants up to the state's version. */
void view_refresh(Core *core, View *view);
/* Drop every bound candidate set and every kept propensity; views that are still held elsewhere no longer serve. */
void forget_views(Core *core);
/* Core.view(key, labels, order, positions, slots). */
PyObject *core_view(PyObject *self, PyObject *const *args, Py_ssize_t n);

/* ---- choose.c ---- */

/* returns: the winning entry of a refreshed view at a decision. context: NULL unless the kind is linear. */
int64_t choose(Core *core, View *view, const double *context, uint64_t decision);
/*
 * writes: the propensities of a refreshed view, in the order of slots.
 * returns: 0, or -1 with an exception, FloatingPointError where they are not known: see AW_E_SHARP.
 */
int chances(Core *core, View *view, const double *context, double *out);
/* Core.select_many(n, contexts, now) -> bytearray of int32. */
PyObject *core_many(PyObject *self, PyObject *const *args, Py_ssize_t n);

/* ---- request.c, update.c: the methods of the same names ---- */

PyObject *core_select(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_decide(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_peek(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_propensities(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_update(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_update_many(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_refresh(PyObject *self, PyObject *unused);
PyObject *core_follow(PyObject *self, PyObject *unused);

/* ---- arguments.c ---- */

/*
 * Hashing a label, reading a number and exporting a buffer may run a caller's Python, and other threads with it, which
 * may bind the core anew. A call that acts on more than one object notes the epoch first and asks at the end.
 * returns: 0 where the core is still bound as it was, or -1 with LookupError.
 */
int still_bound(const Core *core, int64_t epoch);

int is_linear(const Core *core);
/* returns: 0, or -1 with an exception. writes: the buffer, to be released, and its data; data is NULL for other kinds.
 */
int take_context(Core *core, PyObject *context, Py_buffer *buffer, const double **data);
/* returns: 0, or -1 with an exception. Reads the clock only for a state that decays and only where now is None. */
int take_time(const Core *core, PyObject *now, int64_t *out);
/* returns: 0, or -1 with an exception. */
int take_buffer(PyObject *object, Py_buffer *buffer, const char *format, Py_ssize_t size, int dimensions,
                const char *name, int writable);
/* Move a decaying state to the time. */
void advance(Core *core, int64_t now);
/* Bring a shared state up to its words. returns: 0, or -1 with ValueError where one cannot be. */
int follow(Core *core);

#endif
