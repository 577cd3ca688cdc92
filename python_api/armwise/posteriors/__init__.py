"""What is known of each arm: posteriors own the arrays, kernels borrow them, policies decide by them."""

from __future__ import annotations

from armwise.posteriors.beta import BetaPosterior
from armwise.posteriors.linear import DiagonalPosterior, FullPosterior, LinearPosterior
from armwise.posteriors.means import MeanPosterior

__all__ = ["BetaPosterior", "DiagonalPosterior", "FullPosterior", "LinearPosterior", "MeanPosterior"]
