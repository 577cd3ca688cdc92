/*
 * Every kernel body once, for the instruction set of the including file, and the table that exports them.
 * requires: AW_W and AW_TABLE defined; the target pragma in force.
 */
#include "elementary.h"
#include "linear.h"
#include "propensity.h"
#include "block.h"
#include "thompson.h"

const struct aw_ops AW_TABLE = {
    .log = elementary_log,
    .exp = elementary_exp,
    .normal_draws = normal_draws,
    .beta_constants = beta_constants,
    .beta_draws = beta_draws,
    .thompson_select = thompson_select,
    .thompson_many = thompson_many,
    .noise_fill = noise_fill,
    .block_rates = block_rates,
    .lints_diag_select = lints_diag_select,
    .lints_diag_moments = lints_diag_moments,
    .lints_full_select = lints_full_select,
    .lints_full_moments = lints_full_moments,
    .best_beta = best_beta,
    .best_normal = best_normal,
};
