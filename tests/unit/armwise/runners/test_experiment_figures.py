from __future__ import annotations

import numpy as np
import pytest

from armwise.errors import PropensityError
from armwise.evaluation.confidence_sequences import ConfidenceSequence, DifferenceSequence
from armwise.experiments.statistics import Statistics
from armwise.runners import _experiment_figures
from armwise.runners._experiment_figures import Moments, bayes_of, curves_of, difference_span, mean_span
from armwise.runners._timeline import Timeline


def moments_of(values):
    statistics = Statistics()
    for value in values:
        statistics.add(float(value))
    return Moments.of(statistics)


@pytest.fixture(scope="module")
def streams():
    rng = np.random.default_rng(0)
    return (rng.random(3000) < 0.2).astype(float), (rng.random(3000) < 0.3).astype(float)


def test_moments_are_those_of_the_values(streams):
    found = moments_of(streams[0])
    assert (found.n, found.binary) == (3000, True)
    assert found.mean == pytest.approx(streams[0].mean())
    assert found.deviation == pytest.approx(streams[0].std(ddof=1) / 3000**0.5)
    assert not moments_of([0.0, 1.0, 0.5]).binary
    assert not moments_of([0.0, 2.0, -1.0]).binary
    assert moments_of([]).mean is None
    assert moments_of([1.0]).deviation is None


def test_intervals_are_those_of_the_sequences(streams):
    moments = [moments_of(stream) for stream in streams]
    sequence = ConfidenceSequence(0.05)
    sequence.update_many(streams[0])
    assert mean_span(moments[0], 0.05) == pytest.approx(tuple(sequence.interval))
    difference = DifferenceSequence(0.025)
    difference.update_many(np.concatenate(streams), np.repeat([0, 1], 3000))
    assert difference_span(*moments, 0.025) == pytest.approx(tuple(difference.interval))


def test_the_posterior_is_beta_where_rewards_are_binary(streams):
    chance, loss = bayes_of(*(moments_of(stream) for stream in streams))
    assert chance > 0.999
    assert 0.0 <= loss < 1e-6
    assert bayes_of(moments_of([0, 1]), moments_of([1, 1]))[0] == pytest.approx(0.8)


def test_the_posterior_is_normal_elsewhere():
    low, high = moments_of([0.0, 0.5, 1.0, 1.5]), moments_of([1.0, 1.5, 2.0, 2.5])
    chance, loss = bayes_of(low, high)
    assert 0.95 < chance < 1.0
    assert 0.0 < loss < 0.01
    assert bayes_of(low, moments_of([3.0])) == (None, None)
    assert bayes_of(moments_of([2.0, 2.0]), moments_of([3.0, 3.0])) == (None, None)


def test_where_beta_laws_cannot_be_compared_normal_ones_are(streams, monkeypatch):
    def refuse(*laws):
        if type(laws[0]).__name__ == "BetaLaw":
            raise PropensityError
        return 0.75

    monkeypatch.setattr(_experiment_figures, "chance_to_beat", refuse)
    assert bayes_of(*(moments_of(stream) for stream in streams))[0] == 0.75


def test_curves_end_where_the_figures_stand(streams):
    timeline = Timeline()
    for turn, values in enumerate(zip(*streams, strict=True)):
        for name, value in zip("ab", values, strict=True):
            timeline.serve(10**18 + turn * 10**9, name)
            timeline.reward(10**18 + turn * 10**9, name, value, regret=0.5 * (name == "b"))
    columns = timeline.columns(["a", "b", "never"])
    curves = curves_of(columns, 0, (0.05, 0.025))
    assert 100 < len(curves.time) <= 160
    assert curves.mean[-1, :2] == pytest.approx([stream.mean() for stream in streams])
    moments = [moments_of(stream) for stream in streams]
    assert (curves.mean_lower[-1, 0], curves.mean_upper[-1, 0]) == pytest.approx(tuple(mean_span(moments[0], 0.05)))
    last = curves.difference_lower[-1, 1], curves.difference_upper[-1, 1]
    assert last == pytest.approx(tuple(difference_span(*moments, 0.025)))
    assert np.isnan(curves.difference[:, 0]).all()
    assert np.isnan(curves.mean[:, 2]).all()
    assert curves.share[-1].tolist() == pytest.approx([0.5, 0.5, 0.0], abs=0.01)
    assert curves.regret[-1].tolist() == [0.0, 1500.0, 0.0]


def test_a_span_without_decisions_has_no_share():
    timeline = Timeline()
    timeline.serve(0, "a")
    timeline.reward(10**12, "a", 1.0, regret=0.0)
    curves = curves_of(timeline.columns(["a", "b"]), 1, (0.05, 0.05))
    assert curves.share[0].tolist() == [1.0, 0.0]
    assert np.isnan(curves.share[1]).all()
    assert np.isnan(curves.difference).all()
