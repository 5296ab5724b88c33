"""The job itself: its config, whether its script compiles, and what of plugins, nodes and credentials there is.

Only ``manage.py jenkins_job`` and the connection test ask for it; following builds needs none of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from deployer.errors import NotFound, Rejected, Unavailable
from deployer.messages import Message
from deployer.messages import message as _

from . import shapes
from .config_xml import plain
from .wire import Answer, Wire, asks_for_sign_in, healthy, job_path, refusal

MOST_CONFIG_BYTES = 4 * 1024 * 1024
_CHECK = "descriptorByName/org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition/checkScriptCompile"


@dataclass(frozen=True)
class ScriptFault:
    """Where the Groovy compiler of the server stopped."""

    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Plugin:
    """An installed plugin."""

    name: str
    version: str
    is_working: bool


@dataclass(frozen=True)
class NodeLabels:
    """A node that is registered now; its own name is one of its labels."""

    name: str
    labels: frozenset[str]
    is_offline: bool


@dataclass(frozen=True)
class Inventory:
    """What the account may see. None: it could not be looked up, which says nothing of what is there."""

    plugins: tuple[Plugin, ...] | None
    nodes: tuple[NodeLabels, ...] | None
    credentials: frozenset[str] | None


class JobAdministration:
    """Reads and writes of a job's config; the part of the client that most accounts have no rights for."""

    _wire: Wire

    def job_config(self, job: str) -> str:
        """``config.xml``. Raises NotFound, and Forbidden without Job/ExtendedRead (part of Job/Configure)."""
        answer = healthy(self._wire.get(f"{job_path(job)}config.xml", limit=MOST_CONFIG_BYTES), _what(job))
        if answer.is_cut or not answer.body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or _is_page(answer):
            raise Unavailable(shapes.NOT_JENKINS)
        return answer.body.decode("utf-8", "replace")

    def create_job(self, job: str, xml: str, *, deadline: float) -> None:
        """Raises Rejected for a name that is taken or not allowed, NotFound for a folder that is not there."""
        folder, name = _folder_and_name(job)
        answer = self._wire.post_xml(f"{folder}createItem", xml, query={"name": name}, deadline=deadline)
        if answer.status == 400:
            message = _("Jenkins did not create the job %(job)s: the name is taken, or not allowed.", job=job)
            raise Rejected(message, reason="job_name")
        if answer.status == 404:
            raise NotFound(_("Jenkins has no folder for the job %(job)s, or the account may not see it.", job=job))
        _check_written(answer, job)

    def update_job(self, job: str, xml: str, *, deadline: float) -> None:
        """Raises NotFound, Forbidden without Job/Configure; OutcomeUnknown also for XML that Jenkins does not take."""
        answer = self._wire.post_xml(f"{job_path(job)}config.xml", xml, query={}, deadline=deadline)
        _check_written(answer, job)

    def script_faults(self, at: str, script: str) -> tuple[ScriptFault, ...]:
        """What the server's compiler says of a Pipeline script; ``at`` is a job or folder that exists.

        ``CpsFlowDefinition.DescriptorImpl.doCheckScriptCompile`` of the plugin workflow-cps: POST only, the script as
        ``value``; ``{"status": "success"}``, or an array of ``{message, line, column, status: "fail"}``
        (``CpsFlowDefinitionValidator.toCheckStatus``). To an account without Job/Configure on ``at`` it answers
        success for every script, and without a job or folder in its path it fails: nothing is proved then.
        """
        answer = healthy(self._wire.ask(f"{job_path(at)}{_CHECK}", form={"value": script}), _("check of the script"))
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError) as exc:
            raise Unavailable(shapes.NOT_JENKINS) from exc
        if isinstance(found, dict) and found.get("status") == "success":
            return ()
        faults = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
        if not faults:
            raise Unavailable(shapes.NOT_JENKINS)
        return tuple(
            ScriptFault(
                _number(item.get("line")), _number(item.get("column")), plain(str(item.get("message") or ""))[:500]
            )
            for item in faults
        )

    def inventory(self, job: str) -> Inventory:
        """Plugins, nodes and ids of credentials as far as the account may see them. Raises Unavailable."""
        return Inventory(self._plugins(), self._nodes(), self._credentials(job))

    def _plugins(self) -> tuple[Plugin, ...] | None:
        query = {"depth": "1", "tree": "plugins[shortName,active,enabled,version]"}
        found = self._visible("pluginManager/api/json", query, "plugins")
        if not found:
            return None
        return tuple(
            Plugin(str(one.get("shortName")), str(one.get("version")), bool(one.get("active") and one.get("enabled")))
            for one in found
        )

    def _nodes(self) -> tuple[NodeLabels, ...] | None:
        tree = "computer[displayName,offline,temporarilyOffline,assignedLabels[name]]"
        found = self._visible("computer/api/json", {"tree": tree}, "computer")
        if found is None:
            return None
        return tuple(
            NodeLabels(
                str(one.get("displayName")),
                frozenset(str(label.get("name")) for label in one.get("assignedLabels") or []),
                bool(one.get("offline") or one.get("temporarilyOffline")),
            )
            for one in found
        )

    def _credentials(self, job: str) -> frozenset[str] | None:
        """Of the global domain, of the system and of each folder above the job. A store that shows none at all counts
        as not looked up: without the right Credentials/View it looks the same."""
        parts = job.strip("/").split("/")
        stores = [f"{job_path('/'.join(parts[:many]))}credentials/store/folder/" for many in range(1, len(parts))]
        ids: set[str] = set()
        for store in ["credentials/store/system/", *stores]:
            found = self._visible(f"{store}domain/_/api/json", {"tree": "credentials[id,typeName]"}, "credentials")
            ids |= {str(one.get("id")) for one in found or []}
        return frozenset(ids) or None

    def _visible(self, path: str, query: dict[str, str], name: str) -> list[dict[str, Any]] | None:
        """The named list; None where the account may not see it, or no plugin serves it (404 is both)."""
        try:
            bean = healthy(self._wire.get(path, query=query), _("inventory")).json()
        except (NotFound, Rejected):
            return None
        found = bean.get(name)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None


def _what(job: str) -> Message:
    return _("job %(job)s", job=job)


def _folder_and_name(job: str) -> tuple[str, str]:
    """The folder's path, empty at the top, and the job's own name."""
    job_path(job)  # refuses a name that would lead elsewhere
    folder, _separator, name = job.strip("/").rpartition("/")
    return (job_path(folder) if folder else ""), name


def _check_written(answer: Answer, job: str) -> None:
    if answer.status != 200 or asks_for_sign_in(answer):
        raise refusal(answer, _what(job), is_write=True)


def _is_page(answer: Answer) -> bool:
    return "html" in answer.headers.get("Content-Type", "").lower()


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
