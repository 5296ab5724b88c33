"""How Jenkins' answers are read: logs of both families, stages, parameters. Pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.adapters.jenkins import shapes
from deployer.adapters.jenkins.wire import job_path
from deployer.interfaces import AgentWait
from sandbox.jenkins.store import MOST_LINES, BuildLog

NOTE = b"\x1b[8mha:////4AAAA=\x1b[0m"


def test_running_log_goes_on_after_what_came_not_after_the_size() -> None:
    page = shapes.log_page(b"one\r\ntwo\r\n", is_cut=False, offset=100, size=900, has_more=True, most=1000)
    assert (page.text, page.next_offset, page.is_complete) == ("one\ntwo\n", 108, False)


@pytest.mark.parametrize("tail", [b"passw", b"half a sign \xe6\x94", b"\x1b[8mha:////4A", b"10%\r20%\r"])
def test_a_line_that_is_cut_on_its_way_comes_as_a_whole_next_time(tail: bytes) -> None:
    page = shapes.log_page(b"one\r\n" + tail, is_cut=False, offset=100, size=900, has_more=True, most=1000)
    assert (page.text, page.next_offset) == ("one\n", 104)
    page = shapes.log_page(tail, is_cut=False, offset=104, size=900, has_more=True, most=1000)
    assert (page.text, page.next_offset, page.is_complete) == ("", 104, False)


def test_notes_are_not_shown_but_counted() -> None:
    page = shapes.log_page(NOTE + b"[Pipeline] sh\r\n", is_cut=False, offset=0, size=900, has_more=True, most=1000)
    assert page.text == "[Pipeline] sh\n"
    assert page.next_offset == len(NOTE) + len("[Pipeline] sh\n")


def test_complete_log_ends_at_its_size() -> None:
    page = shapes.log_page(b"Finished: SUCCESS\r\n", is_cut=False, offset=50, size=68, has_more=False, most=1000)
    assert (page.next_offset, page.is_complete) == (68, True)


def test_log_that_shrank_is_read_again_from_the_start() -> None:
    page = shapes.log_page(b"new\r\n", is_cut=False, offset=50, size=4, has_more=True, most=1000)
    assert (page.text, page.next_offset, page.was_rewound) == ("new\n", 4, True)


def test_long_piece_ends_at_a_line_and_is_not_complete() -> None:
    body = b"x" * 60 + b"\r\n" + b"y" * 60 + b"\r\n"
    page = shapes.log_page(body, is_cut=False, offset=0, size=122, has_more=False, most=100)
    assert (page.text, page.next_offset, page.is_complete) == ("x" * 60 + "\n", 61, False)


def test_long_line_is_cut_between_characters() -> None:
    body = "每".encode() * 40
    page = shapes.log_page(body, is_cut=False, offset=0, size=120, has_more=False, most=100)
    assert page.text == "每" * 33
    assert page.next_offset == 99


def test_legacy_log_goes_on_at_the_size() -> None:
    page = shapes.legacy_log_page(b"one\r\n", is_cut=False, offset=100, size=160, has_more=True, most=1000)
    assert (page.text, page.next_offset) == ("one\n", 160)


def test_legacy_long_piece_says_what_it_leaves_out() -> None:
    body = b"".join(b"line %d\r\n" % number for number in range(1000))
    page = shapes.legacy_log_page(body, is_cut=False, offset=0, size=9000, has_more=True, most=400)
    assert "bytes left out here" in page.text
    assert page.text.startswith("line 0\n") and page.text.endswith("line 999\n")
    assert page.next_offset == 9000


def test_progress_bars_become_lines() -> None:
    assert shapes.log_text(b"10%\r20%\r30%\r\r\ndone\r\n") == "10%\n20%\n30%\ndone\n"


@pytest.mark.parametrize(
    ("version", "is_legacy"), [("2.504.3", True), ("2.508", True), ("2.509", False), ("2.568.2", False), ("", False)]
)
def test_log_family_follows_the_version(version: str, is_legacy: bool) -> None:
    assert shapes.is_legacy_log(version) is is_legacy


_LINES = st.lists(st.text(alphabet=st.sampled_from("aé每 \t"), max_size=20), max_size=40)


@given(
    chunks=st.lists(_LINES, max_size=5),
    is_legacy=st.booleans(),
    most=st.integers(min_value=80, max_value=400),
)
def test_reading_while_writing_loses_and_repeats_nothing(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[str]], is_legacy: bool, most: int
) -> None:
    log = BuildLog(tmp_path_factory.mktemp("log") / "log", is_open=True)
    if is_legacy:
        most = 10**6  # before 2.509 a long piece loses its middle on purpose
    text, offset = "", 0

    def read() -> bool:
        nonlocal text, offset
        piece = log.piece(offset, is_legacy=is_legacy)
        page = (shapes.legacy_log_page if is_legacy else shapes.log_page)(
            piece.body, is_cut=False, offset=offset, size=piece.size, has_more=piece.has_more, most=most
        )
        assert not page.was_rewound
        text, offset = text + page.text, page.next_offset
        return page.is_complete

    for lines in chunks:
        for index, line in enumerate(lines):
            log.line(line if index % 3 else f"[Pipeline] {line}")
        log.write(b"half a line, ")
        read()
    log.close()
    while not read():
        pass
    assert text == log.text().decode()


def test_stand_in_cuts_a_running_log_at_ten_thousand_lines(tmp_path_factory: pytest.TempPathFactory) -> None:
    log = BuildLog(tmp_path_factory.mktemp("log") / "log", is_open=True)
    log.write(b"x\n" * (MOST_LINES + 5))
    piece = log.piece(0, is_legacy=False)
    assert (piece.body.count(b"\r\n"), piece.size) == (MOST_LINES, 2 * (MOST_LINES + 5))


def test_only_the_first_failed_stage_failed() -> None:
    stages = [("A", "SUCCESS"), ("B", "FAILED"), ("C", "FAILED"), ("D", "NOT_EXECUTED")]
    bean = {"stages": [{"name": name, "status": status, "startTimeMillis": 5} for name, status in stages]}
    bean["stages"][1]["error"] = {"message": "script returned exit code 2", "type": "x"}
    found = shapes.stage_statuses(bean)
    assert [status.state for status in found] == ["succeeded", "failed", "skipped", "skipped"]
    assert [status.message for status in found] == ["", "script returned exit code 2", "", ""]


@pytest.mark.parametrize(
    ("status", "state"),
    [("IN_PROGRESS", "running"), ("PAUSED_PENDING_INPUT", "waiting"), ("ABORTED", "cancelled"), ("UNSTABLE", "failed")],
)
def test_stage_states_are_ours(status: str, state: str) -> None:
    assert shapes.stage_statuses({"stages": [{"name": "A", "status": status}]})[0].state == state


def test_abort_cause_is_the_interruption_not_the_start() -> None:
    started = {"_class": "hudson.model.CauseAction", "causes": [{"shortDescription": "Started by user bot"}]}
    ended = {
        "_class": "jenkins.model.InterruptedBuildAction",
        "causes": [{"shortDescription": "Timeout has been exceeded"}, {"shortDescription": "Aborted by bob"}],
    }
    detail = shapes.build_detail({"number": 7, "building": False, "result": "ABORTED", "actions": [started, {}, ended]})
    assert detail.abort_cause == "Timeout has been exceeded; Aborted by bob"


def test_result_while_building_is_not_final() -> None:
    status = shapes.build_status({"number": 7, "queueId": 3, "building": True, "result": "UNSTABLE"})
    assert (status.is_building, status.result) == (True, "UNSTABLE")


def test_hidden_parameter_value_is_empty() -> None:
    actions = [{"parameters": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C", "value": False}]}, {}, None]
    assert shapes.parameters(actions) == {"A": "1", "B": "", "C": "False"}


def test_several_builds_of_one_trigger_the_lowest_counts() -> None:
    assert shapes.first_number([{"number": 9}, {"number": 4}, {"number": 7}]) == {"number": 4}
    assert shapes.first_number([]) is None


def test_a_whole_log_reads_like_its_pages_wherever_the_stream_is_cut() -> None:
    raw = "eins\r\nzwei ü 支付\n\x1b[8mha:////4AbC==\x1b[0m[Pipeline] sh\npart".encode()
    wanted = "eins\nzwei ü 支付\n[Pipeline] sh\npart"
    for size in (1, 2, 3, 5, 7, 64, 1000):
        assert "".join(shapes.whole_log(raw[at : at + size] for at in range(0, len(raw), size))) == wanted
    assert list(shapes.whole_log([])) == []


def test_a_long_piece_of_the_old_protocol_says_that_it_has_a_gap() -> None:
    whole = b"".join(b"line %d\n" % number for number in range(1000))
    short = shapes.legacy_log_page(whole, is_cut=False, offset=0, size=len(whole), has_more=False, most=1 << 20)
    assert not short.has_gap and short.text.encode() == whole
    long = shapes.legacy_log_page(whole, is_cut=False, offset=0, size=len(whole), has_more=False, most=1000)
    assert long.has_gap and "left out" in long.text


def states(*stages: tuple[str, str], error_at: int | None = None) -> list[str]:
    beans: list[dict[str, object]] = [{"name": name, "status": status} for name, status in stages]
    if error_at is not None:
        beans[error_at]["error"] = {"message": "script returned exit code 1", "type": "x"}
    return [stage.state for stage in shapes.stage_statuses({"stages": beans})]


POST = "Declarative: Post Actions"


def test_the_last_stage_takes_the_runs_result_and_is_not_blamed_for_it() -> None:
    assert states(("A", "FAILED"), ("B", "FAILED"), (POST, "FAILED")) == ["failed", "skipped", "succeeded"]
    assert states(("A", "UNSTABLE"), ("B", "UNSTABLE")) == ["failed", "succeeded"]
    assert states(("A", "UNSTABLE"), ("B", "UNSTABLE"), ("C", "SUCCESS")) == ["failed", "failed", "succeeded"]
    assert states(("A", "ABORTED"), (POST, "ABORTED")) == ["cancelled", "succeeded"]


def test_a_last_stage_that_is_at_fault_is_the_culprit() -> None:
    assert states(("A", "SUCCESS"), (POST, "FAILED")) == ["succeeded", "failed"]
    assert states(("A", "UNSTABLE"), (POST, "FAILED")) == ["failed", "failed"]


def test_a_stage_that_its_condition_left_out_was_skipped() -> None:
    assert states(("A", "SUCCESS"), ("B", "NOT_EXECUTED"), ("C", "SUCCESS")) == ["succeeded", "skipped", "succeeded"]


def test_only_the_node_steps_of_the_jobs_own_builds_wait_for_an_agent() -> None:
    def item(url: str, since: int, why: str = "no agent") -> dict[str, object]:
        return {"why": why, "inQueueSince": since, "task": {"url": url}}

    items = [
        item("http://h/job/J/7/", 20),
        item("job/J/7/", 10, "longest"),
        item("http://h/job/J/", 5),
        item("http://h/job/folder/job/J/9/", 5),
        item("http://h/job/OTHER-J/8/", 5),
        {"why": "x", "task": None},
    ]
    found = shapes.agent_waits({"items": items}, "job/J/")
    assert found == {7: AgentWait("longest", 10)}


@pytest.mark.parametrize(
    ("name", "url"),
    [("c++", "job/c++/7/"), ("c++", "http://h/jenkins/job/c%2B%2B/7/"), ("支付 app", "job/%E6%94%AF%E4%BB%98%20app/7/"),
     ("A/feature%2Fx", "http://h/job/A/job/feature%252Fx/7/"), ("a@b'c", "job/a@b'c/7/")],
)  # fmt: skip
def test_a_jobs_name_is_the_same_however_its_address_is_written(name: str, url: str) -> None:
    item = {"why": "no agent", "inQueueSince": 5, "task": {"url": url}}
    assert shapes.agent_waits({"items": [item]}, job_path(name)) == {7: AgentWait("no agent", 5)}
