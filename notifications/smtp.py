"""The mail server of the installation: one connection a mail, and its answers in the words that runs know."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from django.conf import settings

from deployer.errors import OutcomeUnknown, Rejected, TooLate, Unavailable
from foundation.messages import message as _
from foundation.messages import verbatim

KEY = "mail:server"
"""The remote of all mails: they share its slots and its breaker."""
LONGEST_ANSWER = 300


@dataclass(frozen=True)
class MailServer:
    """Where mails go; ``security``: ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    security: str
    user: str
    password: str
    seconds: float
    """How long it may take to answer each word."""
    key: str = KEY


def mail_server(seconds: float) -> MailServer | None:
    """The one of the settings; None where the installation sends no mail."""
    if not settings.MAIL_HOST:
        return None
    return MailServer(
        settings.MAIL_HOST,
        settings.MAIL_PORT,
        settings.MAIL_SECURITY,
        settings.MAIL_USER,
        settings.MAIL_PASSWORD,
        seconds,
    )


class _Session(smtplib.SMTP):
    """Asks for time before the text, and knows whether the server may have it."""

    left: Callable[[], float] | None = None
    """How many seconds are left to send in."""
    may_have_text = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        """After the text nothing can be taken back: what is begun has the time to end, within the caller's.

        Three waits are left, for the go-ahead, the text and its answer, and a server that reads a mail before it
        answers takes longer than for a word. Raises TooLate.
        """
        word, left = float(self.timeout), self.left() if self.left else 0.0
        if left <= 4 * word or self.sock is None:
            raise TooLate(_("It took too long to reach the mail server: nothing was sent."))
        self.sock.settimeout((left - word) / 3)
        self.may_have_text = True
        try:
            return super().data(msg)
        finally:
            if self.sock is not None:
                self.sock.settimeout(word)


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """The same, encrypted from its first word."""


class Postman:
    """Hands mails to one server."""

    def __init__(self, server: MailServer, on_answer: Callable[[], None]) -> None:
        self._server, self._on_answer = server, on_answer

    def send(self, mail: EmailMessage, *, deadline: Callable[[], float]) -> None:
        """Returns once the server has taken it. ``deadline``: how many seconds are left to send it in.

        Raises TooLate where too few are left before the text, Unavailable (certainly not sent), OutcomeUnknown (no
        answer came to the text), Rejected with the reason ``later`` where it may take it another time, else
        ``refused``.
        """
        with self._session() as session:
            session.left = deadline
            try:
                session.send_message(mail)
            except OSError as error:
                # Those of smtplib are answers of the server, but for this one.
                is_answer = isinstance(error, smtplib.SMTPException)
                if is_answer and not isinstance(error, smtplib.SMTPServerDisconnected):
                    raise
                if not session.may_have_text:
                    raise
                raise OutcomeUnknown(_("The mail server ended the connection without an answer.")) from error
            # It has the mail: how it says goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                session.quit()

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        try:
            session = self._connect()
            try:
                self._greet(session)
                self._on_answer()
                yield session
            finally:
                session.close()
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            # Who may not sign in today may tomorrow: an administrator mends that, and the mail is none the worse.
            code = 454 if isinstance(error, smtplib.SMTPAuthenticationError) else error.smtp_code
            raise _refusal(code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            message = _("The mail server does not offer STARTTLS, or does not ask for a user.")
            raise Rejected(message, reason="later") from error
        except ssl.SSLError as error:
            message = _("The certificate of the mail server does not hold: %(why)s", why=verbatim(str(error)))
            raise Rejected(message, reason="later") from error
        except (OSError, smtplib.SMTPException) as error:
            why = verbatim(type(error).__name__)
            raise Unavailable(_("The mail server does not answer: %(why)s", why=why)) from error

    def _connect(self) -> _Session:
        server = self._server
        if server.security == "tls":
            return _TlsSession(server.host, server.port, timeout=server.seconds, context=_context())
        return _Session(server.host, server.port, timeout=server.seconds)

    def _greet(self, session: smtplib.SMTP) -> None:
        if self._server.security == "starttls":
            session.starttls(context=_context())
        if self._server.user:
            session.login(self._server.user, self._server.password)


def _context() -> ssl.SSLContext:
    """Names and certificates are checked, against those that the machine trusts."""
    return ssl.create_default_context()


def connect(target: MailServer, *, on_answer: Callable[[], None]) -> Postman:
    """For ``lease.open``: nothing is connected before a mail is sent."""
    return Postman(target, on_answer)


def _refusal(code: int, said: bytes | str) -> Rejected:
    """4xx: another time; 5xx: never."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    reason = "later" if code < 500 else "refused"
    message = _("The mail server refused it: %(code)s %(why)s", code=code, why=verbatim(text[:LONGEST_ANSWER]))
    return Rejected(message, reason=reason)
