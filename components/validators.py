"""What the texts of a component may look like, so that they are safe in a shell, a path, a URL and an image name.

Each ``check_*`` returns the text in the form that is used, or raises GrammarError with a message for a person. The
rules are checked when a component is saved and again when an order is frozen. ``re.fullmatch`` everywhere: ``$``
would accept a line feed at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from foundation.messages import MessageLike
from foundation.messages import message as _

BRANCH = re.compile(
    r"(?![-/.@])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[A-Za-z0-9._/+@#=,-]{1,200}(?<![/.])",
    re.ASCII,
)
COMMIT = re.compile(r"[0-9a-f]{40}")
IMAGE_PATH = re.compile(r"/?[a-z0-9]+(?:(?:\.|__?|-+|/)[a-z0-9]+)*", re.ASCII)
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*(?:/[A-Za-z0-9][A-Za-z0-9 ._+-]*)*", re.ASCII)
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)(?P<host>[A-Za-z0-9.-]+):(?P<path>[A-Za-z0-9._~+][A-Za-z0-9._~/+-]*)", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+")
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/+%-]+", re.ASCII)
_OWN_NODES = frozenset({"built-in", "master"})
_BUILD_FILES = frozenset(
    {"dockerfile", "dockerfile.dockerignore", "dockerfile.containerignore", "bootstart.sh", "image.json"}
)
"""In lower case: what the Jenkins job writes, or its tools read, in the folder that the package goes into."""
_PATH_PART = re.compile(r"[A-Za-z0-9._~+-]+", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_SERVICE = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
LONGEST_COMMAND = 8 * 1024


class GrammarError(ValueError):
    """A text that does not fit; ``message`` says what would."""

    def __init__(self, message: MessageLike) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class GitAddress:
    """Where a Git URL leads: ``host`` as a GitServer row names it (``host``, or ``host:port`` off the default port)."""

    scheme: str
    host: str


def _fitting(pattern: re.Pattern[str], text: str, message: MessageLike) -> str:
    """The text, all of which the pattern describes; raises GrammarError with the message."""
    if not pattern.fullmatch(text):
        raise GrammarError(message)
    return text


def check_branch(text: str) -> str:
    """A branch name that Git, a shell and Jenkins all read as a name."""
    return _fitting(
        BRANCH,
        text,
        _("This cannot be a branch here: use letters, digits and . _ / + @ # = , - and no “-” at the beginning."),
    )


def check_service_name(text: str) -> str:
    """A name that Kubernetes takes for a Service: other names may begin with a digit, this one may not."""
    if not _SERVICE.fullmatch(text):
        raise GrammarError(
            _("Kubernetes refuses a Service of this name: begin with a letter; lower-case letters, digits and hyphens.")
        )
    return text


def check_package(text: str) -> str:
    """A file name such as ``sis_omm_mop.war``; never one that would replace what was reviewed."""
    _fitting(FILE_NAME, text, _("A package is one file name: letters, digits and . _ + -, for example app.war."))
    if text.lower() in _BUILD_FILES:
        raise GrammarError(_("The build writes a file of this name itself: give the package another name."))
    return text


def check_node_label(text: str) -> str:
    """A Jenkins label that is not the controller itself."""
    _fitting(_LABEL, text, _("A Jenkins node is one label: letters, digits and . _ + -."))
    if text.lower() in _OWN_NODES:
        raise GrammarError(_("Builds must not run on the Jenkins controller itself: give the label of an agent."))
    return text


def check_job(text: str) -> str:
    """A job name, with its folders before it."""
    return _fitting(_JOB, text, _("A Jenkins job is a name such as PRISM_JENKINS_JOB, with folders as folder/name."))


def relative_directory(text: str) -> str:
    """A directory as Jenkins gets it: relative, without slashes at the ends; the root (``/``) is ``.``."""
    parts = [part for part in text.strip().split("/") if part not in ("", ".")]
    for part in parts:
        if part == ".." or part.startswith("-") or not _SEGMENT.fullmatch(part):
            raise GrammarError(
                _("A directory lies inside the repository: letters, digits and . _ + - with / between, and no “..”.")
            )
    return "/".join(parts) or "."


def check_command(text: str) -> str:
    """A build command with LF line ends."""
    command = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in command or len(command.encode()) > LONGEST_COMMAND:
        raise GrammarError(_("A build command has at most 8 KiB and no NUL character."))
    return command


def git_address(url: str) -> GitAddress:
    """Scheme and host of an ``https://``, ``http://``, ``ssh://`` or ``git@host:path`` URL; raises GrammarError."""
    return _full_address(plain_git_url(url))


def plain_git_url(url: str) -> str:
    """The URL as Git and Jenkins are given it: ``git@host:path`` is ``ssh://host/path``, and no user before the host.

    The account for ssh is the Git server row's, ``git`` where it names none.
    """
    if found := _SCP.fullmatch(url):
        return f"ssh://{found['host']}/{found['path']}"
    if url.startswith("ssh://") and "@" in url.split("/")[2] and ":" not in url.split("/")[2].partition("@")[0]:
        return "ssh://" + url.removeprefix("ssh://").partition("@")[2]
    return url


def repository_path(url: str) -> str:
    """``group/name`` of a Git URL, as rules about repositories compare it; raises GrammarError for a veiled one.

    The server gets the URL as it was typed. So what it could read otherwise than we do is refused, not mended: dots
    that lead upwards however they are written, and anything that is still encoded after one decoding.
    """
    plain = plain_git_url(url)
    _full_address(plain)
    typed = urlsplit(plain).path
    parts = [unquote(part) for part in typed.split("/") if part]
    if not parts or any(part in (".", "..") or not _PATH_PART.fullmatch(part) for part in parts):
        raise GrammarError(_("Write the path of the repository plainly: letters, digits and . _ ~ + - with / between."))
    name = parts[-1].removesuffix(".git")
    return "/".join([*parts[:-1], name or parts[-1]])


def _full_address(url: str) -> GitAddress:
    if not _VISIBLE.fullmatch(url):  # urlsplit drops tabs and line feeds silently
        raise GrammarError(_("This is not a Git URL: it should look like https://host/group/name.git."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise GrammarError(_("This is not a Git URL: it should look like https://host/group/name.git.")) from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise GrammarError(_("A Git URL begins with https:// or ssh:// (or http:// where an administrator allows it)."))
    if "@" in parts.netloc:
        raise GrammarError(_("Leave user name and password out of the URL: the Git server's own row holds them."))
    is_plain = not parts.query and not parts.fragment and bool(_URL_PATH.fullmatch(parts.path)) and url.isascii()
    if not parts.hostname or not is_plain or ".." in parts.path.split("/"):
        raise GrammarError(_("This is not a Git URL: it should look like https://host/group/name.git."))
    is_default = port is None or port == _DEFAULT_PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return GitAddress(parts.scheme, host if is_default else f"{host}:{port}")


def split_image(text: str) -> tuple[str, str]:
    """Path and tag of ``path tag`` (as the original screen writes it) or ``path:tag``; the path as it was typed."""
    path, _separator, tag = text.strip().replace("\t", " ").partition(" ")
    if not tag.strip():
        path, _separator, tag = text.strip().rpartition(":")
    path, tag = path.strip(), tag.strip()
    if not IMAGE_PATH.fullmatch(path) or len(path) > 250 or not IMAGE_TAG.fullmatch(tag):
        raise GrammarError(_("A base image is a path and a tag, for example base/middleware/tomcat 8.0.14."))
    return path, tag
