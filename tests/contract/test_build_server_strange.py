"""JSON that is not Jenkins', or is with odd values: one of our errors, or values that a row can hold."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.adapters.jenkins import JenkinsBuildServer
from deployer.adapters.jenkins.wire import Answer
from deployer.errors import DeployerError, Unavailable
from deployer.interfaces import BuildServerTarget

PARAMETERS = {"_class": "ParametersAction", "parameters": [{"name": "TRIGGER_ID", "value": "t-1"}]}
CAUSES = {"_class": "InterruptedBuildAction", "causes": [{"shortDescription": "Aborted by bob"}]}
BUILD = {
    "number": 7,
    "queueId": 25,
    "building": False,
    "result": "ABORTED",
    "description": "x",
    "actions": [PARAMETERS, CAUSES],
}
ITEM = {
    "id": 25, "why": "Waiting", "stuck": False, "inQueueSince": 1700000000000, "cancelled": False,
    "executable": {"number": 7}, "actions": [PARAMETERS], "task": {"url": "http://h/job/J/7/", "name": "J"},
}  # fmt: skip
STAGE = {
    "name": "Build",
    "status": "FAILED",
    "error": {"message": "no"},
    "startTimeMillis": 1700000000000,
    "durationMillis": 9,
}
JOB = {
    "_class": "WorkflowJob", "buildable": True, "nextBuildNumber": 8,
    "property": [{"parameterDefinitions": [{"name": "TRIGGER_ID"}]}],
}  # fmt: skip
READS: dict[str, tuple[dict[str, Any], Callable[[JenkinsBuildServer], object]]] = {
    "builds": ({"builds": [BUILD]}, lambda client: client._read_builds("J")),
    "build": (BUILD, lambda client: client.build("J", 7)),
    "stages": ({"stages": [STAGE, STAGE]}, lambda client: client.stages("J", 7)),
    "item": (ITEM, lambda client: client.queue_item(25, "t-1")),
    "waits": ({"items": [ITEM]}, lambda client: client._read_waits("J")),
    "job": (JOB, lambda client: client.job("J")),
    "in queue": ({"items": [ITEM]}, lambda client: client._find_queued("t-1")),
    "among builds": ({**JOB, "builds": [BUILD]}, lambda client: client._find_build("J", "t-1", 1)),
    "account": ({"id": "bot"}, lambda client: client.describe()),
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([2**31, 2**63, 10**30, -1, 0]), st.floats(), st.text(),
    st.sampled_from(["\0", "\ud800", "x" * 5000, "7"]), st.just([]), st.just({}), st.just([1, "a", None, {}]),
)  # fmt: skip


def client_that_hears(bean: Any) -> JenkinsBuildServer:
    """One whose every read has this answer."""
    client = JenkinsBuildServer(BuildServerTarget("jenkins:odd", "http://127.0.0.1:1/", "bot", "token"))
    headers = {"Content-Type": "application/json", "X-Jenkins": "2.568.2"}
    body = bean if isinstance(bean, bytes) else json.dumps(bean).encode()
    client._wire.get = lambda *_args, **_named: Answer(200, headers, body)  # type: ignore[method-assign]
    return client


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in it."""
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in found:
        yield (*path, name)
        yield from places(part, (*path, name))


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """A copy with another value there."""
    if not path:
        return to
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = changed(value[path[0]], path[1:], to)
    return copied


def leaves(value: Any) -> Iterator[Any]:
    """Texts and numbers of a result."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | frozenset):
        for part in value:
            yield from leaves(part)
    else:
        yield value


@pytest.mark.parametrize("name", READS)
@given(data=st.data())
def test_odd_values_become_ordinary_ones_or_one_of_our_errors(name: str, data: st.DataObject) -> None:
    """Anything else would end the build after some passes, as a fault of the engine."""
    bean, call = READS[name]
    place = data.draw(st.sampled_from([(), *places(bean)]))
    try:
        found = call(client_that_hears(changed(bean, place, data.draw(ODD))))
    except DeployerError:
        return
    for leaf in leaves(found):
        if isinstance(leaf, str) and name not in ("build", "job", "account"):
            assert "\0" not in leaf and len(leaf) <= 2000
            leaf.encode()
        if isinstance(leaf, int):
            assert -1 <= leaf < 2**62


@pytest.mark.parametrize("name", sorted({*READS} - {"stages", "account"}))
@pytest.mark.parametrize("bean", [{}, {"status": "up"}, {"error": "upstream"}], ids=str)
def test_json_of_something_else_is_no_absence(name: str, bean: dict[str, str]) -> None:
    """An empty queue and an empty list of builds lead to a second POST."""
    _bean, call = READS[name]
    with pytest.raises(Unavailable):
        call(client_that_hears(bean))


@pytest.mark.parametrize("name", READS)
def test_json_without_a_bottom_is_not_read(name: str) -> None:
    with pytest.raises(Unavailable):
        READS[name][1](client_that_hears(b"[" * 100_000))
