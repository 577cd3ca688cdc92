"""Columns of every posterior: growing, coming and going, and what stands behind the arms."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import ConfigurationError
from armwise.posteriors import BetaPosterior, DiagonalPosterior, FullPosterior, MeanPosterior
from armwise_kernels import law

MAKERS = {
    "beta": lambda n: BetaPosterior(n, prior=(0.5, 3.0), half_life=0),
    "diagonal": lambda n: DiagonalPosterior(n, dim=3, sigma=0.5, prior_precision=2.0, half_life=0),
    "full": lambda n: FullPosterior(n, dim=3, sigma=0.5, prior_precision=2.0),
    "means": MeanPosterior,
}
PRIORS = {"beta": (4.0, 5.0), "diagonal": (1.0, 6.0), "full": (1.0, 6.0), "means": (0.25, 8)}


@pytest.fixture(params=MAKERS)
def kind(request):
    return request.param


def column(posterior, position):
    """All that the arrays hold of a column, beside its slot and stamp."""
    held = []
    for array in posterior.arrays()[4:]:
        if array.dtype == np.int32:  # the leaders, which are no columns
            continue
        if array.shape[-1] == law.LANES and array.ndim > 2:  # blocks
            held.append(array[position // law.LANES, ..., position % law.LANES])
        elif array.ndim == 2 and array.shape[0] in {law.BETA_ROWS, 4}:
            held.append(array[:, position])
        elif len(array) == len(posterior.slots):
            held.append(array[position])
    return np.concatenate([np.ravel(part).astype(float) for part in held])


@pytest.mark.parametrize("arms", [0, 1, 7, 8, 9, 100])
def test_behind_the_arms_stands_the_prior(kind, arms):
    posterior = MAKERS[kind](arms)
    assert posterior.count == arms
    assert len(posterior.slots) % law.LANES == 0
    assert len(posterior.slots) > arms
    assert posterior.slots[:arms].tolist() == list(range(arms))
    prior = column(posterior, len(posterior.slots) - 1)
    for position in range(len(posterior.slots)):
        assert column(posterior, position).tolist() == prior.tolist()


def test_columns_grow_and_keep_what_they_hold(kind):
    posterior = MAKERS[kind](5)
    prior = column(posterior, 5)
    posterior.set_prior(3, PRIORS[kind])
    own = column(posterior, 3)
    assert own.tolist() != prior.tolist()
    for i in range(60):
        posterior.append()
        assert posterior.count == 6 + i < len(posterior.slots)
        assert column(posterior, 3).tolist() == own.tolist()
        assert column(posterior, 5 + i).tolist() == prior.tolist()
        assert column(posterior, len(posterior.slots) - 1).tolist() == prior.tolist()
    assert posterior.slots[:65].tolist() == list(range(65))
    assert posterior.version == 0
    for array in posterior.arrays():
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_columns_close_up(kind):
    posterior = MAKERS[kind](20)
    posterior.set_prior(11, PRIORS[kind])
    own, prior = column(posterior, 11), column(posterior, 0)
    for gone, left in ((0, 10), (18, 10), (3, 9), (17 - 3, 9)):
        posterior.remove(gone)
        assert column(posterior, left).tolist() == own.tolist()
    assert posterior.count == 16
    assert posterior.next_slot == 20
    assert posterior.slots[9] == 11
    assert posterior.version == 4
    posterior.remove(9)
    for position in range(len(posterior.slots)):
        assert column(posterior, position).tolist() == prior.tolist()
    for _ in range(15):
        posterior.remove(0)
    assert posterior.count == 0
    for array in posterior.arrays():
        assert array.flags.c_contiguous


def test_priors_are_checked_without_being_set(kind):
    posterior = MAKERS[kind](2)
    before = column(posterior, 1).tolist()
    posterior.check_prior(PRIORS[kind])
    with pytest.raises(ConfigurationError, match="prior"):
        posterior.check_prior("x")
    assert column(posterior, 1).tolist() == before


def test_room():
    posterior = MeanPosterior(3)
    posterior.check_room(law.MAX_ARMS - 3)
    with pytest.raises(ConfigurationError, match="split the domain"):
        posterior.check_room(law.MAX_ARMS - 2)


@pytest.mark.parametrize("key", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -1])
def test_keys_are_kept_as_bits(key):
    posterior = MeanPosterior(1)
    posterior.move(5, 7, key)
    assert posterior.head[law.HEAD_KEY].astype(np.uint64) == key % (1 << 64)
    assert (posterior.stream, posterior.counter) == (5, 7)
    other = posterior.on_stream(6, 1)
    assert (other[law.HEAD_STREAM], other[law.HEAD_COUNTER]) == (6, 7)
    assert posterior.stream == 5


def test_starting_over_an_arm_with_a_start():
    """The total counts what the arms count, whatever an arm held before."""
    posterior = MeanPosterior(1)
    posterior.set_prior(0, (0.5, 10))
    posterior.set_prior(0, (0.5, 4))
    assert posterior.head[law.HEAD_UPDATES] == 4
