"""Facts of an order with copy buttons, and all facts of the component screen: what runs now against what would."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.utils.text import capfirst
from django.utils.translation import pgettext_lazy

from accounts.models import User
from components.entry_words import summary_of
from components.history import settings_label
from components.models import SETTINGS_TEXTS, Allocation, ComponentSettings, ConfigVersion, ScalingRule, TemplateVersion
from deployer.quantities import bytes_to_gib, millicores_to_cores
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.outbound import is_link
from releases.models import Build, Deployment, ReleaseOrder, Snapshot

BUILD_LABELS: dict[str, MessageLike] = {"job_name": pgettext_lazy("build dialog", "Jenkins job")}
BUILT_WITH = ("package_name", "job_name", "node_label", "build_command")
"""Settings that the dialog before a build shows."""


@dataclass(frozen=True)
class Fact:
    """One line: with ``copy`` the whole text goes to the clipboard and ``text`` is the short form."""

    label: MessageLike
    text: str
    copy: str = ""
    url: str = ""
    is_code: bool = False


@dataclass(frozen=True)
class Compared:
    """One fact of the component screen: running now, after. ``who`` changed it last and ``when``, where it changed."""

    label: MessageLike
    before: str
    after: str
    is_changed: bool
    who: User | None = None
    when: datetime | None = None
    is_first: bool = False


def console_url(build: Build) -> str:
    """This run's own console in Jenkins; empty before it has a number, and where Jenkins has no address to link to."""
    if build.build_number is None or not is_link(build.server.url):
        return ""
    path = "/".join(f"job/{quote(part)}" for part in build.job.split("/") if part)
    return f"{build.server.url.rstrip('/')}/{path}/{build.build_number}/console"


def order_facts(order: ReleaseOrder, build: Build | None) -> list[Fact]:
    """The right column: tag, digest, base image, commit, Jenkins run, registry; each has its row from the beginning."""
    number = f"{build.job} #{build.build_number}" if build and build.build_number else build.job if build else ""
    # Not before a run has claimed it: anybody who knows it could claim in its place.
    trigger = str(build.trigger_id) if build and build.build_number is not None else ""
    base = str(order.base_image or "")
    return [
        Fact(_("Image tag"), order.image_tag, order.image_tag),
        Fact(_("Image"), order.image, order.image),
        Fact(_("Digest"), _cut(order.image_digest, 19), order.image_digest),
        Fact(_("Commit"), order.commit[:7], order.commit),
        Fact(_("Branch"), order.branch, order.branch),
        *([Fact(_("Git tag"), order.git_tag, order.git_tag)] if order.git_tag else []),
        Fact(_("Base image"), base, base),
        *build_facts(order.component_settings, ("package_name", "build_command")),
        Fact(_("Jenkins run"), number, url=console_url(build) if build else ""),
        Fact(_("Registry"), build.registry.address if build else "", is_code=True),
        Fact(_("Trigger id"), _cut(trigger, 8), trigger),
    ]


def _cut(text: str, length: int) -> str:
    return f"{text[:length]}…" if text else ""


def build_facts(settings: ComponentSettings | None, names: Sequence[str] = BUILT_WITH) -> list[Fact]:
    """What a build is told, under the labels of the component's own screen, unless the dialog calls it otherwise."""
    labels = {name: BUILD_LABELS.get(name) or settings_label(name) for name in names}
    return [Fact(label, str(getattr(settings, name, None) or ""), is_code=True) for name, label in labels.items()]


def compare(after: Snapshot, running: Deployment | None) -> list[Compared]:
    """Every fact of the component screen as frozen in ``after``, beside what serves now."""
    before = running.snapshot if running else None
    rows = list(_rows(before, after))
    if before is None:
        # The first time there: everything is new, so nothing is marked as changed.
        return [Compared(row.label, "", row.after, False, is_first=row.is_first) for row in rows]
    return rows


def folded(rows: list[Compared]) -> dict[str, list[Compared]]:
    """For the page: ``compared`` is what changed and what people compare first; ``unchanged`` are the other facts."""
    first = [row for row in rows if row.is_changed or row.is_first]
    return {"compared": first, "unchanged": [row for row in rows if not (row.is_changed or row.is_first)]}


def _rows(before: Snapshot | None, after: Snapshot) -> Iterator[Compared]:
    old, new = before.order if before else None, after.order
    yield _row(_("Order"), old.number if old else "", new.number, new.author, new.created_at, is_first=True)
    yield _row(_("Branch"), old.branch if old else "", new.branch)
    if new.git_tag or (old and old.git_tag):
        yield _row(_("Git tag"), old.git_tag if old else "", new.git_tag)
    yield _row(_("Commit"), old.commit[:7] if old else "", new.commit[:7], is_first=True)
    yield _row(_("Digest"), before.digest[:19] if before else "", after.digest[:19], is_first=True)
    yield from _settings_rows(before.component_settings if before else None, after.component_settings)
    yield _row(_("Base image"), str(old.base_image or "") if old else "", str(new.base_image or ""))
    yield from _template_rows(before, after)
    yield from _allocation_rows(before, after)
    yield _rule_row(before.scaling_rule if before else None, after.scaling_rule)
    check = after.entry_check
    by = (check.author, check.created_at) if check else (None, None)
    yield _row(_("Entry check"), summary_of(before.entry_check if before else None), summary_of(check), *by)
    yield from _config_rows(before.config if before else None, after.config)


