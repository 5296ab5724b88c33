"""The entry check of a deployment: waited for, passed, failed, or not to be asked, with the last answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.dateparse import parse_datetime

from components.entry_words import summary_of
from components.models import EntryCheck
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE
from releases.models import Deployment
from releases.presenters.words import Diagnosis, diagnosis_of

_WORDS: dict[str, MessageLike] = {
    "waiting": _("asking the entry"),
    "passed": _("the entry answers as expected"),
    "failed": _("the entry does not answer as expected"),
    "unasked": _("the entry could not be asked"),
    "skipped": _("the entry was not asked: no pod is wanted"),
    "coming": _("the entry is asked once all pods are ready"),
}
_TONES = {"waiting": "running", "passed": "succeeded", "failed": "failed", "unasked": "errored"}


@dataclass(frozen=True)
class EntryShown:
    """``state``: of ``Deployment.entry``, or coming; ``tone`` is the badge's. ``last``: why the last answer was wrong.

    ``seconds`` is how long the last answer took; 0 where there was none.
    """

    state: str
    tone: str
    word: MessageLike
    wanted: str
    where: str
    since: datetime | None
    failing_since: datetime | None
    asked: int
    status: int
    seconds: float
    last: Diagnosis | None


def entry_of(deployment: Deployment) -> EntryShown | None:
    """What to show of it; None where the snapshot asks for none, or the deployment ended before it was asked."""
    check: EntryCheck | None = deployment.snapshot.entry_check if deployment.snapshot else None
    stored = deployment.entry
    state = str(stored.get("state") or ("coming" if deployment.state in ACTIVE else ""))
    if check is None or not state:
        return None
    if state == "waiting" and deployment.state not in ACTIVE:
        # Cancelled, or ended for another cause, while it was asked.
        return None
    return EntryShown(
        state=state,
        tone=_TONES.get(state, "waiting"),
        word=_WORDS.get(state, state),
        wanted=summary_of(check),
        where=str(stored.get("where") or ""),
        since=parse_datetime(str(stored.get("since") or "")),
        failing_since=parse_datetime(str(stored.get("failing_since") or "")),
        asked=int(stored.get("asked") or 0),
        status=int(stored.get("status") or 0),
        seconds=float(stored.get("seconds") or 0),
        last=diagnosis_of(stored.get("diagnosis")),
    )
