"""One cluster's connections and paths: the official client's configuration, own time-outs and no repeats.

``Configuration`` is filled by hand: ``load_kube_config`` would run plugins and leave keys in the shared temp folder.
"""

from __future__ import annotations

import atexit
import copy
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, Configuration

from deployer.adapters.kubernetes.refusals import Answer, error_from
from deployer.adapters.pinned import pin_pools
from deployer.dialing import barred_in
from deployer.errors import Forbidden, NotFound, OutcomeUnknown, Rejected, TooLate, Unavailable
from deployer.interfaces import ClusterTarget, OnAnswer, ignore_answer
from deployer.messages import message as _

_PLURALS: dict[tuple[str, str], str] = {
    ("v1", "Namespace"): "namespaces",
    ("v1", "Pod"): "pods",
    ("v1", "Node"): "nodes",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Event"): "events",
    ("v1", "ResourceQuota"): "resourcequotas",
    ("v1", "LimitRange"): "limitranges",
    ("v1", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
}


def collection_path(api_version: str, kind: str, namespace: str | None) -> str:
    """Path of a kind's collection. Raises Rejected for a kind that the product does not use."""
    plural = _PLURALS.get((api_version, kind))
    if plural is None:
        raise Rejected(
            _(
                "The platform does not handle objects of kind %(kind)s (%(api_version)s).",
                kind=kind,
                api_version=api_version,
            )
        )
    base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    if kind == "Namespace":
        return f"{base}/{plural}"
    if not namespace:
        raise Rejected(_("A %(kind)s needs a namespace.", kind=kind))
    return f"{base}/namespaces/{quote(namespace, safe='')}/{plural}"


def everywhere_path(kind: str) -> str:
    """Path of the collection of a core kind in all namespaces, or in none."""
    return f"/api/v1/{_PLURALS['v1', kind]}"


def object_path(api_version: str, kind: str, namespace: str | None, name: str) -> str:
    """Path of one object. Raises Rejected like :func:`collection_path`, and for an empty name."""
    if not name:
        raise Rejected(_("A %(kind)s needs a name.", kind=kind))
    return f"{collection_path(api_version, kind, namespace)}/{quote(name, safe='')}"


CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
WHOLE_ANSWER_SECONDS = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
CONNECTIONS = 32
WHOLE = "application/json, */*"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"
"""Of an object whose content nobody needs: the server leaves it out."""

SOCKET_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),
)
"""A machine that is gone answers no probe and acknowledges nothing: who waits for it is told after 11 s."""

Query = Sequence[tuple[str, str]]

_NOT_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
_TLS_BEFORE_SENDING = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HANDSHAKE", "hostname", "UNKNOWN_CA")


class CutShort(Exception):
    """A connection ended before the answer was complete."""


