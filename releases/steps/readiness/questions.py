"""What one component needs in the twin's space, thing by thing: there, missing, or not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.values import image_repository
from deployer.errors import Unavailable
from deployer.interfaces import Manifest, ObjectRef, QuotaLine
from deployer.manifests import find_workload, lasting_references, ref_of
from deployer.quantities import QuantityError
from environments.access import who_may
from environments.models import Space
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from releases.models import Placement, Review
from releases.readiness import MISSING, READY, UNKNOWN
from releases.steps.readiness.asking import NotKnown, Side
from releases.steps.review.headroom import quota_headroom
from releases.steps.review.surroundings import Surroundings
from releases.steps.review.wanted import Trouble, render

Live = dict[ObjectRef, Manifest | None]


@dataclass(frozen=True)
class Item:
    """One thing; ``message`` says what is missing or why it is not known, ``help`` what to do."""

    code: str
    state: str
    message: MessageLike = ""
    help: MessageLike = ""

    def as_data(self) -> dict[str, Any]:
        """As the row keeps it."""
        words = {"message": as_message(self.message), "help": as_message(self.help)}
        return {"code": self.code, "state": self.state, **words}


@dataclass
class Sides:
    """Whom a check asks. ``used``: what the components asked about before would leave of each quota."""

    space: Space
    cluster: Side
    images: Side
    registry: str
    used: dict[str, int]
    lines: tuple[QuotaLine, ...] | None = None
    ranges: tuple[Manifest, ...] = field(default=())


def items_of(sides: Sides, place: Placement) -> Iterator[Item]:
    """Every thing of ``CODES``, each once."""
    manifests, snapshot = _rendered(sides, place)
    yield snapshot
    yield _image(sides, place)
    if manifests is None:
        why = _("Not known before its deployment can be made up.")
        yield Item("quota", UNKNOWN, why)
        yield Item("names", UNKNOWN, why)
        return
    yield _quota(sides, manifests)
    yield _names(sides, manifests)


# ---------------------------------------------------------------- what would be applied
def _rendered(sides: Sides, place: Placement) -> tuple[Sequence[Manifest] | None, Item]:
    """What a deployment here would apply, made as a review makes it and stored nowhere; None where it cannot be."""
    good = place.last_succeeded
    assert good is not None and good.snapshot is not None
    review = Review(order=good.order, component=place.component, space=sides.space)
    try:
        wanted = render(review)
    except Trouble as trouble:
        return None, Item("snapshot", MISSING, _first(trouble), _ask(sides.space, "review"))
    except Unavailable as error:
        return None, Item("snapshot", UNKNOWN, error.message)
    return wanted.manifests, Item("snapshot", READY)


def _first(trouble: Trouble) -> MessageLike:
    return trouble.problems[0].message if trouble.problems else trouble.message


def _ask(space: Space, verb: str) -> MessageLike:
    return _("Who can see to it: %(who)s.", who=who_may(verb, space=space))


# ---------------------------------------------------------------- image
def _image(sides: Sides, place: Placement) -> Item:
    assert place.last_succeeded is not None
    order = place.last_succeeded.order
    repository = image_repository(place.component)
    try:
        found = sides.images.ask(lambda client: client.image(repository, order.image_digest))
    except NotKnown as error:
        return Item("image", UNKNOWN, error.message)
    if found is not None:
        return Item("image", READY)
    names = {"registry": sides.registry, "repository": repository, "digest": order.image_digest}
    return Item(
        "image",
        MISSING,
        _("Registry %(registry)s has no %(repository)s@%(digest)s.", **names),
        _("Copy it there with this very digest, or deploy an order in production whose image is there."),
    )


# ---------------------------------------------------------------- quota
def _quota(sides: Sides, manifests: Sequence[Manifest]) -> Item:
    """On top of what runs there and of the components before, each of which would be brought up as well."""
    try:
        lines, live = sides.cluster.ask(lambda client: _read(sides, client, manifests))
        around = Surroundings(inventory=lambda: (), quota=lambda: lines, limit_ranges=lambda: sides.ranges)
        headroom = quota_headroom(around, live, {ref_of(one): one for one in manifests})
    except NotKnown as error:
        return Item("quota", UNKNOWN, error.message)
    except QuantityError as error:
        return Item("quota", UNKNOWN, as_message(str(error)))
    for effect in headroom.effects:
        sides.used[_key(effect)] = effect.after
    if not headroom.problems:
        return Item("quota", READY)
    help_ = _("A higher ceiling of the space: %(who)s.", who=who_may("manage_places"))
    return Item("quota", MISSING, headroom.problems[0].message, help_)


def _read(sides: Sides, client: Any, manifests: Sequence[Manifest]) -> tuple[tuple[QuotaLine, ...], Live]:
    namespace = sides.space.namespace
    if sides.lines is None:
        sides.lines, sides.ranges = client.quota(namespace), client.limit_ranges(namespace)
    lines = tuple(replace(one, used=sides.used.get(_key(one), one.used)) for one in sides.lines)
    return lines, client.read_all(namespace, map(ref_of, manifests))


def _key(line: Any) -> str:
    return f"{line.quota} {line.resource}"


# ---------------------------------------------------------------- what the manifests refer to
def _names(sides: Sides, manifests: Sequence[Manifest]) -> Item:
    """Secrets and claims are nobody's to apply: they must be there by name. Their content is not read."""
    workload = find_workload(list(manifests))
    own = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    wanted = sorted(lasting_references(workload["spec"]["template"]["spec"]) - own)
    missing, unknown = [], []
    for kind, name in wanted:
        try:
            if not _is_there(sides, ObjectRef("v1", kind, name)):
                missing.append(f"{kind} {name}")
        except NotKnown as error:
            unknown.append(_forbidden(sides.space, kind, name) if error.is_forbidden else Item("", "", error.message))
    if missing:
        where = {"namespace": sides.space.namespace, "cluster": sides.space.cluster.name}
        return Item(
            "names",
            MISSING,
            _("Not in namespace %(namespace)s: %(names)s.", namespace=sides.space.namespace, names=missing),
            _("Somebody with access to cluster %(cluster)s makes them in namespace %(namespace)s.", **where),
        )
    if unknown:
        return Item("names", UNKNOWN, unknown[0].message, unknown[0].help)
    return Item("names", READY)


def _is_there(sides: Sides, ref: ObjectRef) -> bool:
    found: bool = sides.cluster.ask(lambda client: client.is_there(sides.space.namespace, ref))
    return found


def _forbidden(space: Space, kind: str, name: str) -> Item:
    """Only names that a configuration gives are asked for, so the right is given by name, by an administrator there."""
    names: Mapping[str, str] = {"kind": kind, "name": name, "namespace": space.namespace}
    return Item(
        "names",
        UNKNOWN,
        _("The cluster account may not see whether %(kind)s %(name)s is in namespace %(namespace)s.", **names),
        _("Let it get this one name there; nothing of its content is read."),
    )
