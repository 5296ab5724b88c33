"""What is quoted of a receiver's answer holds nothing of its address or secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.models import Component
from foundation.redaction import MASK
from foundation.runs.choices import RunState
from notifications.masking import quoted
from tests.cast import World
from tests.notifications.receiver import Receiver, receiver
from tests.notifications.test_webhooks import make, send, told

SLACK = "https://hooks.slack.example/services/T0/B0/SecretOfTheChat"
ROBOT = "https://oapi.example/robot/send?access_token=5f%2Ba+b2c&x=1"


@pytest.fixture
def box(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]
    with receiver() as found:
        yield found


@pytest.mark.security("secrets-that-leak")
@pytest.mark.parametrize(
    ("url", "answer", "shown"),
    [
        (SLACK, "Cannot POST /services/T0/B0/SecretOfTheChat", f"Cannot POST {MASK}"),
        (SLACK, "no token secretofthechat here", f"no token {MASK} here"),
        (SLACK, '{"path":"\\/services\\/T0\\/B0\\/SecretOfTheChat"}', f'{{"path":"{MASK}"}}'),
        (SLACK, "no_service", "no_service"),
        (ROBOT, "<pre>/robot/send?access_token=5f%2Ba+b2c&amp;x=1</pre>", f"<pre>{MASK}</pre>"),
        (ROBOT, "token 5f+a b2c is unknown", f"token {MASK} is unknown"),
        (ROBOT, "1 error: cannot send", "1 error: cannot send"),
        ("https://chat.example/cgi-bin/webhook/send?key=abc-def", "invalid webhook abc-def", f"invalid webhook {MASK}"),
        ("https://chat.example", "signed with sesame-open", f"signed with {MASK}"),
    ],
)  # fmt: skip
def test_the_address_and_the_secret_are_masked(url: str, answer: str, shown: str) -> None:
    assert quoted(answer, 200, url, "sesame-open") == shown


@pytest.mark.security("secrets-that-leak")
def test_a_secret_that_the_cut_divides_is_masked_too() -> None:
    answer = "x" * 190 + " SecretOfTheChat" * 30
    assert quoted(answer, 200, SLACK, "") == "x" * 190 + f" {MASK}"
    assert "Secret" not in quoted("SecretOfTheChat " * 100, 200, SLACK, "")


@pytest.mark.security("secrets-that-leak")
@pytest.mark.parametrize(("status", "form"), [(404, "signed"), (500, "signed"), (200, "wecom")])
def test_who_may_send_once_more_does_not_read_the_address(
    world: World, component: Component, box: Receiver, status: int, form: str
) -> None:
    hook, _made = make(world, box.url, form=form)
    said = f"POST /hook?key=in-the-address {hook.secret} password=hunter2hunter2 is refused"
    box.answers = [(status, said.encode())]
    row = send(told(world, component))
    shown = str(row.message)
    assert row.state in (RunState.FAILED, RunState.RUNNING) and "is refused" in shown
    leaked = [part for part in ("in-the-address", hook.secret, "hunter2", "/hook") if part and part in shown]
    assert leaked == []
