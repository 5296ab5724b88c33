"""The Jenkins job as code: the one of ``jenkins_job/`` against what a server has, for ``manage.py jenkins_job``.

Lines are for an operator at a shell, in English as those of the other commands. Jenkins takes a new config without
looking at the one that it replaces: who writes last wins, and the lines show what is replaced.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings

import audit
from components.models import ComponentSettings, JenkinsServer
from components.targets import build_server_target
from deployer.adapters import jenkins
from deployer.errors import DeployerError, Forbidden, NotFound, OutcomeUnknown
from foundation.messages import as_message

WRITE_SECONDS = 60.0
PLUGINS = {
    "workflow-job": "Pipeline: Job",
    "workflow-cps": "Pipeline: Groovy",
    "workflow-basic-steps": "Pipeline: Basic Steps",
    "workflow-durable-task-step": "Pipeline: Nodes and Processes",
    "workflow-scm-step": "Pipeline: SCM Step",
    "pipeline-stage-step": "Pipeline: Stage Step",
    "pipeline-rest-api": "Pipeline: Stage View",
    "git": "Git",
    "credentials-binding": "Credentials Binding",
}
"""What the shipped Jenkinsfile and the reading of its stages need, by short name."""
_GIT = re.compile(r"(String gitCredentials\(\) \{ return ')[^'\\\n<&]*(' \})")
_KEPT = tuple(
    re.compile(rf"(String {name}\(\) \{{ return ')([^'\\\n<&]*)(' \}})")
    for name in ("registryCredentials", "webhookCredentials")
)
"""Ids that a person put into the installed job."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # no XML can hold them


class NotDone(Exception):
    """A message for the operator: why the job is not as wanted."""


@dataclass(frozen=True)
class Plan:
    """What is there and what is to be there. ``installed`` empty: there is no such job."""

    job: str
    installed: str
    wanted: str
    diff: tuple[str, ...]

    @property
    def checked_at(self) -> str:
        """The job or folder where the script can be checked before anything is written; empty: nowhere."""
        return self.job if self.installed else self.job.strip("/").rpartition("/")[0]


def wanted_config(server: JenkinsServer, installed: str = "") -> str:
    """The shipped config with the ids of this server's credentials: that of Git as its row has it, those of the
    registry and of the webhook as the installed job has them."""
    text = (Path(settings.BASE_DIR) / "jenkins_job" / "config.xml").read_text(encoding="utf-8")
    groovy = _CONTROL.sub("", server.credentials_id).replace("\\", "\\\\").replace("'", "\\'")
    text = _GIT.sub(lambda found: found[1] + escape(groovy) + found[2], text, count=1)
    script = _script(installed)
    for place in _KEPT:
        if kept := place.search(script):
            text = place.sub(rf"\g<1>{kept[2]}\g<3>", text, count=1)
    return text


def _script(xml: str) -> str:
    try:
        return jenkins.script_of(xml) if xml else ""
    except jenkins.Unreadable:
        return ""


def connect(server: JenkinsServer, user: str, token: str) -> jenkins.JenkinsBuildServer:
    """The client for this server; ``user`` empty: with the account of its row. Raises Refused, DeployerError."""
    target = build_server_target(server)
    if user:
        target = dataclasses.replace(target, username=user, token=token)
    return jenkins.connect(target)


def plan(client: jenkins.JenkinsBuildServer, server: JenkinsServer, job: str) -> Plan:
    """Reads the job. Raises DeployerError."""
    try:
        installed = client.job_config(job)
    except NotFound:
        installed = ""
    wanted = wanted_config(server, installed)
    return Plan(job, installed, wanted, jenkins.differences(installed, wanted))


def differs(client: jenkins.JenkinsBuildServer, server: JenkinsServer, job: str) -> bool:
    """Whether the job is readable and another than this version's: what cannot be read is no drift."""
    try:
        found = plan(client, server, job)
    except DeployerError:
        return False
    return bool(found.installed and found.diff)


# ---------------------------------------------------------------- the script
def check_script(client: jenkins.JenkinsBuildServer, at: str, wanted: str) -> str:
    """What to say of a check that passed, or that this server or account does not offer. Raises NotDone for a script
    that does not compile, DeployerError where no answer came."""
    if not at:
        return "The script is checked when the job is there, before it is enabled."
    try:
        faults = client.script_faults(at, jenkins.script_of(wanted))
    except (Forbidden, NotFound) as error:
        return f"The script could not be checked: {_english(error)}"
    if faults:
        lines = "\n".join(f"  line {one.line}, column {one.column}: {one.message}" for one in faults)
        raise NotDone(f"The script does not compile on this server:\n{lines}")
    return "The server finds no fault in the script (without Job/Configure it never does)."


# ---------------------------------------------------------------- writing
def write(client: jenkins.JenkinsBuildServer, server: JenkinsServer, plan: Plan, account: str) -> str:
    """Sends the job once and reads it back. Raises DeployerError, and NotDone where Jenkins has another one then.

    Where nothing is there to check the script at, the job is made disabled, checked, and only then enabled: then the
    answer says what came of the check.
    """
    facts = {
        "job": plan.job,
        "account": account,
        "by": "command line",
        "is_new": not plan.installed,
        "sha256": hashlib.sha256(plan.wanted.encode()).hexdigest(),
    }
    _record(server, "sync_jenkins_job_began", facts)
    said = ""
    if plan.checked_at:
        _send(client, plan.job, plan.wanted, is_new=not plan.installed)
    else:
        said = _make_checked(client, plan)
    _record(server, "sync_jenkins_job", facts)
    return said


