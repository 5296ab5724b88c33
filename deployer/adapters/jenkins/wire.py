"""One request to Jenkins and its answer, or one of our errors: never the library's, never a URL with parameters.

python-jenkins keeps the session, the authentication and the proxies; its reading of status codes is not used: its
"… does not exist" means 404 as well as 503 (``jenkins/__init__.py`` 1.8.3, ``get_build_info`` and its like).
"""

from __future__ import annotations

import codecs
import contextlib
import copy
import itertools
import os
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import jenkins
import requests
import urllib3.exceptions

from deployer.adapters.answers import json_object
from deployer.adapters.pinned import PinnedAdapter
from deployer.dialing import barred_in
from deployer.errors import DeployerError, Forbidden, NoFact, NotFound, OutcomeUnknown, Rejected, TooLate, Unavailable
from deployer.interfaces import BuildServerTarget, OnAnswer, ignore_answer
from deployer.messages import Message
from deployer.messages import message as _

CONNECT_SECONDS = 3.05
READ_SECONDS = 20.0
WHOLE_SECONDS = 30.0
MOST_BYTES = 32 * 1024 * 1024
_CHUNK = 65_536
_PASSING = frozenset({408, 425})
"""Of a proxy that did not get through in time: no refusal, and no contact."""


@dataclass(frozen=True)
class Answer:
    """Status, headers (case-insensitive) and body; ``is_cut`` when there was more than the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises Unavailable when it is none (a proxy's page, a cut answer)."""
        return json_object(self.body, _("The address of Jenkins answers, but not with the API of Jenkins."))


class _Session(jenkins.Jenkins):  # type: ignore[misc]
    """python-jenkins with every answer handed back as it is, and no redirect followed.

    A followed 303 of buildWithParameters ends in an error although the build is queued, and a followed 301 turns
    the POST into a GET.
    """

    _settings: dict[str, Any] | None = None

    def _response_handler(self, response: requests.Response) -> requests.Response:
        return response

    def _request(self, req: requests.Request, stream: bool | None = None) -> requests.Response:
        prepared = self._session.prepare_request(req)
        if self._settings is None:
            # All its requests go to one server: to look for its proxy in the environment again took a third of each.
            self._settings = self._session.merge_environment_settings(
                prepared.url, {}, None, self._session.verify, None
            )
        settings = {**self._settings, "stream": stream}
        answer: requests.Response = self._session.send(
            prepared, allow_redirects=False, timeout=self.timeout, **settings
        )
        return answer


LONGEST_SESSION = 32
"""Jenkins' own have eight characters; so much is kept of one by anything that stands in its place."""


def session_of(answer: Answer, default: str = "") -> str:
    """``X-Jenkins-Session``, cut here once: what is kept and what is compared are the same."""
    return re.sub("[^!-~]", "?", str(answer.headers.get("X-Jenkins-Session", default)))[:LONGEST_SESSION]


@dataclass
class Known:
    """What the newest answers told about the controller: ``X-Jenkins`` and ``X-Jenkins-Session``."""

    version: str = ""
    session_id: str = ""


