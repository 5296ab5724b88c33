"""What the command line chose, for every part that needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``url`` is our own address with a trailing slash. ``labels`` None: the node answers to every label."""

    url: str
    state: Path
    user: str
    token: str = field(repr=False)
    builder: str = "packer"
    executors: int = 2
    version: str = "2.568.2"
    quiet_period_ms: int = 5000
    labels: frozenset[str] | None = None
    claim_pause_seconds: float = 2.0
    admin: str = ""
    """An account that may do everything. Where there is one, ``user`` may not configure, nor see plugins and
    credentials; where there is none, ``user`` may."""
    admin_token: str = field(default="", repr=False)
    folders: frozenset[str] = frozenset()

    def token_of(self, user: str) -> str:
        """Empty for an account that there is not."""
        known = {self.user: self.token} | ({self.admin: self.admin_token} if self.admin else {})
        return known.get(user, "")

    def may_administer(self, user: str) -> bool:
        """Job/Create and Configure, Overall/SystemRead, Credentials/View."""
        return user == (self.admin or self.user)


def is_legacy_log(version: str) -> bool:
    """progressiveText as it was before 2.509."""
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) < (2, 509)
