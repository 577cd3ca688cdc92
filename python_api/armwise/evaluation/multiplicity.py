"""Several hypotheses at once: adjusted p-values, each to be compared with the level that all are to keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from armwise.evaluation._numbers import column
from armwise.types import FloatArray

__all__ = ["benjamini_hochberg", "holm"]


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjust p-values so that the chance of any false rejection keeps the level.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        Each in [0, 1]; of any dependence.

    Returns
    -------
    ndarray of float64, shape (m,)
        Adjusted p-values in the order given: reject where one is at most alpha.

    Raises
    ------
    ConfigurationError
        If one is outside [0, 1].

    Notes
    -----
    Holm (1979): the running maximum of (m - i + 1) p_(i) over the sorted p-values. It rejects whatever
    Bonferroni's m p rejects, and more.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = column("p_values", p_values, 0.0, 1.0)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> FloatArray:
    """Adjust p-values so that the expected share of false rejections among all rejections keeps the level.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        Each in [0, 1]; independent, or positively dependent (Benjamini & Yekutieli 2001).

    Returns
    -------
    ndarray of float64, shape (m,)
        Adjusted p-values in the order given: reject where one is at most the false discovery rate.

    Raises
    ------
    ConfigurationError
        If one is outside [0, 1].

    Notes
    -----
    Benjamini & Hochberg (1995): the running minimum, from the greatest down, of m p_(i) / i.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    p = column("p_values", p_values, 0.0, 1.0)
    order = np.argsort(p, kind="stable")[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * (p.size / np.arange(p.size, 0, -1))), 1.0)
    return adjusted
