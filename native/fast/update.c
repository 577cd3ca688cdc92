/*
 * The calls that change a posterior: update, update_many, refresh, follow.
 */
#include "core.h"

/* returns: the position of an arm, or -1 with LookupError. The index is kept alive while a label's Python may run. */
static int64_t position_of(Core *core, PyObject *arm, int64_t epoch) {
    PyObject *index = Py_NewRef(core->index);
    PyObject *found = PyDict_GetItemWithError(index, arm);
    const int64_t i = found ? PyLong_AsLongLong(found) : -1;
    int good = found && !still_bound(core, epoch);
    good = good && i >= 0 && i < core->whole->count && Py_TYPE(arm) == Py_TYPE(core->whole->label[i]);
    if (!good && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, arm);
    Py_DECREF(index);
    return good ? i : -1;
}

/* Count one more arm, in the column behind the others, which is at the prior. requires: room, and a slot above all. */
static void append(Core *core, PyObject *arm, uint32_t slot) {
    const int64_t i = core->head[AW_HEAD_COUNT]++;
    core->slots[i] = slot;
    core->whole->label[i] = arm;
    core->whole->count = i + 1;
    core->noise_of = 0;
    if (core->kind == THOMPSON) {
        const double *shape = core->beta.table + AW_ROW_ALPHA * core->stride + i;
        core->head[AW_HEAD_BOOSTED] += shape[0] < 1.0 || shape[core->stride] < 1.0;
        core->beta.rates[i] = 0; /* of no part in the sum yet */
    }
}

/*
 * Let an arm in that the index does not hold. Labels may run Python when they are hashed and compared, and other
 * threads with it: until the index has taken the arm, the core is as if it were not bound.
 * returns: its position, or -1 with an exception, and the arms as they were.
 */
static int64_t admitted(Core *core, PyObject *arm, PyObject *given) {
    const long long slot = PyLong_AsLongLong(given);
    if (slot == -1 && PyErr_Occurred()) return -1;
    const int64_t epoch = core->epoch + 1, i = core->whole->count;
    if (core->shared || i + 1 >= core->stride || i >= AW_MAX_ARMS ||
        slot < (i ? (long long)core->slots[i - 1] + 1 : 0) || slot > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "update: there is no free column, or the slot is not above all others");
        return -1;
    }
    forget_views(core); /* to those with a label that was unknown, column i is the prior's */
    if (still_bound(core, epoch)) return -1;
    if (core->whole->count != i) {
        PyErr_SetString(PyExc_LookupError, "the core was used anew during the call");
        return -1;
    }
    PyObject *index = Py_NewRef(core->index), *position = PyLong_FromLongLong(i);
    View *whole = core->whole;
    core->whole = NULL;
    const int known = position ? PyDict_Contains(index, arm) : -1;
    if (known > 0) PyErr_SetObject(PyExc_KeyError, arm);
    const int entered = !known && !PyDict_SetItem(index, arm, position);
    Py_XDECREF(position);
    const int bound_anew = core->whole || core->epoch != epoch || core->index != index;
    if (bound_anew) {
        Py_DECREF(whole);
        if (entered && !PyDict_DelItem(index, arm)) {
            PyErr_SetString(PyExc_LookupError, "the core was bound anew during the call");
        }
    } else {
        core->whole = whole;
    }
    Py_DECREF(index);
    if (!entered || bound_anew) return -1;
    append(core, arm, (uint32_t)slot);
    return i;
}

static int reward_good(const Core *core, double reward) {
    if (core->kind == THOMPSON) return !aw_beta_check(reward);
    const double limit = is_linear(core) ? AW_MAX_CONTEXT : __DBL_MAX__;
    return reward >= -limit && reward <= limit;
}

/*
 * requires: everything checked; now as take_time gave it.
 * returns: 0, or -1 with ValueError at a shared word that cannot be.
 */
static int apply(Core *core, int64_t i, double reward, const double *context, int64_t now) {
    int64_t *head = core->head;
    const double *parameters = core->parameters;
    if (core->words) {
        if (!aw_word_add(core->words + i, reward)) return 0;
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_WORD));
        return -1;
    }
    if (core->kind == THOMPSON) {
        aw_beta_update(&core->beta, i, reward, now);
        return 0;
    }
    if (core->kind == LINTS_DIAG) {
        const int64_t half_life = head[AW_HEAD_HALF_LIFE];
        double gain = 1.0, weight = 1.0;
        if (half_life) {
            advance(core, now);
            gain = aw_growth(aw_tick(now, half_life) - head[AW_HEAD_LANDMARK]);
            weight = aw_decay(head[AW_HEAD_TICK] - head[AW_HEAD_LANDMARK]);
        }
        aw_lints_diag_update(core->blocks, core->precision, core->weighted, i, core->dim, context, reward, gain, weight,
                             parameters[AW_PRIOR_PRECISION], parameters[AW_NOISE_VARIANCE]);
    } else if (core->kind == LINTS) {
        aw_lints_full_update(core->blocks, core->weighted, i, core->dim, context, reward, core->work);
    } else {
        aw_mean_update(core->means, core->counts, i, reward);
    }
    head[AW_HEAD_UPDATES] += 1;
    core->stamps[i] = head[AW_HEAD_VERSION] += 1;
    return 0;
}

/*
 * True and False are no rewards. NumPy reads text as a number, drops imaginary parts and masks, and takes the only
 * entry of an array: of what it holds, real numbers without dimensions are taken, the rest is left to the caller to
 * judge. returns: 0, or -1 with an exception.
 */
