"""Reads of Git that a person waits for: at most 5 s, and the last stored answer with its age when the remote is away.

Never call these inside a transaction, nor on an event loop.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext_noop

from components.checkout import notes_of
from components.models import BranchTip as StoredTip
from components.models import Component
from components.selectors import current_settings, stored_branches
from components.targets import NOT_GIVEN, explain_unlisted, git_server_of, source_target
from deployer.adapters import git
from deployer.errors import DeployerError, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import BranchTip, CommitFacts, LeftOut
from deployer.messages import Message
from foundation.clock import db_now
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

READ_SECONDS = 5.0
_TOO_MANY = gettext_noop("Too many people are waiting for Git servers that do not answer. Try again in a few seconds.")
_TOO_SLOW = gettext_noop("The Git server did not answer within %(seconds)s seconds. Try again in a moment.")
_MOST_READS = 16
_slots = threading.BoundedSemaphore(_MOST_READS)

_left_out: dict[tuple[str, str], LeftOut] = {}
_MOST_KEPT = 256

T = TypeVar("T")


@dataclass(frozen=True)
class UnfitName:
    """A branch or Git tag that nothing builds, and why."""

    name: str
    reason: MessageLike


@dataclass(frozen=True)
class BranchList:
    """Branches by name. With a ``reason`` the remote did not answer: this is what it said at ``seen_at``."""

    tips: tuple[BranchTip, ...]
    seen_at: datetime | None
    reason: MessageLike = ""
    unfit: tuple[str, ...] = ()
    """Names of branches that Jenkins and a shell may not both read as the same name: they are seen, never built."""

    def unfit_like(self, text: str = "") -> list[UnfitName]:
        """Those that have the text in their name, with why nothing builds them."""
        return unfit_like(self.unfit, text)

    @property
    def is_stale(self) -> bool:
        """True when the remote did not answer just now."""
        return bool(self.reason)


@dataclass(frozen=True)
class CommitList:
    """Commits, newest first; with ``reason`` none could be read."""

    commits: tuple[CommitFacts, ...]
    reason: MessageLike = ""


def is_tag_name(name: str) -> bool:
    """True for the name of a Git tag that an order can be made from."""
    return git.is_tag_name(name)


def unfit_like(names: Iterable[str], text: str) -> list[UnfitName]:
    """Of names that nothing builds those that have the text in them, each once, cut where they are long."""
    cut = dict.fromkeys(map(_cut, names))
    return [UnfitName(name, git.why_unfit(name)) for name in cut if text.lower() in name.lower()]


def branches(component: Component, *, max_age_seconds: float = 0) -> BranchList:
    """All branches with their tips; never raises for a remote that is away or a URL that is not set.

    ``max_age_seconds`` lets a search that asks at every key use an answer that is still young.
    """
    url = _git_url(component)
    if not url:
        return BranchList((), None, _("The component has no Git URL yet."))
    if refusal := _not_given(component, url):
        return BranchList((), None, refusal.message)
    young = _stored(url)
    if young.seen_at and db_now() - young.seen_at < timedelta(seconds=max_age_seconds):
        return _told(young, component, url)
    try:
        target = source_target(url, component.project)
        tips = _within(READ_SECONDS, lambda: git.connect(target).heads())
    except Refused as exc:
        return _stored(url, _explained(url, exc).message)
    except DeployerError as exc:
        return _stored(url, as_message(exc))
    kept = _storable(tips)
    return _split(kept, _store(url, kept))


def _told(young: BranchList, component: Component, url: str) -> BranchList:
    """What was brought of the repository since then may tell of its tips; that costs no question to the server."""
    if all(tip.commit_at for tip in young.tips):
        return young
    try:
        tips = git.connect(source_target(url, component.project)).tell(young.tips)
    except (Refused, DeployerError):
        return young
    return replace(young, tips=tips)


def store_tips(url: str, tips: tuple[BranchTip, ...]) -> None:
    """Keeps what a repository said of all its branches in place of its last answer."""
    _store(url, _storable(tips))


def known_branches(component: Component) -> BranchList:
    """What the remote said last, without asking it."""
    url = _git_url(component)
    refusal = _not_given(component, url)
    return BranchList((), None, refusal.message) if refusal else _stored(url)


def resolve(component: Component, branch: str, *, git_url: str = "") -> BranchTip:
    """The branch's tip as the remote says now; ``git_url`` where an order froze another one than the current.

    Raises Invalid(branch) for a branch that is not there, Refused 503 (code ``git-away``) when nobody can tell.
    """
    url = git_url or _git_url(component)
    tip = ask_git(component, url, lambda source: source.resolve(branch), field="branch")
    _write([_row(url, tip, db_now())])
    return tip


def contains(component: Component, branch: str, commit: str, *, git_url: str = "") -> bool:
    """Does the commit lie on the branch now? Raises as :func:`resolve` does."""
    return ask_git(component, git_url, lambda source: source.contains(branch, commit), field="branch")


def commits_between(component: Component, old: str, new: str, *, limit: int = 100, git_url: str = "") -> CommitList:
    """What ``new`` has that ``old`` has not; never raises for a remote that is away or a commit that is gone."""
    try:
        return CommitList(
            ask_git(component, git_url, lambda source: source.commits_between(old, new, limit=limit), field="commit")
        )
    except Refused as exc:
        return CommitList((), exc.message)
    except Invalid as exc:
        return CommitList((), exc.fields["commit"][0])


def checkout_notes(component: Component, commit: str) -> list[MessageLike]:
    """What the job's plain checkout of this commit leaves out and what to do; nothing where nobody can tell."""
    settings = current_settings(component)
    if settings is None:
        return []
    if _not_given(component, settings.git_url):
        return []
    # A commit never changes, and the page asks at every key.
    key = (settings.git_url, commit)
    found = _left_out.get(key)
    if found is None:
        try:
            found = _left_out[key] = ask_git(component, "", lambda source: source.left_out(commit), field="commit")
        except (Refused, Invalid):
            return []
        for oldest in list(_left_out)[:-_MOST_KEPT]:
            _left_out.pop(oldest, None)
    return notes_of(found, settings.build_command)