class Wire:
    """Requests to one controller; each thread has a session of its own, since requests' is not promised thread-safe."""

    def __init__(self, target: BuildServerTarget) -> None:
        self._target = target
        self._base = target.url.rstrip("/") + "/"
        self._local = threading.local()
        self._ca_file = _write_ca(target.ca_pem)
        self.known = Known()
        self._on_answer: OnAnswer = ignore_answer

    def heard_by(self, on_answer: OnAnswer) -> Wire:
        """The same sessions and knowledge, telling of each answer."""
        view = copy.copy(self)
        view._on_answer = on_answer
        return view

    def _client(self, connect_seconds: float) -> _Session:
        client: _Session | None = getattr(self._local, "client", None)
        if client is None:
            client = _Session(self._base, self._target.username, self._target.token)
            client.crumb = False  # API tokens need none (Jenkins' ApiCrumbExclusion)
            # Given per request by the library, so neither REQUESTS_CA_BUNDLE nor PYTHONHTTPSVERIFY can change it.
            client._session.verify = self._ca_file.name if self._ca_file else True
            for scheme in ("http://", "https://"):
                client._session.mount(scheme, PinnedAdapter(max_retries=0))
            self._local.client = client
        client.timeout = (connect_seconds, READ_SECONDS)
        return client

    def get(self, path: str, *, query: Mapping[str, str] | None = None, limit: int = MOST_BYTES) -> Answer:
        """A read. Raises Unavailable where no healthy answer came; any status comes back."""
        request = requests.Request("GET", self._base + path, params=dict(query or {}))
        answer = self._send(request, CONNECT_SECONDS, limit, is_write=False)
        if "X-Jenkins" in answer.headers:
            self.known.version = re.sub("[^!-~]", "?", answer.headers["X-Jenkins"])[:LONGEST_SESSION]
        if "X-Jenkins-Session" in answer.headers:
            self.known.session_id = session_of(answer)
        return answer

    @contextmanager
    def stream(self, path: str, *, deadline: float) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """A read whose body comes in chunks; the answer has the first one, or the body of what is no success. Raises as
        ``get`` does, and TooLate once ``deadline`` (monotonic) has passed."""
        request = requests.Request("GET", self._base + path)
        try:
            response = self._client(CONNECT_SECONDS).jenkins_request(request, add_crumb=False, stream=True)
            with contextlib.closing(response):
                chunks = _chunks(response, deadline)
                answer = Answer(response.status_code, response.headers, next(chunks, b""))
                if answer.status != 200 or _is_page(answer):
                    answer = replace(answer, body=answer.body + response.raw.read(_CHUNK, decode_content=True))
                self._on_answer()
                yield answer, itertools.chain((answer.body,), chunks)
        except (jenkins.JenkinsException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise _failure(exc, is_write=False) from exc

    def post(self, path: str, *, form: Mapping[str, str], deadline: float) -> Answer:
        """A write with a form body. Raises TooLate, Unavailable (not sent), OutcomeUnknown; any status comes back."""
        return self._post(requests.Request("POST", self._base + path, data=dict(form)), deadline)

    def post_xml(self, path: str, xml: str, *, query: Mapping[str, str], deadline: float) -> Answer:
        """A write with an XML body; otherwise as ``post``."""
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        address = self._base + path
        return self._post(
            requests.Request("POST", address, params=dict(query), data=xml.encode(), headers=headers), deadline
        )

    def ask(self, path: str, *, form: Mapping[str, str]) -> Answer:
        """A read that Jenkins takes as POST only; otherwise as ``get``."""
        request = requests.Request("POST", self._base + path, data=dict(form))
        return self._send(request, CONNECT_SECONDS, MOST_BYTES, is_write=False)

    def _post(self, request: requests.Request, deadline: float) -> Answer:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TooLate(_("Time ran out before Jenkins was asked; nothing was sent."))
        # The connection must not take longer than the deadline allows either: the body goes out after it.
        return self._send(request, min(CONNECT_SECONDS, remaining), MOST_BYTES, is_write=True)

    def _send(self, request: requests.Request, connect_seconds: float, limit: int, *, is_write: bool) -> Answer:
        until = time.monotonic() + WHOLE_SECONDS
        try:
            response = self._client(connect_seconds).jenkins_request(request, add_crumb=False, stream=True)
            answer = _read(response, until, limit)
        except (jenkins.JenkinsException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise _failure(exc, is_write=is_write) from exc
        if answer.status < 500 and answer.status not in {429, *_PASSING}:
            self._on_answer()
        return answer


def _chunks(response: requests.Response, deadline: float) -> Iterator[bytes]:
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        if time.monotonic() > deadline:
            raise TooLate(_("The log is too long to be read as a whole in the time there is."))
        yield chunk


def _write_ca(pem: str) -> Any:
    if not pem:
        return None
    file = tempfile.NamedTemporaryFile("w", prefix="jenkins-ca-", suffix=".pem")  # noqa: SIM115 - lives with the wire
    file.write(pem)
    file.flush()
    return file


def _read(response: requests.Response, until: float, limit: int) -> Answer:
    """The body as far as limit and time allow; a connection read to its end goes back to the pool."""
    parts: list[bytes] = []
    size = 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                break
            if time.monotonic() > until:
                raise requests.ReadTimeout("the answer did not end in time")
    except BaseException:
        response.close()
        raise
    is_cut = size > limit
    if is_cut:
        response.close()
        parts[-1] = parts[-1][: limit - size]
    else:
        response.raw.release_conn()
    return Answer(response.status_code, response.headers, b"".join(parts), is_cut)


# ---------------------------------------------------------------- errors
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
    ConnectionRefusedError,
)
_BAD_ADDRESS = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it wraps: urllib3 hides the cause in ``args`` and ``reason``, requests in ``args``."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        item = todo.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _failure(error: BaseException, *, is_write: bool) -> DeployerError:
    if message := barred_in(error):
        return Unavailable(message)
    causes = list(_causes(error))
    if any(isinstance(cause, _BAD_ADDRESS) for cause in causes):
        return Rejected(_("The address of Jenkins is not a valid web address."), reason="address")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Unavailable(
            _("The certificate of Jenkins is not trusted: enter its CA certificate in the server's settings.")
        )
    if any(isinstance(cause, _NOT_SENT) for cause in causes):
        return Unavailable(_("Jenkins cannot be reached: nothing was sent."))
    if is_write:
        return OutcomeUnknown(_("Jenkins got the request, but no answer came back: it may have been carried out."))
    return Unavailable(_("Jenkins did not answer in time, or broke the connection."))


SIGN_IN = _("Jenkins asks for a sign-in: the API token is wrong or has expired.")
_SIGN_IN_PATH = re.compile(
    r"(?i)(?:(?:user|do|web)?log[-_]?[io]n|sign[-_]?[io]n|sso|oauth2?|oidc|saml2?|adfs|cas|idp|passport|authn?|authenticate"
    r"|authorize|openid.*|commencelogin)(?:[.;].*)?"
)
_SIGN_IN_PAGE = re.compile(
    rb"(?i)type=[\"']?password|j_spring_security_check|sign[ -]?in|log[ -]?in|authenticat|"
    + b"|".join(word.encode(code) for word in ("登录", "登陆", "登入", "登錄") for code in ("utf-8", "gb18030"))
)


def job_path(job: str) -> str:
    """``A/B`` → ``job/A/job/B/``; raises Rejected for a name that would lead elsewhere."""
    parts = job.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Rejected(_("“%(job)s” is not the name of a Jenkins job.", job=job), reason="job_name")
    return "".join(f"job/{quote(part, safe='')}/" for part in parts)


def healthy(answer: Answer, what: Message) -> Answer:
    """The answer of a read, where it is the wanted one; raises what else it means."""
    if answer.status != 200 or asks_for_sign_in(answer):
        raise refusal(answer, what, is_write=False)
    return answer


def asks_for_sign_in(answer: Answer) -> bool:
    """True for a redirect to a login page and for the page itself, of Jenkins or of what stands before it."""
    if answer.status == 401:
        return True
    if 300 <= answer.status < 400:
        parts = urlsplit(answer.headers.get("Location", "")).path.split("/")
        # A job may be called "login": what follows "job" is a name.
        names = [part for before, part in zip(["", *parts], parts, strict=False) if before != "job"]
        return any(_SIGN_IN_PATH.fullmatch(name) for name in names)
    return answer.status == 200 and _is_page(answer) and _SIGN_IN_PAGE.search(answer.body[:_CHUNK]) is not None


def _is_page(answer: Answer) -> bool:
    """HTML where JSON, a log or nothing belongs."""
    kind = answer.headers.get("Content-Type", "").lower()
    return "html" in kind if kind else begins_as_page(answer)


def begins_as_page(answer: Answer) -> bool:
    """By its first characters, of any declared type: proxies call their pages text/plain, too."""
    return re.match(rb"(?i)\s*<(?:!doctype html|html)", answer.body[:256].removeprefix(codecs.BOM_UTF8)) is not None


def refusal(answer: Answer, what: Message, *, is_write: bool) -> DeployerError:
    """What an answer other than success means. ``what`` names the thing asked for ("job X", "build 7 of X")."""
    status = answer.status
    if asks_for_sign_in(answer):
        return Forbidden(SIGN_IN, reason="sign_in")
    if status == 403:
        return _forbidden(answer)
    if status == 404:
        return NotFound(_("Jenkins has no %(what)s, or the platform's account may not see it.", what=what))
    if status == 429:
        return Unavailable(_("Jenkins is limiting requests."), retry_after_seconds=_retry_after(answer))
    if 300 <= status < 400:
        message = _("Jenkins redirects to another address: enter the final one in the server's settings.")
        return Rejected(message, reason="redirected")
    if (status >= 500 or status in _PASSING) and is_write:
        return OutcomeUnknown(
            _("Jenkins answered with error %(status)s: the request may have been carried out.", status=status)
        )
    if status >= 500 or status in _PASSING:
        message = _(
            "Jenkins, or a proxy before it, answers %(status)s: it is starting, stopping or overloaded.",
            status=status,
        )
        if status == 500:
            return NoFact(message)  # Jenkins fails over this one thing: the builds beside it are read as before
        return Unavailable(message, retry_after_seconds=_retry_after(answer))
    return Rejected(
        _("Jenkins refused the request for %(what)s (%(status)s).", what=what, status=status),
        reason=f"status_{status}",
    )


def _forbidden(answer: Answer) -> Forbidden:
    right = answer.headers.get("X-Required-Permission", "")
    if right:
        # hudson.model.Item.Build → Item/Build, as Jenkins' own screens write it
        shown = "/".join(right.split(".")[-2:])
        return Forbidden(
            _("The platform's account in Jenkins lacks the right %(right)s.", right=shown), reason="permission"
        )
    if b"Authentication required" in answer.body[:_CHUNK]:
        return Forbidden(SIGN_IN, reason="sign_in")
    if b"crumb" in answer.body[:_CHUNK]:
        message = _("Jenkins asks for a crumb: use an API token instead of a password.")
        return Forbidden(message, reason="credentials")
    return Forbidden(_("Jenkins does not allow the platform's account to do that."), reason="permission")


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if re.fullmatch("[0-9]{1,9}", value) else None


def forget_after_fork(forget: Any) -> None:
    """Run in every forked child: a session shared with the parent would mix two conversations on one socket."""
    os.register_at_fork(after_in_child=forget)
