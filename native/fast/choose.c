/*
 * From a view to a choice: which kernel runs for which kind, and the draws that are prefilled for it.
 */
#include "core.h"

enum {
    MOST_NOISE_ARMS = 64, /* past this, prefilling too few decisions at a time gains nothing */
    FEWEST_AT_ONCE = 8    /* the kernel for many decides a whole number of vectors, and throws the rest away */
};

static aw_beta_set beta_set(const Core *core, const View *view) {
    if (view->packed) return (aw_beta_set){view->packed, view->slots, view->count, view->stride, view->boosted};
    return (aw_beta_set){core->beta.table, core->slots, view->count, core->stride, core->head[AW_HEAD_BOOSTED] > 0};
}

/*
 * returns: the noise, filled for this decision; NULL where it is not worth while: too many arms, or a set that was not
 * also the last one. A failed allocation only costs the cache.
 */
static const aw_noise *noise_for(Core *core, const View *view, const uint32_t *slots, uint64_t key, uint64_t decision) {
    const int64_t count = view->count;
    if (count > MOST_NOISE_ARMS || core->last != view) return NULL;
    if (!core->noise) {
        core->noise = PyMem_Calloc(1, sizeof *core->noise);
        if (!core->noise) return NULL;
    }
    aw_noise *noise = core->noise;
    const int64_t decisions = AW_NOISE_SLOTS / count;
    if (core->noise_of != view->serial) {
        for (int64_t e = 0; e < AW_NOISE_SLOTS + 8; e++) {
            noise->slot[e] = slots[e % count];
            noise->offset[e] = (uint32_t)(e / count);
        }
        core->noise_of = view->serial;
        noise->decisions = 0;
    }
    if (noise->key != key || decision - noise->first >= (uint64_t)noise->decisions) {
        noise->key = key;
        noise->first = decision;
        noise->decisions = decisions;
        core->ops->noise_fill(noise, decisions * count);
    }
    return noise;
}

int64_t choose(Core *core, View *view, const double *context, uint64_t decision) {
    const uint64_t key = (uint64_t)core->head[AW_HEAD_KEY];
    const double *blocks = view->packed ? view->packed : core->blocks;
    const uint32_t *slots = view->packed ? view->slots : core->slots;
    switch (core->kind) {
    case THOMPSON: {
        if (!view->packed && core->head[AW_HEAD_PATH]) return aw_block_select(&core->beta, key, decision);
        const aw_beta_set set = beta_set(core, view);
        double score;
        return core->ops->thompson_select(&set, key, decision, noise_for(core, view, slots, key, decision), &score);
    }
    case LINTS_DIAG:
        return core->ops->lints_diag_select(blocks, slots, view->count, core->dim, context, key, decision);
    case LINTS:
        return core->ops->lints_full_select(blocks, slots, view->count, core->dim, context,
                                            core->parameters[AW_NOISE_VARIANCE], key, decision, core->work);
    case EPSILON_GREEDY:
        return aw_epsilon_greedy_select(view->packed ? view->packed : core->means, view->count,
                                        core->parameters[AW_EPSILON_SHARE], key, decision);
    default:
        return aw_ucb1_select(view->packed ? view->packed : core->means,
                              view->packed ? view->packed + view->stride : core->counts, view->count,
                              core->head[AW_HEAD_UPDATES]);
    }
}

/* writes: one at the winner, zero elsewhere. */
static void certain(double *out, int64_t count, int64_t winner) {
    for (int64_t i = 0; i < count; i++) out[i] = i == winner ? 1.0 : 0.0;
}

int chances(Core *core, View *view, const double *context, double *out) {
    const int64_t count = view->count;
    const double *means = view->packed ? view->packed : core->means;
    if (core->kind == EPSILON_GREEDY) {
        const double epsilon = core->parameters[AW_EPSILON_SHARE];
        certain(out, count, aw_greedy(means, count));
        for (int64_t i = 0; i < count; i++) out[i] = epsilon / (double)count + (1.0 - epsilon) * out[i];
        return 0;
    }
    if (core->kind == UCB1) {
        certain(out, count, choose(core, view, NULL, 0));
        return 0;
    }
    double *room = PyMem_Malloc((aw_best_scratch(count) + 2 * (size_t)view->stride) * sizeof *room);
    if (!room) {
        PyErr_NoMemory();
        return -1;
    }
    double *mean = room + aw_best_scratch(count), *variance = mean + view->stride;
    const double *blocks = view->packed ? view->packed : core->blocks;
    int status;
    if (core->kind == THOMPSON) {
        const aw_beta_set set = beta_set(core, view);
        status = aw_best_beta(core->isa, count, set.table + AW_ROW_ALPHA * set.stride,
                              set.table + AW_ROW_BETA * set.stride, out, room);
    } else {
        if (core->kind == LINTS_DIAG) {
            core->ops->lints_diag_moments(blocks, count, core->dim, context, mean, variance);
        } else {
            core->ops->lints_full_moments(blocks, count, core->dim, context, core->parameters[AW_NOISE_VARIANCE], mean,
                                          variance, core->work);
        }
        for (int64_t i = 0; i < count; i++) variance[i] = __builtin_sqrt(variance[i]);
        status = aw_best_normal(core->isa, count, mean, variance, out, room);
    }
    PyMem_Free(room);
    if (status) {
        PyErr_SetString(status == AW_E_SHARP ? PyExc_FloatingPointError : PyExc_ArithmeticError, aw_strerror(status));
        return -1;
    }
    return 0;
}

