"""The environment of one git command: no settings but ours, credentials only in the child and only while it lives."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployer.adapters.git.grammar import RepositoryUrl
from deployer.errors import Rejected
from deployer.interfaces import SourceTarget
from deployer.sentences import say as _

# git starts this to ask for what a person would type. It reads its own environment, which only git's children share.
_ASKPASS = """#!/bin/sh
case "$1" in
    Username*) printf '%s\\n' "$SOURCE_USERNAME" ;;
    *) printf '%s\\n' "$SOURCE_PASSWORD" ;;
esac
"""
_USERNAME = re.compile(r"[^\x00-\x1f\x7f]{0,200}")
_SSH_USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")

_SETTINGS = {
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "15",
    "credential.helper": "",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "protocol.version": "2",
    "gc.autoDetach": "false",
    "gc.pruneExpire": "never",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "safe.directory": "*",
}


def offline_environment() -> dict[str, str]:
    """For commands on the mirror: no transport at all, so a missing object is an answer and not a download."""
    return _environment({}, protocols="none")


@contextmanager
def online_environment(target: SourceTarget, url: RepositoryUrl) -> Iterator[dict[str, str]]:
    """For commands that speak to the server; files with keys live only inside the ``with``, in a folder of mode 0700.

    Raises Rejected for credentials that cannot be passed on (line breaks).
    """
    if not _USERNAME.fullmatch(target.username) or not _USERNAME.fullmatch(target.password[:200]):
        raise Rejected(_("The Git server's user or password holds line breaks or control characters."))
    with tempfile.TemporaryDirectory(prefix="source-") as folder:
        place = Path(folder)
        extra: dict[str, str] = {}
        settings: dict[str, str] = {}
        if target.ca_pem:
            settings["http.sslCAInfo"] = str(_write(place / "ca.pem", target.ca_pem, 0o600))
        if url.scheme == "ssh":
            extra["GIT_SSH_COMMAND"] = _ssh_command(target, place)
        elif target.username or target.password:
            extra |= {
                "GIT_ASKPASS": str(_write(place / "askpass", _ASKPASS, 0o700)),
                "SOURCE_USERNAME": target.username or "oauth2",
                "SOURCE_PASSWORD": target.password,
            }
        yield {**_environment(settings, protocols=url.scheme), **extra}


def _environment(settings: Mapping[str, str], *, protocols: str) -> dict[str, str]:
    merged = {**_SETTINGS, **settings}
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_CONFIG_COUNT": str(len(merged)),
    }
    for number, (name, value) in enumerate(merged.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _ssh_command(target: SourceTarget, place: Path) -> str:
    """ssh without any of the machine's own settings; a host's key is remembered beside the mirror at first sight."""
    if target.username and not _SSH_USERNAME.fullmatch(target.username):
        raise Rejected(_("The Git server's user is not a valid login name for SSH."))
    known = Path(target.mirror_dir) / "known_hosts"
    options = ["BatchMode=yes", "ConnectTimeout=5", "StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}"]
    words = ["ssh", "-F", "/dev/null", "-l", target.username or "git"]
    for option in [*options, "IdentitiesOnly=yes", "ForwardAgent=no", "ClearAllForwardings=yes"]:
        words += ["-o", option]
    if target.ssh_key:
        words += ["-i", str(_write(place / "key", target.ssh_key.rstrip("\n") + "\n", 0o600))]
    return shlex.join(words)


def _write(path: Path, content: str, mode: int) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as target:
        target.write(content)
    return path
