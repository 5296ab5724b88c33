"""What one git command is given: which addresses, branch names and commit ids, and which environment.

There are no settings but ours, and credentials only in the child and only while it lives.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployer.dialing import Barred, addresses_of
from deployer.errors import Rejected, Unavailable
from deployer.interfaces import SourceTarget
from deployer.messages import Message
from deployer.messages import message as _

BRANCH_PATTERN = (
    r"(?![-/.@])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))"
    r"[A-Za-z0-9._/+@#=,-]{1,200}(?<![/.])"
)
"""Branch names that a build may have; to be used with ``re.fullmatch`` (``$`` would accept a trailing newline)."""

LONGEST_BRANCH = 200

_BRANCH = re.compile(BRANCH_PATTERN)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BEGINNING = re.compile(r"[0-9a-f]{7,40}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9A-Fa-f:.]{2,45}")
_PATH = re.compile(r"/[A-Za-z0-9._~%+@,=/-]+")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_VISIBLE = re.compile(r"[\x21-\x7e]{0,1000}")


def is_branch_name(name: str) -> bool:
    """True for a name that we list and build: ASCII, nothing that a shell or Git reads as more than a name."""
    return _BRANCH.fullmatch(name) is not None


def why_unfit(name: str) -> Message:
    """Why a branch of this name is not built, for a name that ``is_branch_name`` refuses."""
    if len(name) > LONGEST_BRANCH or name.endswith("…"):
        return _("Its name has more than %(count)s characters.", count=LONGEST_BRANCH)
    signs = "".join(dict.fromkeys(re.sub(r"[A-Za-z0-9._/+@#=,-]", "", name)))
    if signs:
        return _("Its name has signs that Jenkins and a shell may read otherwise: %(signs)s", signs=signs[:20])
    return _("A shell or Git may read its name as more than a name: a sign stands where it has a meaning.")


def check_branch(name: str) -> str:
    """The name; raises Rejected."""
    if not is_branch_name(name):
        raise Rejected(
            _("%(name)s cannot be a branch name: use letters, digits and . _ / + @ # = , -", name=repr(name[:80]))
        )
    return name


def is_tag_name(name: str) -> bool:
    """True for a Git tag's name that we list and take: as a branch's, and no reference written in full."""
    return is_branch_name(name) and not name.startswith("refs/")


def check_tag(name: str) -> str:
    """The name; raises Rejected."""
    if not is_tag_name(name):
        raise Rejected(
            _(
                "%(name)s cannot be a Git tag here: write its name alone, of letters, digits and . _ / + @ # = , -",
                name=repr(name[:80]),
            )
        )
    return name


def check_beginning(text: str) -> str:
    """7 to 40 lower case hex digits; raises Rejected."""
    if not _BEGINNING.fullmatch(text):
        raise Rejected(_("%(commit)s is not a commit: give at least 7 of its 40 hex digits.", commit=repr(text[:50])))
    return text


def check_commit(commit: str) -> str:
    """40 lower case hex digits; raises Rejected."""
    if not _COMMIT.fullmatch(commit):
        raise Rejected(_("%(commit)s is not a commit: give its 40 hex digits.", commit=repr(commit[:50])))
    return commit


@dataclass(frozen=True)
class RepositoryUrl:
    """A checked address: ``text`` as given, ``scheme`` http, https or ssh, ``host`` for messages."""

    text: str
    scheme: str
    host: str
    port: int


def check_url(url: str) -> RepositoryUrl:
    """Read a repository's address; raises Rejected with a message that repeats no part which may be a secret.

    Refused: other schemes (``ext::`` runs programs, ``file:`` reads our disk), credentials in the address, a leading
    ``-`` (an option of git), queries, fragments, blanks and control characters.
    """
    # First of all: urlsplit silently drops line breaks and tabs, git would be given them.
    if not _VISIBLE.fullmatch(url):
        raise Rejected(_("A Git address is plain ASCII without spaces. Write it as https://host/repository.git."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise Rejected(_("The Git address is not a URL. Write it as https://host/group/repository.git.")) from exc
    if parts.scheme not in {"http", "https", "ssh"} or "://" not in url or url.startswith("-"):
        raise Rejected(_("The Git address must begin with https://, http:// or ssh://."))
    if "@" in parts.netloc:
        raise Rejected(_("The Git address holds a user or password. Enter those in the Git server's settings instead."))
    if not _HOST.fullmatch(host) or port == 0 or parts.netloc.endswith(":"):
        raise Rejected(_("The Git address has no valid host."))
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise Rejected(_("The Git address must end in the repository's path, such as /group/repository.git."))
    if ".." in parts.path.split("/"):
        raise Rejected(_("The Git address must not contain “..”."))
    return RepositoryUrl(url, parts.scheme, host, port or _PORTS[parts.scheme])


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
    "transfer.bundleURI": "false",
    "fetch.uriProtocols": "",
    "gc.autoDetach": "false",
    "gc.pruneExpire": "never",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "safe.directory": "*",
}


def offline_environment() -> dict[str, str]:
    """For commands on the mirror: no transport at all, so a missing object is an answer and not a download."""
    # git 2.45 and newer do not even begin the fetch that no transport could serve.
    return {**_environment({}, protocols="none"), "GIT_NO_LAZY_FETCH": "1"}


@contextmanager
def online_environment(target: SourceTarget, url: RepositoryUrl) -> Iterator[dict[str, str]]:
    """For commands that speak to the server; files with keys live only inside the ``with``, in a folder of mode 0700.

    The child connects to the addresses that were checked just now, also where the name leads elsewhere by then. Raises
    Rejected for credentials that cannot be passed on (line breaks), Unavailable for a host that leads nowhere.
    """
    if not _USERNAME.fullmatch(target.username) or not _USERNAME.fullmatch(target.password[:200]):
        raise Rejected(_("The Git server's user or password holds line breaks or control characters."))
    with tempfile.TemporaryDirectory(prefix="source-") as folder:
        place = Path(folder)
        extra: dict[str, str] = {}
        settings: dict[str, str] = {}
        if target.ca_pem:
            settings["http.sslCAInfo"] = str(_write(place / "ca.pem", target.ca_pem, 0o600))
        addresses = _addresses(url)
        if url.scheme == "ssh":
            extra["GIT_SSH_COMMAND"] = _ssh_command(target, place, url.host, addresses[0])
        else:
            settings["http.curloptResolve"] = _pinned(url, addresses)
            # git takes any 200 for a list of references, and a page without a line break for an empty one. Whether the
            # other side spoke git's protocol stands in here.
            extra["GIT_TRACE2_EVENT"] = str(place / "trace")
        if url.scheme != "ssh" and (target.username or target.password):
            extra |= {
                "GIT_ASKPASS": str(_write(place / "askpass", _ASKPASS, 0o700)),
                "SOURCE_USERNAME": target.username or "oauth2",
                "SOURCE_PASSWORD": target.password,
            }
        yield {**_environment(settings, protocols=url.scheme), **extra}


def _addresses(url: RepositoryUrl) -> Sequence[str]:
    try:
        return addresses_of(url.host, url.port)
    except Barred as barred:
        raise Unavailable(barred.message) from barred
    except OSError as exc:
        raise Unavailable(
            _(
                "The Git server %(host)s cannot be reached, or broke off. Check that it is up and its address is "
                "right.",
                host=url.host,
            )
        ) from exc


def _pinned(url: RepositoryUrl, addresses: Sequence[str]) -> str:
    """For libcurl, which then asks no DNS: ``host:port:address,[address]``."""
    shown = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
    return f"{url.host}:{url.port}:{shown}"


def is_git(environment: Mapping[str, str]) -> bool:
    """Did the other side speak git's own protocol? To be asked inside the ``with``, after git has ended well."""
    trace = environment.get("GIT_TRACE2_EVENT")
    if trace is None:
        return True  # ssh knows nothing else
    try:
        return b'"negotiated-version"' in Path(trace).read_bytes()
    except OSError:
        return False


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
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_COUNT": str(len(merged)),
    }
    for number, (name, value) in enumerate(merged.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _ssh_command(target: SourceTarget, place: Path, host: str, address: str) -> str:
    """ssh without any of the machine's own settings; a host's key is remembered beside the mirror at first sight."""
    if target.username and not _SSH_USERNAME.fullmatch(target.username):
        raise Rejected(_("The Git server's user is not a valid login name for SSH."))
    known = Path(target.mirror_dir).absolute() / "known_hosts"
    options = ["BatchMode=yes", "ConnectTimeout=5", "StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}"]
    words = ["ssh", "-F", "/dev/null", "-l", target.username or "git"]
    # The key is still the name's.
    options += [f"HostName={address}", f"HostKeyAlias={host}"]
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
