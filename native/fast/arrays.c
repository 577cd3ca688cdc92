/*
 * The arrays of a posterior, kind by kind, in the order in which bind takes them.
 */
#include "core.h"

int specs_of(const Core *core, array_spec *out) {
    const int64_t d = core->dim;
    *out++ = (array_spec){"head", "q", 0, AW_HEAD_SIZE, 1, 1};
    *out++ = (array_spec){"parameters", "d", 0, AW_PARAMETERS, 1, 1};
    *out++ = (array_spec){"slots", "I", -1, 0, 1, 1};
    *out++ = (array_spec){"stamps", "q", 1, 0, 1, 0};
    switch (core->kind) {
    case THOMPSON:
        *out++ = (array_spec){"table", "d", AW_BETA_ROWS, 0, 2, 1};
        *out++ = (array_spec){"evidence", "d", 4, 0, 2, 0};
        *out++ = (array_spec){"rates", "Q", 1, 0, 1, 1};
        *out++ = (array_spec){"leaders", "i", 0, AW_MAX_LEADERS, 1, 1};
        if (!core->shared) return 8;
        *out++ = (array_spec){"words", "Q", 1, 0, 1, 0};
        *out++ = (array_spec){"seen", "Q", 1, 0, 1, 0};
        return 10;
    case LINTS_DIAG:
        *out++ = (array_spec){"blocks", "d", 2 * d, 0, 4, 1};
        *out++ = (array_spec){"precision", "d", d, 0, 2, 0};
        *out++ = (array_spec){"weighted", "d", d, 0, 2, 0};
        return 7;
    case LINTS:
        *out++ = (array_spec){"blocks", "d", d * (d + 3) / 2, 0, 3, 1};
        *out++ = (array_spec){"weighted", "d", d, 0, 2, 0};
        return 6;
    default:
        *out++ = (array_spec){"means", "d", 1, 0, 1, 1};
        *out++ = (array_spec){"counts", "d", 1, 0, 1, 1};
        return 6;
    }
}

void point_at(Core *core, void *const *data) {
    core->head = data[0];
    core->parameters = data[1];
    core->slots = data[2];
    core->stamps = data[3];
    switch (core->kind) {
    case THOMPSON: {
        aw_beta *beta = &core->beta;
        beta->head = core->head;
        beta->parameters = core->parameters;
        beta->slots = core->slots;
        beta->stamps = core->stamps;
        beta->table = data[4];
        beta->evidence = data[5];
        beta->rates = data[6];
        beta->leaders = data[7];
        beta->stride = core->stride;
        core->words = core->shared ? data[8] : NULL;
        core->seen = core->shared ? data[9] : NULL;
        core->rows = AW_BETA_ROWS;
        return;
    }
    case LINTS_DIAG:
        core->blocks = data[4];
        core->precision = data[5];
        core->weighted = data[6];
        core->rows = 2 * core->dim;
        return;
    case LINTS:
        core->blocks = data[4];
        core->weighted = data[5];
        core->rows = core->dim * (core->dim + 3) / 2;
        return;
    default:
        core->means = data[4];
        core->counts = data[5];
        core->rows = 2;
    }
}