def _make_checked(client: jenkins.JenkinsBuildServer, plan: Plan) -> str:
    _send(client, plan.job, _disabled(plan.wanted), is_new=True)
    try:
        said = check_script(client, plan.job, plan.wanted)
    except (NotDone, DeployerError) as error:
        why = _english(error) if isinstance(error, DeployerError) else str(error)
        raise NotDone(f"{why}\nThe job {plan.job} was made, and stays disabled. Run this again.") from None
    _send(client, plan.job, plan.wanted, is_new=False)
    return said


def _record(server: JenkinsServer, verb: str, facts: dict[str, Any]) -> None:
    """Before the request and after the job was read back: a process that dies in between leaves the first."""
    audit.record_act(audit.platform, verb, server, after=facts)


def _disabled(xml: str) -> str:
    """Its last ``disabled`` is the job's own: the script stands before it."""
    before, _found, after = xml.rpartition("<disabled>false</disabled>")
    return f"{before}<disabled>true</disabled>{after}"


def _send(client: jenkins.JenkinsBuildServer, job: str, xml: str, *, is_new: bool) -> None:
    """One request; whether it was carried out is read, also where no answer came."""
    send: Callable[..., None] = client.create_job if is_new else client.update_job
    unknown: OutcomeUnknown | None = None
    try:
        send(job, xml, deadline=time.monotonic() + WRITE_SECONDS)
    except OutcomeUnknown as error:
        unknown = error
    try:
        left = jenkins.differences(client.job_config(job), xml)
    except DeployerError as error:
        why = f"{_english(unknown)} " if unknown else ""
        raise NotDone(f"{why}The job could not be read back: {_english(error)} Run this again.") from error
    if left and unknown:
        raise NotDone(f"{_english(unknown)} So far the job is as before. Run this again.") from unknown
    if left:
        raise NotDone("Jenkins has another job than the one sent. Run this again; it still differs in:\n" + _cut(left))


def _cut(lines: tuple[str, ...], most: int = 40) -> str:
    return "\n".join(lines[:most])


def _english(error: DeployerError) -> str:
    return as_message(error).in_english


# ---------------------------------------------------------------- what the job needs
def missing(client: jenkins.JenkinsBuildServer, server: JenkinsServer, plan: Plan) -> list[str]:
    """A line for each plugin, node and credential that is not there, or could not be looked up."""
    try:
        there = client.inventory(plan.job)
    except DeployerError as error:
        return [f"Plugins, nodes and credentials could not be looked up: {_english(error)}"]
    kept = (place.search(plan.wanted) for place in _KEPT)
    ids = {server.credentials_id, *(found[2] for found in kept if found)} - {""}
    return [
        *_missing_plugins(there.plugins),
        *_missing_nodes(there.nodes, _labels(server)),
        *_missing_credentials(there.credentials, ids),
    ]


def _missing_plugins(plugins: tuple[jenkins.Plugin, ...] | None) -> list[str]:
    if plugins is None:
        names = ", ".join(PLUGINS.values())
        return [f"Plugins could not be looked up: the account lacks Overall/SystemRead. Needed are {names}."]
    there = {one.name: one for one in plugins}
    lines = []
    for name, title in PLUGINS.items():
        if name not in there:
            lines.append(f"The plugin {title} ({name}) is missing: install it under Manage Jenkins, Plugins.")
        elif not there[name].is_working:
            lines.append(f"The plugin {title} ({name}) is not active: enable it and restart Jenkins.")
    return lines


def _labels(server: JenkinsServer) -> dict[str, list[str]]:
    """Labels that the server's row and the newest settings of its components name, with who names each."""
    named: dict[str, list[str]] = {}
    if server.image_node_label:
        named[server.image_node_label] = ["the server's settings"]
    rows = ComponentSettings.objects.filter(
        component__project__toolchain__jenkins=server, component__is_archived=False
    ).order_by("component_id", "number")
    newest = {row.component_id: row for row in rows.select_related("component")}
    for row in newest.values():
        if row.node_label:
            named.setdefault(row.node_label, []).append(row.component.name)
    return named


def _missing_nodes(nodes: tuple[jenkins.NodeLabels, ...] | None, named: dict[str, list[str]]) -> list[str]:
    if nodes is None:
        wanted = ", ".join(sorted(named)) or "none"
        return [f"Nodes could not be looked up: the account lacks Overall/Read. Labels in use: {wanted}."]
    lines = []
    for label, by in sorted(named.items()):
        serving = [node for node in nodes if label in node.labels]
        who = ", ".join(by[:5])
        if not serving:
            lines.append(
                f"No node has the label {label} now (named by {who}): give it to one, unless a cloud starts its agents."
            )
        elif all(node.is_offline for node in serving):
            lines.append(f"Every node with the label {label} is offline (named by {who}).")
    return lines


def _missing_credentials(there: frozenset[str] | None, ids: set[str]) -> list[str]:
    wanted = ", ".join(sorted(ids))
    if there is None:
        return [f"Credentials could not be looked up: the account lacks Credentials/View. Needed are {wanted}."]
    return [
        f"No credentials {name} in the global domain: add them under Manage Jenkins, Credentials, or name others."
        for name in sorted(ids - there)
    ]
