"""What a rollout is doing and, when it does not work, why: pure functions of the cluster's objects and the clock."""

from deployer.verdict.judge import judge, progress_mark
from deployer.verdict.refusals import QuotaRefusal, parse_quota_refusal
from deployer.verdict.sentences import NEXT_STEPS, SENTENCES

__all__ = ["NEXT_STEPS", "SENTENCES", "QuotaRefusal", "judge", "parse_quota_refusal", "progress_mark"]
