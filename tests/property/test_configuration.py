"""Settings of any shape are read, or refused by an error of ours."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from armwise.config import load
from armwise.errors import ArmwiseError, ConfigurationError
from armwise.learning import check_config

NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans(), st.just(10**400))
SCALARS = st.one_of(st.none(), NUMBERS, st.text(max_size=5), st.characters(categories=["Cs"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=10,
)


def sometimes(strategy):
    return strategy | VALUES


POLICIES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["thompson", "epsilon_greedy", "ucb1", "lints", "lints_diag"])},
    optional={
        "arms": sometimes(st.lists(SCALARS, max_size=3)),
        "seed": NUMBERS,
        "prior": sometimes(st.lists(NUMBERS, max_size=3)),
        "half_life": NUMBERS,
        "epsilon": NUMBERS,
        "dim": st.integers(-2, 40),
        "sigma": NUMBERS,
    },
)
DOMAINS = st.fixed_dictionaries(
    {},
    optional={
        "policy": sometimes(POLICIES),
        "default": SCALARS,
        "activation": sometimes(st.dictionaries(st.sampled_from(["margin", "alpha", "minimum"]), NUMBERS)),
        "priors": sometimes(st.dictionaries(SCALARS, st.lists(NUMBERS, max_size=2), max_size=2)),
    },
)
EXPERIMENTS = st.fixed_dictionaries(
    {
        "id": st.text(max_size=3),
        "control": st.just("a"),
        "variants": st.dictionaries(st.sampled_from("ab"), VALUES | POLICIES),
    },
    optional={
        "weights": sometimes(st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS})),
        "coverage": NUMBERS,
        "guard": VALUES,
        "stopping": sometimes(st.dictionaries(st.sampled_from(["alpha", "kind", "bounds", "tuned_at"]), VALUES)),
        "auto_activate_after": NUMBERS,
    },
)
SETTINGS = st.fixed_dictionaries(
    {"schema_version": st.just(1)},
    optional={
        "domains": sometimes(st.dictionaries(st.text(max_size=3), sometimes(DOMAINS), max_size=2)),
        "tenant": sometimes(st.dictionaries(st.sampled_from(["tenant", "workspace"]), SCALARS)),
        "rewards": sometimes(
            st.dictionaries(st.sampled_from(["max_cost", "cost_weight"]), NUMBERS).map(
                lambda one: {"kind": "composite"} | one
            )
        ),
        "shields": sometimes(st.dictionaries(st.sampled_from(["budget_usd", "latency_ms"]), NUMBERS)),
        "experiments": sometimes(st.lists(EXPERIMENTS, max_size=2)),
        "snapshots": VALUES,
        "stores": VALUES,
        "tracing": VALUES,
        "flags": VALUES,
    },
)


@given(SETTINGS)
def test_settings_are_taken_or_refused_and_nothing_else(settings):
    with contextlib.suppress(ConfigurationError):
        check_config(settings)


@given(VALUES)
def test_what_is_no_setting_is_refused(value):
    with contextlib.suppress(ConfigurationError):
        load({"schema_version": 1, "domains": value, "rewards": value})


def test_files_of_any_bytes_are_taken_or_refused(tmp_path):
    path = tmp_path / "armwise.yaml"

    @given(st.binary(max_size=40) | st.text(alphabet="{}[]:,&*!|>'\"\n #-?%@`0aé", max_size=40).map(str.encode))
    def check(data):
        path.write_bytes(b"schema_version: 1\n" + data)
        with contextlib.suppress(ArmwiseError):
            load(path)

    check()
