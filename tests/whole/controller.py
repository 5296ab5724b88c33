"""A stand-in Jenkins of one's own with its knobs, for a product that takes a door before it for its Jenkins."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.ports import reserve
from tests.patience import wait_for
from tests.stand_ins import JOB_CONFIG, address_of, launch
from tests.whole.holding import Door, door_to
from tests.whole.outside import JENKINS_USER
from tests.whole.product import Product

JOB = "PRISM_JENKINS_JOB"
FOREIGN_LINE = "a foreign line"


@dataclass
class Controller:
    """``door`` is what the product asks; everything here goes past it."""

    url: str
    control_url: str
    token: str
    door: Door

    def knob(self, path: str, method: str = "POST", **body: object) -> dict[str, Any]:
        """What the control port answers."""
        sign = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{self.control_url}/{path}", json=body, headers=sign, trust_env=False)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        found: dict[str, Any] = answer.json()
        return found

    def truth(self) -> dict[str, Any]:
        """Every build and every waiting item."""
        return self.knob("truth", "GET")

    def builds_of(self, trigger: str) -> list[dict[str, Any]]:
        """The builds that bear the trigger id."""
        return [one for one in self.truth()["builds"] if one["trigger_id"] == trigger]

    def ask(self, method: str, path: str, **form: str) -> httpx.Response:
        """A request of another person with the same account."""
        return httpx.request(
            method, f"{self.url}/{path}", data=form or None, auth=(JENKINS_USER, self.token), trust_env=False
        )

    def console(self, number: int) -> str:
        """``consoleText``."""
        answer = self.ask("GET", f"job/{JOB}/{number}/consoleText")
        assert answer.status_code == 200, answer.text[:300]
        return answer.content.decode("utf-8", "replace")

    def start_foreign(self, parameters: dict[str, str], gate: Path) -> str:
        """A build that is nobody's of ours goes on until the gate is there, and then fails; its trigger id."""
        trigger = str(uuid.uuid4())
        command = f"echo {FOREIGN_LINE!r}\nwhile [ ! -e {gate} ]; do sleep 0.1; done\nexit 1\n"
        values = {**parameters, "TRIGGER_ID": trigger, "PLATFORM_URL": "", "BUILD_CMD": command, "delay": "0"}
        assert self.ask("POST", f"job/{JOB}/buildWithParameters", **values).status_code == 201
        return trigger

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.knob("rules", "DELETE")
        self.knob("quiet-down", on=False)
        self.knob("nodes", labels=None, offline=[], busy=False)
        self.knob("account")
        self.knob("version", version="2.568.2")
        self.knob(f"jobs/{JOB}", disabled=False, hidden=False)

    def clear(self) -> None:
        """Healed, nothing waits, nothing runs."""
        self.heal()
        truth = self.truth()
        for item in truth["queue"]:
            self.ask("POST", f"queue/cancelItem?id={item['queue_id']}")
        for build in truth["builds"]:
            if build["building"]:
                self.ask("POST", f"job/{JOB}/{build['number']}/kill")
        wait_for(lambda: not any(one["building"] for one in self.truth()["builds"]), "Jenkins is idle")


@contextmanager
def own_jenkins(product: Product, folder: Path) -> Iterator[Controller]:
    """In the place of the product's own stand-in, for the length of the block."""
    port, token = reserve(), product.secret("jenkins")
    process = launch(
        "sandbox.jenkins", "--state", str(folder), "--user", JENKINS_USER, "--executors", "3", "--job", JOB,
        "--job-config", str(JOB_CONFIG), "--claim-pause", "0.1", "--control-port", str(port), JENKINS_TOKEN=token,
    )  # fmt: skip
    try:
        url = address_of(process, " at ")
        with door_to(url) as door:
            product.rows().change("UPDATE components_jenkinsserver SET url = %s, quiet_period_seconds = 0", door.url)
            yield Controller(url, f"http://127.0.0.1:{port}", token, door)
    finally:
        process.terminate()
        process.wait(15)
