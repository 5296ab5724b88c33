"""The entry of an application: what is asked there after a rollout, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.messages import Message

MOST_BODY_BYTES = 64 * 1024
ASK_SECONDS = 5.0
"""Longest time of one question, redirects included."""
MOST_REDIRECTS = 5


@dataclass(frozen=True)
class EntryAnswer:
    """What came back. ``code`` is ``answered``, or why there is no answer (a cause of ``deployer.verdict``).

    ``body`` has at most 64 KiB; names of ``headers`` are in lower case. ``seconds`` is how long it took. ``leads_to``
    is where a redirect leads that was not followed. ``is_asked`` False: the application never got the question, so it
    says nothing of it.
    """

    code: str = "answered"
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    leads_to: str = ""
    words: Message | str = ""
    is_asked: bool = True


@dataclass(frozen=True)
class EntryTarget:
    """A URL to ask. ``addresses`` are those that its host was allowed with: no other is connected to.

    ``key`` is empty: one component's entry that is away says nothing of others.
    """

    url: str
    addresses: tuple[str, ...]
    key: str = ""