def ask_git(component: Component, git_url: str, question: Callable[[git.GitSource], T], *, field: str) -> T:
    """What the repository answers, within 5 s; raises Invalid(field) for its no, Refused 503 (``git-away``)."""
    url = git_url or _git_url(component)
    if not url:
        raise Refused(_("The component has no Git URL yet."), "git-url")
    try:
        target = source_target(url, component.project)
    except Refused as exc:
        raise _explained(url, exc) from exc
    try:
        return _within(READ_SECONDS, lambda: question(git.connect(target)))
    except (NotFound, Rejected) as exc:
        raise Invalid({field: [as_message(exc)]}) from exc
    except (Unavailable, OutcomeUnknown) as exc:
        raise Refused(as_message(exc), "git-away", status=503) from exc


def ensure_given(component: Component, git_url: str) -> None:
    """Raises Refused for a repository that is not the project's: before any answer that is kept by address.

    Answers are shared by all projects that build from an address, so each time it is asked who may see them.
    """
    if refusal := _not_given(component, git_url):
        raise refusal


def _not_given(component: Component, git_url: str) -> Refused | None:
    try:
        git_server_of(git_url, component.project)
    except Refused as refusal:
        return refusal if refusal.code == NOT_GIVEN else None
    return None


def _explained(url: str, refusal: Refused) -> Refused:
    """The refusal, with the setting behind it as far as DNS tells in time."""
    try:
        return _within(READ_SECONDS, lambda: explain_unlisted(url, refusal))
    except Unavailable:
        return refusal


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The call's answer, or Unavailable when it takes longer: the first copy of a large repository does.

    A daemon thread, so that a remote which hangs cannot keep this process from ending; it goes on to fill the mirror,
    and the next read finds it there.
    """
    if not _slots.acquire(timeout=seconds):
        raise Unavailable(Message(_TOO_MANY))
    answers: queue.SimpleQueue[tuple[bool, T | DeployerError]] = queue.SimpleQueue()

    def read() -> None:
        try:
            answers.put((True, call()))
        except DeployerError as exc:
            answers.put((False, exc))
        finally:
            _slots.release()

    threading.Thread(target=read, name="git-read", daemon=True).start()
    try:
        succeeded, answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise Unavailable(Message(_TOO_SLOW, {"seconds": f"{seconds:g}"})) from None
    if not succeeded:
        assert isinstance(answer, DeployerError)
        raise answer
    return answer  # type: ignore[return-value]


def _git_url(component: Component) -> str:
    settings = current_settings(component)
    return settings.git_url if settings else ""


def _stored(url: str, reason: MessageLike = "") -> BranchList:
    rows = stored_branches(url)
    tips = tuple(BranchTip(row.branch, row.commit, row.author, row.commit_at) for row in rows)
    return _split(tips, max((row.seen_at for row in rows), default=None), reason)


def _split(tips: tuple[BranchTip, ...], seen_at: datetime | None, reason: MessageLike = "") -> BranchList:
    fit = tuple(tip for tip in tips if git.is_branch_name(tip.name))
    unfit = tuple(tip.name for tip in tips if not git.is_branch_name(tip.name))
    return BranchList(fit, seen_at, reason, unfit)


def _storable(tips: tuple[BranchTip, ...]) -> tuple[BranchTip, ...]:
    """Each name once, as its column holds it.

    A long one is cut, which no branch that is built can be; bytes that are no UTF-8 can make two names look alike.
    """
    kept: dict[str, BranchTip] = {}
    for tip in tips:
        name = _cut(tip.name)
        kept.setdefault(name, replace(tip, name=name))
    return tuple(kept.values())


def _cut(name: str) -> str:
    return name[: git.LONGEST_BRANCH - 1] + "…" if len(name) > git.LONGEST_BRANCH else name


def _store(url: str, tips: tuple[BranchTip, ...]) -> datetime:
    """Keeps the answer in place of the one before it."""
    now = db_now()
    with transaction.atomic():
        _write([_row(url, tip, now) for tip in tips])
        StoredTip.objects.filter(git_url=url, seen_at__lt=now).delete()
    return now


def _row(url: str, tip: BranchTip, now: datetime) -> StoredTip:
    return StoredTip(
        git_url=url, branch=tip.name, commit=tip.commit, author=tip.author[:100], commit_at=tip.commit_at, seen_at=now
    )


def _write(rows: list[StoredTip]) -> None:
    """Inserts or updates them, in one statement for each 200."""
    StoredTip.objects.bulk_create(
        rows,
        batch_size=200,
        update_conflicts=True,
        unique_fields=["git_url", "branch"],
        update_fields=["commit", "author", "commit_at", "seen_at"],
    )
