"""A Service asked through the API server, and who spoke: the application, or the server about it.

Source of the server's own words: ``k8s.io/apiserver/pkg/endpoints/handlers``, ``k8s.io/apimachinery/pkg/util/proxy``
and ``pkg/registry/core/service`` of Kubernetes 1.36. What they say of the way there was compared with a real server.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from deployer.adapters.kubernetes.refusals import Answer, error_from
from deployer.adapters.kubernetes.session import CutShort, Session, object_path
from deployer.entry import REDIRECTS, Expectation
from deployer.errors import Forbidden, Unavailable
from deployer.interfaces import ASK_SECONDS, MOST_BODY_BYTES, MOST_REDIRECTS, EntryAnswer
from deployer.messages import message as _

_AUDITED = "Audit-Id"
"""The API server puts it on each of its answers, also on what it hands on; a proxy before it does not."""
_TRYING = re.compile(r"error trying to reach service: (?P<words>.*)", re.S)
_TUNNEL = re.compile(r"proxy error from .* while dialing .*, code \d+: \d+ (?P<words>.*)", re.S)
"""What the other end of an egress tunnel said: k8s.io/apiserver/pkg/server/egressselector."""
_NO_WAY = ("no agent available", "konnectivity", "proxy error", "dial unix")
_SLOW = ("i/o timeout", "deadline exceeded", "client.timeout", "timeout awaiting")


def ask_service(
    session: Session, namespace: str, service: str, port: str, path: str, wanted: Expectation
) -> EntryAnswer:
    """What the Service answers within 5 s, redirects to itself included. Raises Unavailable without the API server."""
    began = time.monotonic()
    base = f"{object_path('v1', 'Service', namespace, service)}:{quote(port, safe='')}/proxy"
    answer = EntryAnswer()
    for _hop in range(MOST_REDIRECTS + 1):
        answer = _get(session, base + path, max(0.05, began + ASK_SECONDS - time.monotonic()))
        location = answer.headers.get("location", "") if answer.status in REDIRECTS else ""
        if not location or wanted.stops_at(answer.status):
            break
        inside = _inside(location, base)
        if not inside:
            answer = replace(answer, leads_to=location)
            break
        path = inside
    else:
        answer = replace(answer, code="entry_redirects", leads_to=path)
    return replace(answer, seconds=round(time.monotonic() - began, 3))


def _inside(location: str, base: str) -> str:
    """The path of a redirect that stays with the Service; the server has put its own way there before it."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    path = parts.path.removeprefix(base)
    if path == parts.path or not path.startswith("/"):
        return ""
    return f"{path}?{parts.query}" if parts.query else path


def _get(session: Session, path: str, seconds: float) -> EntryAnswer:
    try:
        answer = session.pass_through(path, seconds=seconds, most=MOST_BODY_BYTES)
    except TimeoutError:
        return EntryAnswer("entry_timeout")
    except CutShort as error:
        return EntryAnswer("entry_broken", words=str(error))
    if _AUDITED not in answer.headers:
        raise Unavailable(_("The address of the cluster answers, but not as a Kubernetes API server."))
    status = _status_of(answer)
    if status is not None and (said := _said_by_server(answer, status)) is not None:
        session.hear()
        return said
    session.hear()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return EntryAnswer(status=answer.status, headers=headers, body=answer.body)


def _status_of(answer: Answer) -> Mapping[str, Any] | None:
    """The Status object of an error; an application that speaks Kubernetes' language too is told by its words."""
    if answer.status < 400:
        return None
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    is_status = isinstance(found, dict) and found.get("kind") == "Status" and found.get("code") == answer.status
    return found if is_status else None


def _said_by_server(answer: Answer, status: Mapping[str, Any]) -> EntryAnswer | None:
    """What the API server itself says; None where the words are not its own. Raises Unavailable: it is not well."""
    words = str(status.get("message") or "")
    if found := _TRYING.search(words):
        return _way_there(found["words"].strip())
    if "no endpoints available for service" in words:
        return EntryAnswer("entry_no_endpoints")
    if "no service port" in words:
        return EntryAnswer("entry_no_port")
    if answer.status == 404 and (status.get("details") or {}).get("kind") == "services":
        return EntryAnswer("entry_no_service")
    if answer.status not in (401, 403, 429) and answer.status < 500:
        return None
    error = error_from(answer, is_write=False)
    if isinstance(error, Forbidden):
        return EntryAnswer("entry_unasked", words=error.message, is_asked=False)
    raise error


def _way_there(words: str) -> EntryAnswer:
    """Why the server could not reach a pod that it knows as ready."""
    if found := _TUNNEL.search(words):
        words = found["words"].strip()
    lowered = words.lower()
    if any(text in lowered for text in _NO_WAY):
        return EntryAnswer(
            "entry_unasked", words=_("The API server has no way to the pods: %(words)s", words=words), is_asked=False
        )
    if "connection refused" in lowered:
        return EntryAnswer("entry_refused")
    if any(text in lowered for text in _SLOW):
        return EntryAnswer("entry_timeout")
    if "eof" in lowered or "reset by peer" in lowered or "malformed http" in lowered:
        return EntryAnswer("entry_broken", words=words[:200])
    return EntryAnswer("entry_unreachable", words=words[:200])
