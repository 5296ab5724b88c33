"""A mail server that listens on loopback and keeps what it takes, or refuses as it is told to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from sandbox.ports import reserve


@dataclass
class Mailbox:
    """``answers``: what is said to the next mails instead of taking them; ``ends_after_data``: so many texts get none.

    ``ends_at_sender``: it hangs up before the text.
    """

    mails: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    rcpt_answer: str = ""
    ends_after_data: int = 0
    ends_at_sender: bool = False
    thinks_seconds: float = 0.0

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.ends_at_sender:
            server.transport.abort()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.thinks_seconds)
        if self.answers:
            return self.answers.pop(0)
        self.senders.append(envelope.mail_from)
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        if self.ends_after_data:
            self.ends_after_data -= 1
            server.transport.abort()
        return "250 taken"


@contextmanager
def mail_server(settings: Any, **how: Any) -> Iterator[Mailbox]:
    """Listens, and is the mail server of the settings, for as long as the block lasts."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=reserve(), **how)
    controller.start()
    try:
        settings.MAIL_HOST, settings.MAIL_PORT = "127.0.0.1", controller.port
        settings.MAIL_SECURITY = settings.MAIL_SECURITY if how else "none"
        yield box
    finally:
        controller.stop()


def knows(user: str, password: str) -> Any:
    """Who may sign in."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=is_right)

    return check


@contextmanager
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        kept: list[socket.socket] = []
        threading.Thread(target=_take, args=(listener, kept), daemon=True).start()
        yield listener.getsockname()[1]


def _take(listener: socket.socket, kept: list[socket.socket]) -> None:
    while True:
        try:
            kept.append(listener.accept()[0])
        except OSError:
            return
