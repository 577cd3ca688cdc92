"""What the kernels are told of an allocator."""

from __future__ import annotations

from typing import Final

import numpy as np

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation._law import seed_of
from armwise.experiments.allocation.table import OUTSIDE, Table
from armwise_kernels.allocation import AllocationSpec
from armwise_kernels.protocol import Kernels

__all__ = ["modulo_spec", "range_spec"]

_GREATEST_TOTAL: Final = (1 << 63) - 1
_LAST: Final = (1 << 64) - 1


def range_spec(config: Config, table: Table, kernels: Kernels) -> AllocationSpec:
    """Return the spec of a range table."""
    return AllocationSpec(
        seed=seed_of(kernels, "variant", config.experiment_id, config.seed_salt),
        bounds=table.bounds(),
        codes=table.codes(),
        labels=tuple(config.weights),
        namespace=_namespace(config, kernels),
    )


def modulo_spec(config: Config, kernels: Kernels) -> AllocationSpec:
    """Return the spec of the modulo law: cumulative whole weights, each with its rest outside.

    Raises
    ------
    ConfigurationError
        If a weight or its covered part is not whole, or their sum is above 2**63 - 1.
    """
    total = 0
    lasts: list[int] = []
    codes: list[int] = []
    for code, (variant, weight) in enumerate(config.weights.items()):
        held = weight * config.coverage
        if weight.denominator != 1 or held.denominator != 1:
            msg = (
                f"{variant!r} has the weight {weight} at a coverage of {config.coverage}; under the modulo law both the"
                " weight and its covered part are whole numbers: give larger weights, or take the range law"
            )
            raise ConfigurationError(msg)
        for part, served in ((int(held), code), (int(weight - held), OUTSIDE)):
            if part:
                total += part
                lasts.append(total - 1)
                codes.append(served)
    if total > _GREATEST_TOTAL:
        msg = f"the weights sum to {total:,}; under the modulo law they sum to at most 2**63 - 1"
        raise ConfigurationError(msg)
    return AllocationSpec(
        seed=seed_of(kernels, "variant", config.experiment_id, config.seed_salt),
        bounds=np.array([*lasts[:-1], _LAST], dtype=np.uint64),
        codes=np.array(codes, dtype=np.int32),
        labels=tuple(config.weights),
        modulo=total,
        namespace=_namespace(config, kernels),
    )


def _namespace(config: Config, kernels: Kernels) -> tuple[int, int, int] | None:
    """The seed, the first and the last hash of the namespace."""
    if config.namespace is None:
        return None
    return (seed_of(kernels, "namespace", config.namespace.id), *config.namespace.hashes())