/* ---- batches ---- */

/* The arrays that a batch reads, copied so that it can run without the GIL. */
typedef struct frozen {
    Core core; /* pointers into bytes */
    View view;
    char *bytes;
} frozen;

static size_t room_for(size_t size) { return (size + 63) / 64 * 64; }

static void *copied(char **at, const void *from, size_t size) {
    void *to = *at;
    memcpy(to, from, size);
    *at += room_for(size);
    return to;
}

/* returns: 0, or -1 with an exception. The copy is of the whole set; free it with free(bytes). */
static int freeze(Core *core, frozen *copy) {
    array_spec specs[MOST_ARRAYS];
    const int n = specs_of(core, specs);
    const aw_beta *beta = &core->beta;
    const size_t p = (size_t)core->stride, work = is_linear(core) ? (size_t)core->dim * 8 * sizeof(double) : 0;
    /* what a selection reads of a Thompson core's caches; of all other kinds they are NULL */
    const struct {
        const void *from;
        size_t size;
    } caches[] = {{beta->packed, AW_MAX_LEADERS * AW_BETA_ROWS * sizeof(double)},
                  {beta->packed_slots, AW_MAX_LEADERS * sizeof(uint32_t)},
                  {beta->log_beta, p * sizeof(double)},
                  {beta->groups, p * sizeof(uint64_t)}};
    enum { CACHES = sizeof caches / sizeof *caches };
    size_t size = work + 64;
    for (int i = 0; i < n; i++) size += specs[i].read ? room_for((size_t)core->buffers[i].len) : 0;
    for (int i = 0; i < CACHES; i++) size += caches[i].from ? room_for(caches[i].size) : 0;
    char *at = copy->bytes = malloc(size);
    if (!at) {
        PyErr_NoMemory();
        return -1;
    }
    void *data[MOST_ARRAYS], *cached[CACHES];
    at += (64 - (uintptr_t)at % 64) % 64;
    for (int i = 0; i < n; i++) {
        const Py_buffer *buffer = &core->buffers[i];
        data[i] = specs[i].read ? copied(&at, buffer->buf, (size_t)buffer->len) : NULL;
    }
    for (int i = 0; i < CACHES; i++) {
        cached[i] = caches[i].from ? copied(&at, caches[i].from, caches[i].size) : NULL;
    }
    copy->core = *core;
    copy->core.noise = NULL;
    copy->core.last = NULL;
    copy->core.work = (double *)at;
    point_at(&copy->core, data);
    copy->core.beta.packed = cached[0];
    copy->core.beta.packed_slots = cached[1];
    copy->core.beta.log_beta = cached[2];
    copy->core.beta.groups = cached[3];
    copy->view = *core->whole;
    return 0;
}

static void run_batch(frozen *copy, uint64_t decision, int64_t n, const double *contexts, int32_t *out) {
    Core *core = &copy->core;
    if (core->kind == THOMPSON && !core->head[AW_HEAD_PATH] && n >= FEWEST_AT_ONCE) {
        const aw_beta_set set = beta_set(core, &copy->view);
        core->ops->thompson_many(&set, (uint64_t)core->head[AW_HEAD_KEY], decision, n, out);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        out[i] = (int32_t)choose(core, &copy->view, contexts ? contexts + i * core->dim : NULL, decision + (uint64_t)i);
    }
}

PyObject *core_many(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
    Core *core = (Core *)self;
    int64_t now;
    if (nargs != 3 || !core->whole || !PyLong_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "select_many(n, contexts, now) of a bound core");
        return NULL;
    }
    const int64_t epoch = core->epoch;
    const long long n = PyLong_AsLongLong(args[0]);
    if (n == -1 && PyErr_Occurred()) return NULL;
    if (n < 0 || n > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_COUNT));
        return NULL;
    }
    Py_buffer buffer;
    const double *contexts = NULL;
    if (is_linear(core)) {
        if (take_buffer(args[1], &buffer, "d", (Py_ssize_t)(n * core->dim), 2, "contexts", 0)) return NULL;
        contexts = buffer.buf;
        if (aw_context_check(contexts, n * core->dim)) {
            PyBuffer_Release(&buffer);
            PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_CONTEXT));
            return NULL;
        }
    }
    if (still_bound(core, epoch)) {
        if (contexts) PyBuffer_Release(&buffer);
        return NULL;
    }
    PyObject *out = NULL;
    frozen copy = {.bytes = NULL};
    if (!core->whole->count) {
        PyErr_SetString(PyExc_LookupError, "no arms");
    } else if (!take_time(core, args[2], &now)) {
        out = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)n * (Py_ssize_t)sizeof(int32_t));
    }
    if (out) {
        advance(core, now);
        if (follow(core) || freeze(core, &copy)) Py_CLEAR(out);
    }
    if (out) {
        const uint64_t decision = (uint64_t)core->head[AW_HEAD_COUNTER];
        core->head[AW_HEAD_COUNTER] += n;
        int32_t *target = (int32_t *)PyByteArray_AsString(out);
        PyThreadState *thread = PyEval_SaveThread();
        run_batch(&copy, decision, n, contexts, target);
        PyEval_RestoreThread(thread);
    }
    free(copy.bytes);
    if (contexts) PyBuffer_Release(&buffer);
    return out;
}