def _row(
    label: MessageLike,
    before: str,
    after: str,
    who: User | None = None,
    when: datetime | None = None,
    *,
    is_first: bool = False,
) -> Compared:
    changed = before != after
    return Compared(label, before, after, changed, who if changed else None, when if changed else None, is_first)


def _settings_rows(before: ComponentSettings | None, after: ComponentSettings) -> Iterator[Compared]:
    for name in SETTINGS_TEXTS:
        label = capfirst(str(ComponentSettings._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
        old = str(getattr(before, name)) if before else ""
        yield _row(label, old, str(getattr(after, name)), after.author, after.created_at)


def _template_rows(before: Snapshot | None, after: Snapshot) -> Iterator[Compared]:
    old = before.order if before else None
    pairs: list[tuple[MessageLike, TemplateVersion | None, TemplateVersion | None]] = [
        ("Dockerfile", old.dockerfile if old else None, after.order.dockerfile),
        (_("BootStart file"), old.bootstart if old else None, after.order.bootstart),
        (_("Deployment template"), before.deployment_template if before else None, after.deployment_template),
        (_("Service template"), before.service_template if before else None, after.service_template),
    ]
    for label, was, will in pairs:
        who, when = (will.author, will.created_at) if will else (None, None)
        yield _row(label, str(was or ""), str(will or ""), who, when)


def amounts_of(allocation: Allocation | None) -> dict[str, str]:
    """Replicas, and CPU and memory of a pod as ``lower / upper`` in cores and GiB; empty texts for None."""
    if allocation is None:
        return {"replicas": "", "cpu": "", "memory": ""}
    cpu = (millicores_to_cores(amount) for amount in (allocation.cpu_request, allocation.cpu_limit))
    memory = (bytes_to_gib(amount) for amount in (allocation.memory_request, allocation.memory_limit))
    return {"replicas": str(allocation.replicas), "cpu": " / ".join(cpu), "memory": " / ".join(memory)}


def _allocation_rows(before: Snapshot | None, after: Snapshot) -> Iterator[Compared]:
    was, will = amounts_of(before.allocation if before else None), amounts_of(after.allocation)
    by = (after.allocation.author, after.allocation.created_at)
    labels = {
        "replicas": _("Replicas"),
        "cpu": _("CPU (cores) lower / upper"),
        "memory": _("Memory (G) lower / upper"),
    }
    for name, label in labels.items():
        yield _row(label, was[name], will[name], *by, is_first=True)


def rule_in_words(rule: ScalingRule | None) -> MessageLike:
    """Bounds and target of a rule; the word for none."""
    if rule is None:
        return _("none")
    return _(
        "%(least)s to %(most)s replicas, CPU %(percent)s %%",
        least=rule.minimum,
        most=rule.maximum,
        percent=rule.cpu_percent,
    )


def _rule_row(before: ScalingRule | None, after: ScalingRule | None) -> Compared:
    by = (after.author, after.created_at) if after else (None, None)
    return _row(_("Scaling rule"), str(rule_in_words(before)), str(rule_in_words(after)), *by, is_first=True)


def _config_rows(before: ConfigVersion | None, after: ConfigVersion | None) -> Iterator[Compared]:
    """One line per variable and file that differs; one line that says so when none does."""
    old, new = _entries(before), _entries(after)
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if not changed:
        count = str(len(new))
        yield Compared(_("Configuration"), count, count, False, is_first=True)
    for name in changed:
        who, when = (after.author, after.created_at) if after else (None, None)
        label = _("Configuration %(name)s", name=name)
        yield Compared(label, old.get(name, ""), new.get(name, ""), True, who, when)


def _entries(config: ConfigVersion | None) -> dict[str, str]:
    """What is set, as text: a value, or which key of which Secret it comes from (never a secret itself)."""
    if config is None:
        return {}
    found = {}
    for entry in config.env:
        value = str(entry.get("value", ""))
        found[str(entry["name"])] = f"Secret {entry['secret']}/{entry.get('key', '')}" if entry.get("secret") else value
    for name, text in config.files.items():
        # Long files are compared by what they hold, shown by how long they are.
        found[name] = f"{_('%(n)s lines', n=len(str(text).splitlines()))} · {hash_of(str(text))}"
    return found


def hash_of(text: str) -> str:
    """Eight digits that tell two texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
