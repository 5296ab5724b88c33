"""Every verdict has words, for any status that a cluster can report."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.interfaces import Observation
from deployer.verdict import (
    MESSAGES,
    NEXT_STEPS,
    has_progressed,
    progress_mark,
)
from tests.deployer.test_verdict import ago, boxed, code_of, deployment, pod, verdict_of, waiting


def test_a_certain_cause_goes_before_a_suspected_one() -> None:
    slow = pod(
        "a",
        age=100,
        status={"containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    )
    assert code_of(verdict_of(slow, waiting("InvalidImageName"))) == ("failed", "image_name_invalid")


def test_progress_is_marked_by_each_kind_of_progress() -> None:
    def mark(**status: Any) -> str:
        return progress_mark(Observation((deployment(**status),), (), (), "1"), "web")

    base = {"updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "replicas": 3}
    first = progress_mark(
        Observation((deployment() | {"status": {"observedGeneration": 3} | base},), (), (), "1"), "web"
    )
    for name, value in (("updatedReplicas", 2), ("readyReplicas", 2), ("availableReplicas", 2), ("replicas", 2)):
        changed = deployment() | {"status": {"observedGeneration": 3} | base | {name: value}}
        then = progress_mark(Observation((changed,), (), (), "1"), "web")
        assert has_progressed(first, then), name
        assert not has_progressed(then, first), f"less of {name}, as DeploymentProgressing counts"
    assert not has_progressed(first, first) and has_progressed("", first) and not has_progressed(first, "")
    assert mark(updatedReplicas=1) == mark(updatedReplicas=1)
    assert progress_mark(Observation((), (), (), "1"), "web") == ""


def test_every_code_has_a_message_and_a_next_step() -> None:
    assert set(MESSAGES) == set(NEXT_STEPS)
    assert all(message.text.endswith((".", "s")) for message in MESSAGES.values())


STATES = st.fixed_dictionaries(
    {},
    optional={
        "waiting": st.fixed_dictionaries(
            {}, optional={"reason": st.sampled_from(["CrashLoopBackOff", "ErrImagePull", "X", ""])}
        ),
        "running": st.fixed_dictionaries({}, optional={"startedAt": st.sampled_from([ago(5), "bad", ""])}),
        "terminated": st.fixed_dictionaries(
            {}, optional={"exitCode": st.integers(0, 255), "reason": st.text(max_size=3)}
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(STATES, STATES, st.integers(0, 5), st.booleans()), max_size=3),
    st.dictionaries(st.sampled_from(["updatedReplicas", "replicas", "availableReplicas"]), st.integers(0, 4)),
)
def test_any_status_gets_a_verdict_with_a_message(parts: list[Any], status: dict[str, int]) -> None:
    pods = [boxed(state, last=last, restarts=restarts, init=init) for state, last, restarts, init in parts]
    code_of(verdict_of(*pods, d=deployment(updatedReplicas=0) | {"status": {"observedGeneration": 3} | status}))
