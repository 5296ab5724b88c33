"""One Java process and one stand-in Jenkins for all tests here, and the same parameters for both."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.jenkinsfile.groovy import Groovy, Ran, has_java
from tests.jenkinsfile.tools import TOOLS, install
from tests.patience import wait_for
from tests.sandbox.jenkins.parts import CONFIG, JOB, TOKEN, USER, BuildSite, build_site


@dataclass(frozen=True)
class Built:
    """A finished build of the stand-in."""

    number: int
    result: str
    stages: list[str]
    description: str | None
    log: str
    artifacts: list[str]


@dataclass
class Sides:
    """The shipped job in Groovy, and the stand-in that claims to do the same."""

    groovy: Groovy
    site: BuildSite
    folder: Path
    http: httpx.Client
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def parameters(self, **changed: str) -> dict[str, str]:
        """A complete set that builds, for a tag that may be written twice."""
        number = f"order-{next(self._numbers)}"
        own = {"DEPLOY_VERSION": number, "ORDER_NO": number, "IMAGE_NODE": "", "CLAIM_SECONDS": "5"}
        return self.site.parameters(**(own | changed))

    def ran(self, parameters: Mapping[str, str], **more: Any) -> Ran:
        """By the Jenkinsfile; with docker on its node, unless PATH says otherwise."""
        path = more.pop("tools", "docker")
        more.setdefault("variables", {} if path == "all" else {"IMAGE_TOOL": path})  # this machine may have others
        return self.groovy.run(
            self.folder / "groovy" / str(next(self._numbers)),
            parameters,
            path=f"{self.folder / 'tools' / path}:{os.environ['PATH']}",
            **more,
        )

    def queue(self, parameters: Mapping[str, str]) -> int:
        """Queue a build of the stand-in; its queue id."""
        answer = self.http.post(f"/job/{JOB}/buildWithParameters", data={**parameters, "delay": "0"})
        assert answer.status_code in (201, 303), answer.text  # 303: equal to one that waits, once it is trimmed
        return int(answer.headers["Location"].rstrip("/").rsplit("/", 1)[1])

    def get(self, path: str) -> httpx.Response:
        """Of the stand-in."""
        return self.http.get(path)

    def ended(self, queue_ids: list[int]) -> list[Built]:
        """Wait for these builds, in their order."""
        tree = "allBuilds[number,queueId,building,result,description,artifacts[fileName]]"

        def read() -> dict[int, dict[str, Any]] | None:
            builds = {b["queueId"]: b for b in self.get(f"job/{JOB}/api/json?tree={tree}").json()["allBuilds"]}
            is_over = all(number in builds and not builds[number]["building"] for number in queue_ids)
            return builds if is_over else None

        found = wait_for(read, "all builds end", seconds=120, pause=0.1)
        assert found is not None
        return [self._built(found[number]) for number in queue_ids]

    def _built(self, bean: dict[str, Any]) -> Built:
        at = f"job/{JOB}/{bean['number']}"
        stages = [stage["name"] for stage in self.get(f"{at}/wfapi/describe").json()["stages"]]
        names = [artifact["fileName"] for artifact in bean["artifacts"]]
        log = self.get(f"{at}/consoleText").text
        return Built(bean["number"], bean["result"], stages, bean["description"], log, names)

    def built(self, parameters: Mapping[str, str]) -> Built:
        """By the stand-in, to its end."""
        return self.ended([self.queue(parameters)])[0]

    def workspace(self, *, of_image: bool = False) -> Path:
        """Where the stand-in's last build worked."""
        return self.folder / "jenkins" / ("image-workspace" if of_image else "workspace") / JOB


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Both, started once."""
    if not has_java():
        pytest.skip("there is no java: make jenkinsfile says what to install")
    folder = tmp_path_factory.mktemp("jenkinsfile")
    for name in TOOLS:
        install(folder / "tools" / name, name)
    install(folder / "tools" / "all", *TOOLS)
    with build_site(folder, "--executors", "4") as site:
        assert site.served is not None
        groovy = Groovy(CONFIG)
        try:
            with httpx.Client(base_url=site.served.url, auth=(USER, TOKEN), timeout=60) as http:
                yield Sides(groovy, site, folder, http)
        finally:
            groovy.close()
