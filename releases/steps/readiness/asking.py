"""Another side that is asked for facts: what it does not answer is not known, and why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from deployer.errors import DeployerError, Forbidden, NoFact, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.messages import Message
from foundation.encryption import SecretUnreadable
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.lease import Lease

Answer = TypeVar("Answer")


class NotKnown(Exception):
    """No healthy answer; ``message`` says why, and ``is_forbidden`` that a right was missing."""

    def __init__(self, message: MessageLike, *, is_forbidden: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_forbidden = is_forbidden


@dataclass
class Side:
    """A client, or why there is none. One that falls silent is asked nothing more in this pass."""

    client: Any
    silence: MessageLike = ""

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """The answer; raises NotKnown."""
        if self.client is None:
            raise NotKnown(self.silence)
        try:
            return question(self.client)
        except Forbidden as error:
            raise NotKnown(error.message, is_forbidden=True) from error
        except (NoFact, Rejected, NotFound) as error:
            raise NotKnown(error.message) from error
        except (Unavailable, OutcomeUnknown) as error:
            self.client, self.silence = None, error.message
            raise NotKnown(error.message) from error


def opened(lease: Lease, stack: ExitStack, connect: Any, target: Callable[[], Any]) -> Side:
    """The side for as long as the stack lasts. Raises RemoteBusy and LeaseLost, like any step's way outside."""
    try:
        return Side(stack.enter_context(lease.open(connect, target(), remote="")))
    except SecretUnreadable:
        return Side(None, _unreadable())
    except Refused as refusal:
        return Side(None, refusal.message)
    except DeployerError as error:
        return Side(None, error.message)


def _unreadable() -> Message:
    return _("The stored credentials cannot be read.")
