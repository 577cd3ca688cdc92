"""The constants of the addressing law and of the array layouts, mirrored once from ``native/include/armwise.h``.

``tests/conformance/test_law.py`` compares every name here with the C header, so that neither can drift.
"""

from __future__ import annotations

from typing import Final

# Purposes: the top eight bits of the fourth Philox counter word.
PURPOSE_DRAW: Final = 0
"""The gamma pair of an arm, or its normal; the low 24 bits are the attempt."""
PURPOSE_BOOST: Final = 1
"""The two uniforms that lift Gamma(a + 1) to Gamma(a) where a shape is below one."""
PURPOSE_COUNT: Final = 2
"""The Poisson count of the thinned block; slot 0."""
PURPOSE_POINT: Final = 3
"""The j-th thinning point; slot j. Attempt 0 places it, attempt 1 accepts it."""
PURPOSE_EPSILON: Final = 4
"""Explore or exploit, and which arm to explore; slot 0."""

MAX_ARMS: Final = 1 << 20
"""Arms of one policy, at most."""
LANES: Final = 8
"""Logical lanes: arrays are padded to a multiple of this on every instruction set."""
NOISE_SLOTS: Final = 256
"""Prefilled draws of a core, at most."""

# Rows of a Beta table, float64 (BETA_ROWS, P); P = arms padded to LANES.
ROW_D1: Final = 0
ROW_C1: Final = 1
ROW_K1: Final = 2
ROW_D2: Final = 3
ROW_C2: Final = 4
ROW_K2: Final = 5
ROW_INV_A: Final = 6
ROW_INV_B: Final = 7
ROW_ALPHA: Final = 8
ROW_BETA: Final = 9
BETA_ROWS: Final = 10

MIN_SHAPE: Final = 1e-100
MAX_SHAPE: Final = 1e100
"""Shapes of a Beta posterior lie in [MIN_SHAPE, MAX_SHAPE]: beyond, the constants overflow."""
LEAST_CHANCE: Final = 1e-12
"""A chosen arm's propensity is at least this: below, quadrature may say zero."""
MAX_CONTEXT: Final = 1e100
"""Entries of a context, and rewards of linear policies, are at most this in absolute value."""

# The large-K index. Rates are integers, in units of RATE_UNIT.
RATE_BITS: Final = 40
RATE_CAP: Final = 1 << 42
BLOCK_MIN_ARMS: Final = 64
BLOCK_MAX_POINTS: Final = 64
BLOCK_LEADERS: Final = (8, 16, 32, 64)

TICKS_PER_HALF_LIFE: Final = 1024
END_OF_TIME: Final = 1 << 62
"""Times are whole nanoseconds below this: the year 2116."""

# A word of a shared table: the sum of an arm's rewards, in units, above their count.
WORD_BITS: Final = 26
"""Bits of the count."""
WORD_UNITS: Final = 4096
"""A reward of one."""
WORD_MOST: Final = (1 << WORD_BITS) - 2
"""The count at which both are halved."""

# The head of a state, int64 (HEAD_SIZE,): every whole number that a decision depends on.
HEAD_COUNTER: Final = 0
"""The number of the next decision."""
HEAD_VERSION: Final = 1
"""State changes applied so far."""
HEAD_COUNT: Final = 2
"""Arms in the state; column HEAD_COUNT and all after it hold the prior."""
HEAD_STREAM: Final = 3
HEAD_KEY: Final = 4
"""Word 0 of the stream's key, and word 1 above it, as one unsigned number."""
HEAD_HALF_LIFE: Final = 5
"""Nanoseconds; 0 where nothing decays."""
HEAD_NOW: Final = 6
"""The latest time seen, nanoseconds since the epoch."""
HEAD_TICK: Final = 7
HEAD_LANDMARK: Final = 8
"""The tick at which one unit of evidence weighs one; a multiple of TICKS_PER_HALF_LIFE."""
HEAD_NEXT: Final = 9
"""The first nanosecond of the next tick."""
HEAD_PATH: Final = 10
"""0: every arm is drawn. 1: leaders are drawn, the block is thinned."""
HEAD_LEADERS: Final = 11
HEAD_DUE: Final = 12
"""The number of updates at which the index is considered anew."""
HEAD_TOTAL: Final = 13
"""Sum of the block's rates."""
HEAD_BOOSTED: Final = 14
"""How many arms have a shape below one."""
HEAD_DIM: Final = 15
HEAD_UPDATES: Final = 16
"""Rewards taken: the total of UCB1."""
HEAD_SIZE: Final = 24

# Evidence of a Beta posterior, float64 (4, P): the prior, and what was added, in units of the landmark.
EVIDENCE_PRIOR_A: Final = 0
EVIDENCE_PRIOR_B: Final = 1
EVIDENCE_A: Final = 2
EVIDENCE_B: Final = 3

# Parameters, float64 (PARAMETERS,).
LEVEL: Final = 0
"""The thinning level t*, on the logit scale."""
LEVEL_RATIO: Final = 1
"""exp(t*)."""
LEVEL_NONE: Final = 2
"""exp(-total rate): the chance of no thinning point."""
NOISE_VARIANCE: Final = 3
PRIOR_PRECISION: Final = 4
EPSILON_SHARE: Final = 5
PARAMETERS: Final = 8
