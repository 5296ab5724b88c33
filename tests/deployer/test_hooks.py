"""Deliveries as other systems document them: who sent them, when, and what they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from deployer.hooks import NotAuthentic, Unreadable, read_build_nudge, read_git_push, read_image_push
from tests import deliveries as sent

SECRET = "5e" * 32
REPOSITORY = "sis-omm/proxy-gw"
BODIES: dict[str, Any] = {
    "gitlab": sent.encoded(sent.gitlab_push()),
    "gitea": sent.encoded(sent.gitea_push()),
    "github": sent.encoded(sent.gitea_push()),
}


def headers(form: str, body: bytes, secret: str = SECRET) -> CaseInsensitiveMapping[str]:
    found = {
        "gitlab": sent.gitlab_headers(secret),
        "gitea": sent.gitea_headers(secret, body),
        "github": sent.github_headers(secret, body),
    }[form]
    # A proxy may write names of headers in another case.
    return CaseInsensitiveMapping({name.lower(): value for name, value in found.items()})


@pytest.mark.parametrize("form", BODIES)
def test_a_push_names_its_repository(form: str) -> None:
    body = BODIES[form]
    found = read_git_push(SECRET, headers(form, body), body)
    assert (found.names, found.sent_at, found.is_repeated) == ((REPOSITORY,), None, False)
    assert len(found.mark) == 64 and found.mark == read_git_push(SECRET, headers(form, body), body).mark


@pytest.mark.security("forged-tasks")
@pytest.mark.parametrize("form", BODIES)
def test_another_secret_is_not_authentic(form: str) -> None:
    with pytest.raises(NotAuthentic):
        read_git_push(SECRET, headers(form, BODIES[form], secret="5f" * 32), BODIES[form])


@pytest.mark.security("forged-tasks")
@pytest.mark.parametrize("form", ["gitea", "github"])
def test_another_body_under_the_same_signature_is_not_authentic(form: str) -> None:
    signed = headers(form, BODIES[form])
    with pytest.raises(NotAuthentic):
        read_git_push(SECRET, signed, BODIES[form].replace(b"proxy-gw", b"proxy-xx"))


@pytest.mark.security("forged-tasks")
def test_a_push_without_a_signature_is_not_authentic() -> None:
    old = CaseInsensitiveMapping({"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=" + "0" * 40})
    for bare in (old, CaseInsensitiveMapping({})):
        with pytest.raises(NotAuthentic):
            read_git_push(SECRET, bare, BODIES["github"])


@pytest.mark.security("forged-tasks")
def test_an_unsigned_number_makes_no_other_delivery_of_it() -> None:
    body = BODIES["github"]
    one = read_git_push(SECRET, CaseInsensitiveMapping(sent.github_headers(SECRET, body, number="1")), body)
    other = read_git_push(SECRET, CaseInsensitiveMapping(sent.github_headers(SECRET, body, number="2")), body)
    assert one.mark == other.mark


def test_two_pushes_of_gitlab_with_one_body_are_two() -> None:
    body = BODIES["gitlab"]
    first, second = (
        read_git_push(SECRET, CaseInsensitiveMapping(sent.gitlab_headers(SECRET, uuid=uuid)), body) for uuid in "ab"
    )
    assert first.mark != second.mark


def test_other_events_name_nothing() -> None:
    body = sent.encoded({"zen": "Design for failure.", "hook": {}, "repository": {"full_name": REPOSITORY}})
    pings = [sent.github_headers(SECRET, body, event="ping"), sent.gitea_headers(SECRET, body, event="issues")]
    for given in pings:
        assert read_git_push(SECRET, CaseInsensitiveMapping(given), body).names == ()
    merge = sent.encoded({**sent.gitlab_push(), "object_kind": "merge_request", "event_name": "merge_request"})
    assert read_git_push(SECRET, CaseInsensitiveMapping(sent.gitlab_headers(SECRET)), merge).names == ()


@pytest.mark.parametrize(
    "body", [b"", b"payload=%7B%7D", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"repository": 7}']
)
def test_bodies_of_another_form(body: bytes) -> None:
    given = CaseInsensitiveMapping(sent.github_headers(SECRET, body))
    if body.startswith(b"{"):
        assert read_git_push(SECRET, given, body).names == ()
        return
    with pytest.raises(Unreadable):
        read_git_push(SECRET, given, body)


# ---------------------------------------------------------------- registries
def image_push(body: Any, token: str = SECRET) -> Any:
    return read_image_push(SECRET, CaseInsensitiveMapping({"Authorization": token}), sent.encoded(body))


@pytest.mark.parametrize("token", [SECRET, f"Bearer {SECRET}"])
def test_harbor_names_image_and_time(token: str) -> None:
    found = image_push(sent.harbor_push("sis-omm/mop", "K8S1", at=1586922308), token)
    assert (found.names, found.is_repeated) == (("sis-omm/mop:K8S1",), False)
    assert found.sent_at == datetime.fromtimestamp(1586922308, UTC)
    event = image_push(sent.harbor_event("sis-omm/mop", "K8S1", at="2023-04-03T06:04:46Z"), token)
    assert event.names == ("sis-omm/mop:K8S1",)
    assert event.sent_at == datetime(2023, 4, 3, 6, 4, 46, tzinfo=UTC)


def test_harbor_tells_of_other_things_too() -> None:
    found = image_push({**sent.harbor_push("sis-omm/mop", "K8S1"), "type": "DELETE_ARTIFACT"})
    assert found.names == ()


def test_distribution_names_images_of_manifests() -> None:
    # Go writes nanoseconds.
    found = image_push(sent.distribution_push("sis-omm/mop", "K8S1", at="2016-03-09T14:44:26.402973972-08:00"))
    assert (found.names, found.is_repeated) == (("sis-omm/mop:K8S1",), True)
    assert found.sent_at is not None and found.sent_at.astimezone(UTC).hour == 22
    pulled = image_push(sent.distribution_push("sis-omm/mop", "K8S1", at="2016-03-09T14:44:26Z", action="pull"))
    assert pulled.names == ()


@pytest.mark.parametrize("odd", ["K8S1\0", "\ud800", "K8S1\n"], ids=ascii)
def test_what_no_name_holds_names_nothing(odd: str) -> None:
    """A database would refuse to look for it."""
    at = "2016-03-09T14:44:26Z"
    bodies = (
        sent.harbor_push("a/b", odd),
        sent.harbor_event("a/b", odd, at=at),
        sent.distribution_push("a/b", odd, at=at),
    )
    for body in bodies:
        assert image_push(body).names == ()


@pytest.mark.security("forged-tasks")
def test_a_registry_without_the_secret_is_not_authentic() -> None:
    for token in ("", "Bearer", "Bearer " + "5f" * 32, f"Basic {SECRET}", "密"):
        with pytest.raises(NotAuthentic):
            image_push(sent.harbor_push("a/b", "c"), token)


@pytest.mark.parametrize(
    "body", [{}, {"type": "PUSH_ARTIFACT"}, {"type": "X", "occur_at": "soon"}, {"type": 7, "occur_at": 1}]
)
def test_a_registry_in_another_form(body: Any) -> None:
    with pytest.raises(Unreadable):
        image_push(body)


@pytest.mark.parametrize("stamp", ["9" * 400, "-1", "1e3", "٣", "", True, None, [], {}])
def test_strange_times_end_in_words(stamp: Any) -> None:
    body = {**sent.harbor_push("a/b", "c"), "occur_at": stamp}
    try:
        assert image_push(body).sent_at.year in (9999, 1970)
    except Unreadable as error:
        assert str(error)


# ---------------------------------------------------------------- our own form
def test_our_own_form_signs_time_and_body() -> None:
    body = sent.encoded({"trigger_id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"})
    given = sent.signed_headers(SECRET, body, at=1_700_000_000)
    found = read_build_nudge(SECRET, CaseInsensitiveMapping(given), body)
    assert found.names == ("6f9619ff-8b86-d011-b42d-00cf4fc964ff",)
    assert found.sent_at == datetime.fromtimestamp(1_700_000_000, UTC)
    for wrong in ({"X-Prism4k-Timestamp": "1700000001"}, {"X-Prism4k-Signature": "sha256="}):
        with pytest.raises(NotAuthentic):
            read_build_nudge(SECRET, CaseInsensitiveMapping({**given, **wrong}), body)
    with pytest.raises(NotAuthentic):
        read_build_nudge(SECRET, CaseInsensitiveMapping(given), body + b" ")
    assert read_build_nudge(SECRET, CaseInsensitiveMapping(sent.signed_headers(SECRET, b"{}")), b"{}").names == ()


def test_a_registry_may_be_signed_by_what_stands_before_it() -> None:
    body = sent.encoded(sent.harbor_push("sis-omm/mop", "K8S1"))
    found = read_image_push(SECRET, CaseInsensitiveMapping(sent.signed_headers(SECRET, body)), body)
    assert found.names == ("sis-omm/mop:K8S1",)
