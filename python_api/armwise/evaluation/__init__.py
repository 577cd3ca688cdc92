"""What data say, and how sure that is: off-policy estimators, intervals, and inference for experiments."""

from __future__ import annotations

from armwise.evaluation.adaptive import AdaptiveEstimate, aipw, batched_ols
from armwise.evaluation.bayes import BetaLaw, NormalLaw, chance_to_beat, expected_loss
from armwise.evaluation.best_arm import BestArm
from armwise.evaluation.confidence_sequences import ConfidenceBounds, ConfidenceSequence, DifferenceSequence
from armwise.evaluation.cuped import Cuped, CupedDifference, cuped_difference
from armwise.evaluation.estimate import THRESHOLDS, Estimate, EstimateWarning, Overlap, overlap
from armwise.evaluation.intervals import Interval, mean_interval, normal_quantile, student_quantile
from armwise.evaluation.model_based import dm, dr, expected_rewards, switch_dr
from armwise.evaluation.multiplicity import benjamini_hochberg, holm
from armwise.evaluation.off_policy import clipped_ips, ips, snips
from armwise.evaluation.ratio_mismatch import RatioTest, SequentialSampleRatio, sample_ratio_test
from armwise.evaluation.rejection import replay
from armwise.evaluation.tables import FittedMeans, RunningMeans, arm_frequencies, fit_means

__all__ = [
    "THRESHOLDS",
    "AdaptiveEstimate",
    "BestArm",
    "BetaLaw",
    "ConfidenceBounds",
    "ConfidenceSequence",
    "Cuped",
    "CupedDifference",
    "DifferenceSequence",
    "Estimate",
    "EstimateWarning",
    "FittedMeans",
    "Interval",
    "NormalLaw",
    "Overlap",
    "RatioTest",
    "RunningMeans",
    "SequentialSampleRatio",
    "aipw",
    "arm_frequencies",
    "batched_ols",
    "benjamini_hochberg",
    "chance_to_beat",
    "clipped_ips",
    "cuped_difference",
    "dm",
    "dr",
    "expected_loss",
    "expected_rewards",
    "fit_means",
    "holm",
    "ips",
    "mean_interval",
    "normal_quantile",
    "overlap",
    "replay",
    "sample_ratio_test",
    "snips",
    "student_quantile",
    "switch_dr",
]
