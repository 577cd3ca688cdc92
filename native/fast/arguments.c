/* From Python objects to C numbers, and nothing changed until all of them are good. */
#include "core.h"

#include <time.h>

int still_bound(const Core *core, int64_t epoch) {
    if (core->whole && core->epoch == epoch) return 0;
    PyErr_SetString(PyExc_LookupError, "the core was bound anew during the call");
    return -1;
}

int is_linear(const Core *core) { return core->kind == LINTS_DIAG || core->kind == LINTS; }

/* A format of native byte order and one item. */
static int is_format(const char *given, const char *wanted) {
    if (!given) given = "B";
    if (*given == '@' || *given == '=') given++;
    if (*given == 0 || given[1]) return 0;
    if (sizeof(long) == 8) { /* 64 bits are "l" or "q", by platform */
        if (*given == 'l') return *wanted == 'q';
        if (*given == 'L') return *wanted == 'Q';
    }
    return *given == *wanted;
}

int take_buffer(PyObject *object, Py_buffer *buffer, const char *format, Py_ssize_t size, int dimensions,
                const char *name, int writable) {
    if (PyObject_GetBuffer(object, buffer, writable ? PyBUF_CONTIG | PyBUF_FORMAT : PyBUF_CONTIG_RO | PyBUF_FORMAT)) {
        if (PyErr_ExceptionMatches(PyExc_BufferError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_TypeError, "%s: expected a contiguous array", name);
        }
        return -1;
    }
    if (!is_format(buffer->format, format) || buffer->ndim != dimensions ||
        (size >= 0 && buffer->len != size * buffer->itemsize)) {
        PyErr_Format(PyExc_TypeError,
                     "%s: expected %d-dimensional items of format %s, %zd in all; got %d-dimensional %s", name,
                     dimensions, format, size, buffer->ndim, buffer->format ? buffer->format : "B");
        PyBuffer_Release(buffer);
        return -1;
    }
    return 0;
}

int take_context(Core *core, PyObject *context, Py_buffer *buffer, const double **data) {
    *data = NULL;
    if (!is_linear(core)) return 0;
    if (context == Py_None) {
        PyErr_SetString(PyExc_TypeError, "a context is required");
        return -1;
    }
    /* a subclass may mean something else by its numbers, as a masked array does */
    if (Py_TYPE(context) != core->array_type) {
        PyErr_SetString(PyExc_TypeError, "context: expected a numpy.ndarray");
        return -1;
    }
    if (take_buffer(context, buffer, "d", core->dim, 1, "context", 0)) return -1;
    if (aw_context_check(buffer->buf, core->dim)) {
        PyBuffer_Release(buffer);
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_CONTEXT));
        return -1;
    }
    *data = buffer->buf;
    return 0;
}

int take_time(const Core *core, PyObject *now, int64_t *out) {
    *out = 0;
    if (now == Py_None) {
        if (!core->head[AW_HEAD_HALF_LIFE]) return 0;
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        *out = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
        return 0;
    }
    if (!PyLong_CheckExact(now)) {
        PyErr_SetString(PyExc_TypeError, "now: expected None or whole nanoseconds");
        return -1;
    }
    *out = PyLong_AsLongLong(now);
    if (*out == -1 && PyErr_Occurred()) return -1;
    if (*out < 0 || *out >= AW_END_OF_TIME) {
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_TIME));
        return -1;
    }
    return 0;
}

int follow(Core *core) {
    if (!core->words || !aw_words_follow(&core->beta, core->words, core->seen)) return 0;
    PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_WORD));
    return -1;
}

void advance(Core *core, int64_t now) {
    if (!core->head[AW_HEAD_HALF_LIFE]) return;
    if (core->kind == THOMPSON) {
        aw_beta_advance(&core->beta, now);
        return;
    }
    double scale;
    if (!aw_clock_advance(core->head, now, &scale)) return;
    const int64_t size = core->stride * core->dim;
    if (scale != 1.0) {
        for (int64_t i = 0; i < size; i++) core->precision[i] *= scale;
        for (int64_t i = 0; i < size; i++) core->weighted[i] *= scale;
    }
    aw_lints_diag_refresh_all(core->blocks, core->precision, core->weighted, core->stride, core->dim,
                              aw_decay(core->head[AW_HEAD_TICK] - core->head[AW_HEAD_LANDMARK]),
                              core->parameters[AW_PRIOR_PRECISION], core->parameters[AW_NOISE_VARIANCE]);
    for (int64_t i = 0; i < core->stride; i++) core->stamps[i] = core->head[AW_HEAD_VERSION];
}
