"""What a rollout is doing and, when it does not work, why: pure functions of the cluster's objects and the clock."""

from deployer.verdict.evidence import refine_by_log
from deployer.verdict.judge import has_progressed, judge, progress_mark
from deployer.verdict.messages import MESSAGES, NEXT_STEPS, cause_message, next_step_message
from deployer.verdict.outside import AppliedWorkload, Hand, hand_of, is_scaler
from deployer.verdict.refusals import QuotaRefusal, parse_quota_refusal

__all__ = [
    "MESSAGES",
    "NEXT_STEPS",
    "AppliedWorkload",
    "Hand",
    "QuotaRefusal",
    "cause_message",
    "hand_of",
    "has_progressed",
    "is_scaler",
    "judge",
    "next_step_message",
    "parse_quota_refusal",
    "progress_mark",
    "refine_by_log",
]
