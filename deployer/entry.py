"""The entry check: what an application's entry is expected to answer, and whether an answer is that.

Pure: the questions are asked by ``deployer.adapters``. A redirect is followed on its own host alone, as the kubelet's
HTTP probe does it; one that leads elsewhere is an answer like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.interfaces import Diagnosis, EntryAnswer
from deployer.messages import Message
from deployer.messages import message as _

DEFAULT_STATUSES = "200-399"
"""What the kubelet's HTTP probe takes for a success."""
MOST_RANGES = 20
_RANGE = re.compile(r"(?P<low>[1-5][0-9]{2})(?:-(?P<high>[1-5][0-9]{2}))?", re.ASCII)
_HEADER = re.compile(r"(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100})(?:: *(?P<value>[ -~]*))?", re.ASCII)
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Expectation:
    """What the answer must be. ``statuses`` as people write it: ``200-299, 401``; empty for 200 to 399.

    ``text`` stands somewhere in the first 64 KiB of the body. ``header`` is ``Name`` or ``Name: part of its value``.
    """

    statuses: str = ""
    text: str = ""
    header: str = ""

    def takes(self, status: int) -> bool:
        """Whether the status is one of those expected."""
        return any(low <= status <= high for low, high in status_ranges(self.statuses or DEFAULT_STATUSES))

    def stops_at(self, status: int) -> bool:
        """Whether a redirect with this status is the answer that somebody asked for, and so is not followed."""
        return bool(self.statuses) and self.takes(status)


def status_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """``200-299, 401`` as pairs of the lowest and the highest; raises ValueError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    found = [_RANGE.fullmatch(part) for part in parts]
    ranges = [(int(one["low"]), int(one["high"] or one["low"])) for one in found if one]
    if len(ranges) != len(parts) or len(ranges) > MOST_RANGES or any(low > high for low, high in ranges):
        raise ValueError(text)
    return tuple(ranges)


def split_header(text: str) -> tuple[str, str]:
    """Name in lower case, and the part of the value that must be in it (may be empty); raises ValueError."""
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return found["name"].lower(), (found["value"] or "").strip()


@dataclass(frozen=True)
class EntryVerdict:
    """``outcome``: passed, failing (the application's), or unasked (nobody knows). ``diagnosis`` for the last two."""

    outcome: str
    diagnosis: Diagnosis | None = field(default=None)


PASSED = EntryVerdict("passed")


def judge_answer(wanted: Expectation, answer: EntryAnswer, *, where: str) -> EntryVerdict:
    """Whether the answer is what was expected. ``where``: what was asked, as people read it."""
    code = _wrong(wanted, answer)
    if not code:
        return PASSED
    values: Mapping[str, Message | str] = {
        "where": where,
        "status": str(answer.status),
        "wanted": wanted.statuses or DEFAULT_STATUSES,
        "text": wanted.text,
        "header": wanted.header,
        "to": answer.leads_to[:200],
        "words": answer.words,
    }
    evidence = (_first_line(answer),) if answer.body else ()
    diagnosis = Diagnosis(code, values, evidence=tuple(line for line in evidence if line))
    return EntryVerdict("failing" if answer.is_asked else "unasked", diagnosis)


def _wrong(wanted: Expectation, answer: EntryAnswer) -> str:
    """The cause; empty when everything is as expected."""
    if answer.code != "answered":
        return answer.code
    if not wanted.takes(answer.status):
        return "entry_redirect" if answer.leads_to else "entry_status"
    if wanted.text and wanted.text not in answer.body.decode("utf-8", "replace"):
        return "entry_redirect" if answer.leads_to else "entry_text"
    if wanted.header and not _has_header(answer.headers, wanted.header):
        return "entry_header"
    return ""


def _has_header(headers: Mapping[str, str], wanted: str) -> bool:
    name, part = split_header(wanted)
    return name in headers and part.lower() in headers[name].lower()


def _first_line(answer: EntryAnswer) -> str:
    """The beginning of what the entry said, for the page."""
    lines = answer.body[:2000].decode("utf-8", "replace").split("\n")
    text = next((line.strip() for line in lines if line.strip()), "")
    return "".join(letter for letter in text if letter.isprintable())[:300]


MESSAGES: dict[str, Message] = {
    "entry_status": _("The entry %(where)s answers with status %(status)s; expected is %(wanted)s."),
    "entry_text": _("The entry %(where)s answers with status %(status)s, but “%(text)s” is not in its answer."),
    "entry_header": _("The entry %(where)s answers with status %(status)s, but without the header “%(header)s”."),
    "entry_redirect": _("The entry %(where)s leads elsewhere with status %(status)s, which is not followed: %(to)s."),
    "entry_redirects": _("The entry %(where)s redirects again and again; the last time to %(to)s."),
    "entry_refused": _("The entry %(where)s refuses connections: nothing listens there."),
    "entry_unreachable": _("The entry %(where)s cannot be reached: %(words)s."),
    "entry_unknown_host": _("The host of the entry %(where)s is unknown."),
    "entry_tls": _("The entry %(where)s makes no secure connection: %(words)s."),
    "entry_timeout": _("The entry %(where)s does not answer within 5 seconds."),
    "entry_broken": _("The entry %(where)s ends the connection before its answer is complete: %(words)s."),
    "entry_no_service": _("The entry %(where)s is not there: the namespace has no such Service."),
    "entry_no_port": _("The entry %(where)s is not there: the Service has no such port."),
    "entry_no_endpoints": _("The entry %(where)s leads nowhere: no ready pod stands behind the Service."),
    "entry_unasked": _("The entry %(where)s could not be asked, so nobody knows what it answers: %(words)s"),
}
_LOG = _("Read the pods' log; correct the status that is expected if the answer is right.")
NEXT_STEPS: dict[str, Message] = {
    "entry_status": _LOG,
    "entry_text": _("Open the entry; correct the text that is expected if the answer is right."),
    "entry_header": _("Open the entry; correct the header that is expected if the answer is right."),
    "entry_redirect": _("Check the entry of the component: ask the address where it leads, or expect this status."),
    "entry_redirects": _("Open the entry in a browser: each redirect of the application leads to another one."),
    "entry_refused": _("Check the port of the entry, and whether the application listens on all addresses."),
    "entry_unreachable": _("Ask who runs the network or the load balancer in front of the application."),
    "entry_unknown_host": _("Check the spelling of the entry; if it is right, have the name registered."),
    "entry_tls": _("Have the certificate of the entry renewed, or signed by an authority that the platform trusts."),
    "entry_timeout": _("See in the pods' log what the request waits for."),
    "entry_broken": _("See in the pods' log why the request is not answered."),
    "entry_no_service": _("Check the service template, or the Service that the entry check asks."),
    "entry_no_port": _("Check the port of the entry check; the service template names those that exist."),
    "entry_no_endpoints": _("Check the selector of the Service against the labels of the pods."),
    "entry_unasked": _("The application was not judged. Mend what the message names, then deploy again."),
}
