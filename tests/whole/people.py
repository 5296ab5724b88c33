"""The demo's people, acting by the REST API with a browser's session."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from demo.world import APPROVER, CARRIED, DEVELOPER, OPERATOR, TESTER
from tests.patience import wait_for
from tests.whole.product import Product

COMPONENT = f"{CARRIED[0]}/{CARRIED[1].slug}"
ENDED = {"succeeded", "failed", "errored", "cancelled"}


class Person:
    """One signed-in person at one web process."""

    def __init__(self, url: str, username: str) -> None:
        self.username = username
        self.http = httpx.Client(base_url=url, timeout=30, headers={"Accept-Language": "en"})
        # Any secret will do, as long as cookie and form agree.
        self.http.cookies.set("csrftoken", secrets.token_hex(16), domain="127.0.0.1")
        form = {"username": username, "next": "/livez", "csrfmiddlewaretoken": self.csrf()}
        answer = self.http.post("/switch/", data=form)
        assert answer.status_code == 302 and "sessionid" in self.http.cookies, answer.text[:500]

    def csrf(self) -> str:
        """The token that a form of this session carries."""
        # Signing in changes it.
        return [cookie.value or "" for cookie in self.http.cookies.jar if cookie.name == "csrftoken"][-1]

    def cookie(self) -> str:
        """The header of a request that this person's browser makes."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    def sign_out(self) -> None:
        """Ends the session at the server, leaving the cookies as they were."""
        kept = dict(self.http.cookies)
        answer = self.http.post("/sign-out/", data={"csrfmiddlewaretoken": self.csrf()})
        assert answer.status_code == 302, answer.text[:500]
        self.http.cookies.clear()
        self.http.cookies.update(kept)

    def ask(self, path: str, **body: Any) -> httpx.Response:
        """POST, with any answer."""
        return self.http.post(f"/api/v1/{path}", json=body, headers={"X-CSRFToken": self.csrf()})

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """POST that must be accepted."""
        answer = self.ask(path, **body)
        assert answer.status_code < 300, f"{self.username}: {path}: {answer.status_code} {answer.text[:800]}"
        found: dict[str, Any] = answer.json()
        return found

    def send(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """PUT or PATCH that must be accepted."""
        answer = self.http.request(method, f"/api/v1/{path}", json=body, headers={"X-CSRFToken": self.csrf()})
        assert answer.status_code < 300, f"{self.username}: {path}: {answer.status_code} {answer.text[:800]}"
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, **query: Any) -> Any:
        """GET that must be answered."""
        answer = self.http.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, f"{self.username}: {path}: {answer.status_code} {answer.text[:800]}"
        return answer.json()


class Crew:
    """Developer, tester, operator and approver at one product."""

    def __init__(self, product: Product, url: str = "") -> None:
        self.product = product
        names = (DEVELOPER, TESTER, OPERATOR, APPROVER)
        self.developer, self.tester, self.operator, self.approver = (Person(url or product.url, n) for n in names)

    def create(self, component: str = COMPONENT, branch: str = "master") -> Carried:
        """A new order of the developer's."""
        made = self.developer.post("orders/", component=component, branch=branch, description="carried by a test")
        return Carried(self, made["number"], component)


class Carried:
    """One order on its way."""

    def __init__(self, crew: Crew, number: str, component: str) -> None:
        self.crew, self.number, self.component = crew, number, component

    def overview(self) -> dict[str, Any]:
        """As the API tells it."""
        found: dict[str, Any] = self.crew.operator.get(f"orders/{self.number}/")
        return found

    def events(self) -> list[dict[str, Any]]:
        """All of its log."""
        found: list[dict[str, Any]] = []
        while page := self.crew.operator.get(f"orders/{self.number}/events/", after=len(found))["items"]:
            found += page
        return found

    def start_build(self) -> None:
        """The developer's click."""
        answer = self.crew.developer.ask(f"orders/{self.number}/builds/")
        # Who was faster stands in the order's log.
        assert answer.status_code == 202, f"{self.number}: {answer.text[:800]} {self.events()}"

    def built(self, seconds: float = 60.0) -> dict[str, Any]:
        """The last attempt when it has ended; must have succeeded."""
        build = wait_for(lambda: self._ended(lambda: self.overview()["builds"][0]), "the build ends", seconds)
        assert build["state"] == "succeeded", build
        return build

    def build(self) -> dict[str, Any]:
        """Build it, to the end."""
        self.start_build()
        return self.built()

    def at(self, environment: str) -> dict[str, Any]:
        """Where it stands there."""
        (found,) = (row for row in self.overview()["environments"] if row["environment"] == environment)
        return dict(found)

    def promote(self, environment: str) -> None:
        """To FAT by its author, further by the tester."""
        by, test_verdict = (self.crew.developer, "") if environment == "fat" else (self.crew.tester, "passed")
        by.post(f"orders/{self.number}/promotions/", environment=environment, test_verdict=test_verdict)

    def reviewed(self, environment: str) -> dict[str, Any]:
        """The review there when it has ended well."""
        review = wait_for(lambda: self._ended(lambda: self.at(environment)["review"]), f"review of {environment}")
        assert review["state"] == "succeeded", review
        return review

    def start_deployment(self, environment: str) -> None:
        """The click: by the developer to FAT, by operations elsewhere, with what the review says."""
        if environment == "fat":
            self.crew.developer.post(f"orders/{self.number}/deployments/", environment=environment)
            return
        review = self.reviewed(environment)
        seen = {"snapshot": review["snapshot"], "live_fingerprint": review["live_fingerprint"]}
        self.crew.operator.post(f"orders/{self.number}/deployments/", environment=environment, **seen)

    def approve(self, environment: str) -> None:
        """The second person's yes to the review's snapshot."""
        snapshot = self.reviewed(environment)["snapshot"]
        self.crew.approver.post(
            f"orders/{self.number}/approvals/", environment=environment, snapshot=snapshot, decision="approve"
        )

    def deployed(self, environment: str, seconds: float = 60.0) -> dict[str, Any]:
        """The deployment there when it has ended; must have succeeded."""
        what = f"the deployment to {environment} ends"
        found = wait_for(lambda: self._ended(lambda: self.at(environment)["deployment"]), what, seconds)
        assert found["state"] == "succeeded", found
        return found

    def settled(self, environment: str, seconds: float = 30.0) -> None:
        """Until the placement has settled, which the next promotion asks for."""
        wait_for(lambda: self.at(environment)["settled_at"], f"{environment} settles", seconds)

    def to_fat(self) -> dict[str, Any]:
        """Promote, deploy, verdict."""
        self.promote("fat")
        self.start_deployment("fat")
        return self.deployed("fat")

    def to(self, environment: str) -> dict[str, Any]:
        """Promote, review, approve where asked for, deploy, verdict; FAT included."""
        self.promote(environment)
        if environment in ("prd", "drp"):
            self.approve(environment)
        self.start_deployment(environment)
        found = self.deployed(environment)
        self.settled(environment)
        return found

    @staticmethod
    def _ended(read: Any) -> dict[str, Any] | None:
        row = read()
        return row if row and row["state"] in ENDED else None
