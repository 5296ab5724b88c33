"""What an order is made from: the tip of a branch, a Git tag, or a commit. Asks Git: not inside a transaction."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from components.live_reads import UnfitName, ask_git, ensure_given, is_tag_name, resolve, unfit_like
from components.models import Component
from components.selectors import current_settings
from deployer.interfaces import FoundCommit, GitTag
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

USUAL_BRANCHES = ("master", "main", "trunk", "develop")


@dataclass(frozen=True)
class Origin:
    """``commit`` (40 hex digits) is on ``branch``, and on each of ``branches`` where a tag or a commit was asked for.

    ``is_fixed``: the order is for this commit. A branch's order is for the tip that its first build finds, so its
    ``commit`` is what Git says now, and empty where Git does not say.
    """

    branch: str
    commit: str = ""
    git_tag: str = ""
    branches: tuple[str, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """From a Git tag or a commit."""
        return bool(self.branches)


def find_origin(component: Component, *, branch: str = "", git_tag: str = "", commit: str = "") -> Origin:
    """The branch's tip, or the commit of a Git tag, or the commit that begins so, with a branch on which it lies.

    ``branch`` beside one of the others is the branch that it must lie on; ``commit`` beside a tag is what the tag must
    point to. Raises Invalid with the field, Refused 503 when nobody can tell.
    """
    branch, git_tag, commit = branch.strip(), git_tag.strip(), commit.strip().lower()
    if not git_tag and not commit:
        if not branch:
            raise Invalid({"branch": [_("Choose a branch, a Git tag or a commit.")]})
        return Origin(branch, resolve(component, branch).commit)
    found = _find_tagged(component, git_tag, commit) if git_tag else _find_commit(component, commit, "commit")
    if branch and branch not in found.branches:
        message = _("Commit %(commit)s is not on branch %(branch)s.", commit=found.commit[:7], branch=branch)
        raise Invalid({"branch": [message]})
    return Origin(branch or _usual(found.branches), found.commit, git_tag, found.branches)


def read_tag(component: Component, name: str, *, git_url: str = "") -> str:
    """The commit that a Git tag points to now; raises as :func:`find_origin` does."""
    return ask_git(component, git_url, lambda source: source.find_tag(name), field="git_tag").commit


def _find_tagged(component: Component, name: str, commit: str) -> FoundCommit:
    tagged = read_tag(component, name)
    if not tagged.startswith(commit):
        message = _("Git tag %(tag)s is at commit %(commit)s.", tag=name, commit=tagged[:12])
        raise Invalid({"commit": [message]})
    return _find_commit(component, tagged, "git_tag")


def _find_commit(component: Component, commit: str, field: str) -> FoundCommit:
    return ask_git(component, "", lambda source: source.find_commit(commit), field=field)


def _usual(branches: Sequence[str]) -> str:
    """The one that people would name: the usual one, or else the first."""
    return next((name for name in USUAL_BRANCHES if name in branches), branches[0])


# ---------------------------------------------------------------- Git tags to choose from
@dataclass(frozen=True)
class TagList:
    """Git tags, those with the highest numbers first; with a ``reason`` the remote did not answer."""

    tags: tuple[GitTag, ...] = ()
    reason: MessageLike = ""
    unfit: tuple[str, ...] = ()
    """Names of Git tags that no order can be made from: they are seen, never built."""

    def like(self, text: str) -> list[GitTag]:
        """Those that have the text in their name."""
        return [tag for tag in self.tags if text.lower() in tag.name.lower()]

    def unfit_like(self, text: str = "") -> list[UnfitName]:
        """Of the others those that have the text in their name, with why nothing builds them."""
        return unfit_like(self.unfit, text)


_KEPT_SECONDS = 15.0
_MOST_KEPT = 64
_kept: dict[str, tuple[float, TagList]] = {}
_lock = threading.Lock()


def git_tags(component: Component, *, is_fresh: bool = False) -> TagList:
    """The repository's Git tags; an answer of the last 15 s will do, because a search asks at every key.

    ``is_fresh``: ask now. Never raises for a remote that is away or a URL that is not set.
    """
    settings = current_settings(component)
    url = settings.git_url if settings else ""
    now = time.monotonic()
    try:
        ensure_given(component, url)
    except Refused as refusal:
        return TagList(reason=refusal.message)
    with _lock:
        asked_at, kept = _kept.get(url, (0.0, TagList()))
    if asked_at and now - asked_at < _KEPT_SECONDS and not is_fresh:
        return kept
    try:
        found = _split(ask_git(component, url, lambda source: source.git_tags(), field="git_tag"))
    except Refused as refusal:
        return TagList(reason=refusal.message)
    except Invalid as refusal:
        return TagList(reason=refusal.fields["git_tag"][0])
    with _lock:
        _kept[url] = (now, found)
        for oldest in list(_kept)[:-_MOST_KEPT]:
            del _kept[oldest]
    return found


def _split(tags: Sequence[GitTag]) -> TagList:
    unfit = tuple(tag.name for tag in tags if not is_tag_name(tag.name))
    return TagList(_by_number([tag for tag in tags if is_tag_name(tag.name)]), unfit=unfit)


def _by_number(tags: Sequence[GitTag]) -> tuple[GitTag, ...]:
    """``v1.10`` before ``v1.9``: what was tagged last has the highest number in most repositories."""
    return tuple(sorted(tags, key=lambda tag: _numbers(tag.name), reverse=True))


def _numbers(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part]
