"""Threads that begin together, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from foundation.problems import PlatformError

START_SECONDS = 30.0


def at_once(
    acts: Sequence[Callable[[], Any]], *, refusals: tuple[type[Exception], ...] = (PlatformError,)
) -> list[Any]:
    """What each act gave, in their order; a refusal is given back, any other exception is raised here."""
    barrier = threading.Barrier(len(acts))
    given: list[Any] = [None] * len(acts)
    broken: list[BaseException] = []

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait(START_SECONDS)
            given[place] = act()
        except refusals as refusal:
            given[place] = refusal
        except BaseException as error:  # told in the test's own thread
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return given