static int take_reward(const Core *core, PyObject *given, double *out) {
    if (!PyFloat_Check(given)) {
        Py_buffer buffer;
        int good = !PyBool_Check(given);
        if (good && !PyLong_Check(given) && PyObject_CheckBuffer(given)) {
            good = !PyObject_TypeCheck(given, core->array_type) || Py_TYPE(given) == core->array_type;
            if (good && !PyObject_GetBuffer(given, &buffer, PyBUF_CONTIG_RO | PyBUF_FORMAT)) {
                const char *format = buffer.format;
                good = !buffer.ndim && format && *format && !format[1] && strchr("?bBhHiIlLqQefdg", *format);
                PyBuffer_Release(&buffer);
            } else {
                good = 0;
            }
        }
        if (!good) {
            PyErr_SetString(PyExc_TypeError, "reward: expected a number");
            return -1;
        }
    }
    *out = PyFloat_AsDouble(given);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
}

PyObject *core_update(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    if (n < 4 || n > 5 || !core->whole) {
        PyErr_SetString(PyExc_TypeError, "update(arm, reward, context, now, slot=None) of a bound core");
        return NULL;
    }
    const int64_t epoch = core->epoch;
    double reward;
    if (take_reward(core, args[1], &reward)) return NULL;
    if (!reward_good(core, reward)) {
        PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_REWARD));
        return NULL;
    }
    Py_buffer buffer;
    const double *context;
    int64_t now;
    if (take_context(core, args[2], &buffer, &context)) return NULL;
    int64_t i = -1;
    if (!still_bound(core, epoch) && !take_time(core, args[3], &now) && !still_bound(core, epoch)) {
        i = n == 4 || args[4] == Py_None ? position_of(core, args[0], epoch) : admitted(core, args[0], args[4]);
    }
    const int good = i >= 0 && !apply(core, i, reward, context, now);
    if (context) PyBuffer_Release(&buffer);
    return good ? Py_NewRef(Py_None) : NULL;
}

PyObject *core_update_many(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    Core *core = (Core *)self;
    Py_buffer positions, rewards, contexts;
    int64_t now;
    if (n != 4 || !core->whole) {
        PyErr_SetString(PyExc_TypeError, "update_many(positions, rewards, contexts, now) of a bound core");
        return NULL;
    }
    const int64_t epoch = core->epoch;
    if (take_time(core, args[3], &now)) return NULL;
    if (take_buffer(args[0], &positions, "i", -1, 1, "positions", 0)) return NULL;
    const Py_ssize_t size = positions.len / 4;
    int good = !take_buffer(args[1], &rewards, "d", size, 1, "rewards", 0);
    const int has_rewards = good;
    const double *x = NULL;
    if (good && is_linear(core)) {
        good = !take_buffer(args[2], &contexts, "d", size * (Py_ssize_t)core->dim, 2, "contexts", 0);
        if (good) {
            x = contexts.buf;
            if (aw_context_check(x, size * core->dim)) {
                PyErr_SetString(PyExc_ValueError, aw_strerror(AW_E_CONTEXT));
                good = 0;
            }
        }
    }
    if (good && still_bound(core, epoch)) good = 0;
    const int32_t *at = positions.buf;
    const double *r = has_rewards ? rewards.buf : NULL;
    for (Py_ssize_t i = 0; good && i < size; i++) {
        if (at[i] < 0 || at[i] >= core->head[AW_HEAD_COUNT] || !reward_good(core, r[i])) {
            PyErr_Format(PyExc_ValueError, "position or reward %zd is out of range", i);
            good = 0;
        }
    }
    for (Py_ssize_t i = 0; good && i < size; i++) {
        good = !apply(core, at[i], r[i], x ? x + i * core->dim : NULL, now);
    }
    if (x) PyBuffer_Release(&contexts);
    if (has_rewards) PyBuffer_Release(&rewards);
    PyBuffer_Release(&positions);
    return good ? Py_NewRef(Py_None) : NULL;
}

PyObject *core_refresh(PyObject *self, PyObject *unused) {
    Core *core = (Core *)self;
    (void)unused;
    if (!core->whole) {
        PyErr_SetString(PyExc_TypeError, "refresh() of a bound core");
        return NULL;
    }
    if (core->kind == THOMPSON) {
        aw_beta_refresh(&core->beta);
        aw_block_consider(&core->beta);
    } else if (core->kind == LINTS_DIAG) {
        aw_lints_diag_refresh_all(core->blocks, core->precision, core->weighted, core->stride, core->dim,
                                  aw_decay(core->head[AW_HEAD_TICK] - core->head[AW_HEAD_LANDMARK]),
                                  core->parameters[AW_PRIOR_PRECISION], core->parameters[AW_NOISE_VARIANCE]);
    } else if (core->kind == LINTS) {
        aw_lints_full_refresh_all(core->blocks, core->weighted, core->stride, core->dim);
    }
    for (int64_t i = 0; i < core->stride; i++) core->stamps[i] = core->head[AW_HEAD_VERSION];
    forget_views(core);
    Py_RETURN_NONE;
}

PyObject *core_follow(PyObject *self, PyObject *unused) {
    Core *core = (Core *)self;
    (void)unused;
    if (!core->whole) {
        PyErr_SetString(PyExc_TypeError, "follow() of a bound core");
        return NULL;
    }
    return follow(core) ? NULL : Py_NewRef(Py_None);
}