class Session:
    """Requests to one API server; safe to use from several threads of the process that made it."""

    def __init__(self, target: ClusterTarget) -> None:
        self.target = target
        self._folder: Path | None = None
        self._on_answer: OnAnswer = ignore_answer
        try:
            self._client = ApiClient(self._configuration(target))
            self._pool: urllib3.PoolManager = self._client.rest_client.pool_manager
            if not target.is_own:
                pin_pools(self._pool)
        except (OSError, ValueError) as exc:
            raise Rejected(_("The cluster's address or certificates cannot be used.")) from exc

    def heard_by(self, on_answer: OnAnswer) -> Session:
        """A session over the same connections that tells of each answer."""
        view = copy.copy(self)
        view._on_answer = on_answer
        return view

    def _configuration(self, target: ClusterTarget) -> Any:
        configuration = Configuration(host=target.url.rstrip("/"))
        configuration.proxy = None  # else it is taken from the environment
        configuration.no_proxy = None
        configuration.retries = False
        configuration.socket_options = SOCKET_OPTIONS
        configuration.debug = False  # it would print the Authorization header
        configuration.connection_pool_maxsize = CONNECTIONS
        configuration.verify_ssl = target.verify_tls
        if target.ca_pem:
            configuration.ca_cert_data = target.ca_pem
        if target.tls_server_name:
            configuration.tls_server_name = target.tls_server_name
            configuration.assert_hostname = target.tls_server_name
        if target.token:
            configuration.api_key = {"BearerToken": f"Bearer {target.token}"}
        if target.client_cert_pem:
            configuration.cert_file = self._private_file("client.crt", target.client_cert_pem)
            configuration.key_file = self._private_file("client.key", target.client_key_pem)
        return configuration

    def _private_file(self, name: str, text: str) -> str:
        """urllib3 takes client certificates from files only: ours alone, gone with the process."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="prism4k-"))
            atexit.register(_remove_in_own_process, self._folder, os.getpid())
        path = self._folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
        return str(path)

    def read(self, path: str, query: Query = (), *, seconds: float = 0, accept: str = WHOLE) -> Answer:
        """GET. Raises the errors of an unsuccessful answer; ``seconds`` until then, where somebody waits for it."""
        answer = self._repeated("GET", path, query, None, "application/json", seconds or READ_SECONDS, accept)
        return self._checked(answer, is_write=False)

    def ping(self, *, seconds: float) -> None:
        """One question that every account may ask, with so long for its answer; raises Unavailable.

        A refusal is an answer. On silence idle connections are given up: they may lead to where the server was.
        """
        try:
            response = self._send(
                "GET", "/readyz", (), None, "text/plain", connect_seconds=seconds, read_seconds=seconds
            )
            self._checked(self._complete(response), is_write=False)
        except (Forbidden, Rejected, NotFound):
            return
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise self._unreachable(exc) from exc

    def pass_through(self, path: str, *, seconds: float, most: int) -> Answer:
        """GET of what the server hands on to somebody else: the answer as it is, its body cut after so many bytes.

        Raises Unavailable when the server is not reached; TimeoutError and CutShort where no answer came, or not all
        of it: from the server, or from the one behind it.
        """
        until = time.monotonic() + seconds
        try:
            response = self._send(
                "GET", path, (), None, "text/plain", connect_seconds=min(CONNECT_SECONDS, seconds), read_seconds=seconds
            )
            return Answer(response.status, response.headers, _start_of(response, until, most))
        except _NOT_SENT as exc:
            raise self._unreachable(exc) from exc
        except urllib3.exceptions.SSLError as exc:
            raise self._unreachable(exc) from exc
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError) as exc:
            # Python's own is an OSError too: it must not count as a broken connection.
            raise TimeoutError from exc
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise CutShort(" ".join(str(exc).split())[:200]) from exc

    def hear(self) -> None:
        """Tell that an answer was heard."""
        self._on_answer()

    def ask(self, method: str, path: str, query: Query, body: Any, *, content_type: str = "application/json") -> Answer:
        """A request with a body that changes nothing (dry run, access review)."""
        return self._checked(self._repeated(method, path, query, body, content_type), is_write=False)

    def write(
        self,
        method: str,
        path: str,
        query: Query,
        body: Any,
        *,
        deadline: float,
        content_type: str = "application/json",
    ) -> Answer:
        """A request that changes something, sent at most once. Raises TooLate when the deadline has passed."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TooLate(_("Time ran out before the cluster was asked; nothing was sent."))
        connect_seconds = min(CONNECT_SECONDS, left)
        try:
            response = self._send(method, path, query, body, content_type, connect_seconds=connect_seconds)
            answer = self._complete(response)
        except _NOT_SENT as exc:
            raise self._unreachable(exc) from exc
        except urllib3.exceptions.SSLError as exc:
            if any(word in str(exc) for word in _TLS_BEFORE_SENDING):
                raise self._unreachable(exc) from exc
            raise OutcomeUnknown(_("The connection to the cluster broke before its answer came.")) from exc
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise OutcomeUnknown(_("The connection to the cluster broke before its answer came.")) from exc
        return self._checked(answer, is_write=True)

    def close(self) -> None:
        """Give back connections and files."""
        self._pool.clear()
        if self._folder is not None:
            _remove_in_own_process(self._folder, os.getpid())

    def _repeated(
        self,
        method: str,
        path: str,
        query: Query,
        body: Any,
        content_type: str,
        seconds: float = READ_SECONDS,
        accept: str = WHOLE,
    ) -> Answer:
        # A server may close an idle connection in the instant we use it; asking again is safe here, and only here.
        for attempt in (1, 2):
            try:
                connect_seconds = min(CONNECT_SECONDS, seconds)
                limits = {"connect_seconds": connect_seconds, "read_seconds": seconds}
                response = self._send(method, path, query, body, content_type, accept=accept, **limits)
                return self._complete(response)
            except urllib3.exceptions.ProtocolError as exc:
                if attempt == 2:
                    raise self._unreachable(exc) from exc
            except (urllib3.exceptions.HTTPError, OSError) as exc:
                raise self._unreachable(exc) from exc
        raise AssertionError("unreachable")

    def _send(
        self,
        method: str,
        path: str,
        query: Query,
        body: Any,
        content_type: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        accept: str = WHOLE,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": accept, "Content-Type": content_type}
        prepared = self._client.param_serialize(
            method=method,
            resource_path=path,
            query_params=list(query),
            header_params=headers,
            auth_settings=["BearerToken"],
        )
        return self._pool.request(
            method,
            prepared[1],
            headers=prepared[2],
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            timeout=urllib3.Timeout(connect=connect_seconds, read=read_seconds),
            retries=False,
            redirect=False,  # a redirect would carry our token elsewhere
            preload_content=False,
        )

    @staticmethod
    def _complete(response: urllib3.BaseHTTPResponse) -> Answer:
        started = time.monotonic()
        parts: list[bytes] = []
        size = 0
        is_complete = False
        try:
            while part := response.read1(1 << 16):
                parts.append(part)
                size += len(part)
                if size > MAX_ANSWER_BYTES or time.monotonic() - started > WHOLE_ANSWER_SECONDS:
                    raise urllib3.exceptions.HTTPError("The answer is too long or takes too long.")
            is_complete = True
        finally:
            if is_complete:
                response.release_conn()
            else:
                response.close()
        return Answer(response.status, response.headers, b"".join(parts))

    def _checked(self, answer: Answer, *, is_write: bool) -> Answer:
        error = error_from(answer, is_write=is_write) if answer.status >= 300 else None
        if not isinstance(error, Unavailable | OutcomeUnknown):
            self._on_answer()
        if error is not None:
            raise error
        return answer

    def _unreachable(self, exc: Exception) -> Unavailable:
        # The others of the pool may be as dead, and each would be waited for: the next request resolves the name anew.
        self._pool.clear()
        if message := barred_in(exc):
            return Unavailable(message)
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            return Unavailable(
                _("The cluster's certificate cannot be verified with the CA certificate that was entered.")
            )
        # urllib3 calls a refused connection and an unknown host time-outs too.
        is_refusal = isinstance(exc, urllib3.exceptions.NewConnectionError)
        if not is_refusal and isinstance(exc, urllib3.exceptions.TimeoutError | TimeoutError):
            return Unavailable(_("The cluster did not answer in time."))
        return Unavailable(_("The cluster cannot be reached."))


def _start_of(response: urllib3.BaseHTTPResponse, until: float, most: int) -> bytes:
    """The beginning of a body; its connection is given up, for the rest is not read. Raises TimeoutError.

    ``until``: in ``time.monotonic()`` seconds. A body that trickles never meets the time-out of a single read.
    """
    body = bytearray()
    try:
        while len(body) < most and (part := response.read1(min(1 << 16, most - len(body)))):
            body += part
            if time.monotonic() > until:
                raise TimeoutError
    finally:
        response.close()
    return bytes(body)


def _remove_in_own_process(folder: Path, pid: int) -> None:
    # After a fork the child runs our exit handlers too; the files are still the parent's.
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
