"""The whole product on a real control plane, and one component of it that people and kubectl both change."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.world import SUBSYSTEMS, repository_name
from tests.controlplane.plane import require_program
from tests.patience import wait_for
from tests.ux.scene import push
from tests.whole.people import Carried, Crew
from tests.whole.product import Product, running

PROJECT, APP = SUBSYSTEMS[0], SUBSYSTEMS[0].apps[2]
COMPONENT = f"{PROJECT.slug}/{APP.slug}"
SLOW_BRANCH, SLOW_SECONDS = "slow-start", 8
ENDED = ("succeeded", "failed", "errored", "cancelled")


@dataclass
class Stage:
    """``kubectl`` acts on the namespace of the component in FAT, behind the product's back."""

    product: Product
    crew: Crew
    namespace: str
    name: str

    def kubectl(self, *arguments: str, check: bool = True, stdin: str = "") -> str:
        """What it prints."""
        kubeconfig = self.product.data / "sandbox" / "controlplane" / "kubeconfig"
        command = [str(require_program()), "kubectl", "--kubeconfig", str(kubeconfig), "-n", self.namespace]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.product.data), "KUBECTL_KUBERC": "false"}
        done = subprocess.run(
            [*command, *arguments], input=stdin, capture_output=True, text=True, env=environment, check=False
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout + ("" if check else done.stderr)

    def authority(self) -> str:
        """The API server's certificate (PEM), which is its own authority."""
        return (self.product.data / "sandbox" / "controlplane" / "pki" / "apiserver.crt").read_text()

    def live(self) -> dict[str, Any] | None:
        """The Deployment, or None."""
        text = self.kubectl("get", "deployment", self.name, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)) if text.strip() else None

    def made_of(self, deployment: int) -> dict[str, Any]:
        """What the server makes of that deployment's workload where nobody else has touched it."""
        query = (
            "SELECT s.manifests FROM releases_snapshot s JOIN releases_deployment d ON d.snapshot_id = s.id "
            "WHERE d.id = %s"
        )
        found = self.product.rows().one(query, deployment)
        manifests = json.loads(found) if isinstance(found, str) else found
        (workload,) = (one for one in manifests if one["kind"] == "Deployment")
        # Under a name of its own: with the name of the live one the server would answer with what is there.
        workload["metadata"]["name"] = "as-it-was-applied"
        text = self.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(workload))
        return dict(json.loads(text))

    def image(self) -> str:
        """The digest that the Deployment asks for; empty without one."""
        live = self.live()
        return live["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[2] if live else ""

    def order(self, branch: str = "master") -> Carried:
        """A new one with its image."""
        order = self.crew.create(COMPONENT, branch)
        order.build()
        return order

    def wait_ended(self, order: Carried) -> dict[str, Any]:
        """The order's deployment to FAT when it has ended."""

        def ended() -> dict[str, Any] | None:
            found = order.at("fat")["deployment"]
            return found if found and found["state"] in ENDED else None

        deployment = wait_for(ended, "the deployment ends", 90)
        assert deployment is not None
        return deployment

    def told(self) -> dict[str, Any]:
        """What the pages say of the placement: they draw from this row."""
        query = """
            SELECT o.number, o.image_digest, p.settled_at, p.unknown_since, p.drift, p.in_progress_id,
                   p.last_succeeded_id, p.last_applied_id, p.unsettled_reason
            FROM releases_placement p
            JOIN components_component c ON c.id = p.component_id
            JOIN environments_space s ON s.id = p.space_id
            LEFT JOIN releases_deployment d ON d.id = p.last_succeeded_id
            LEFT JOIN releases_releaseorder o ON o.id = d.order_id
            WHERE c.slug = %s AND s.namespace = %s
        """
        (row,) = self.product.rows().all(query, APP.slug, self.namespace)
        names = ("order", "digest", "settled_at", "unknown_since", "drift", "in_progress", "succeeded", "applied")
        told = dict(zip((*names, "unsettled"), row, strict=True))
        told["drift"] = json.loads(told["drift"]) if isinstance(told["drift"], str) else told["drift"]
        return told

    def is_away(self) -> bool:
        """The cluster is silent: pages then say since when, and that nothing there is known."""
        query = """
            SELECT count(*) FROM releases_spaceobservation o JOIN environments_space s ON s.id = o.space_id
            WHERE s.namespace = %s AND o.contact_lost_since IS NOT NULL
        """
        return bool(self.product.rows().one(query, self.namespace))

    def is_sure(self) -> bool:
        """The page names an order as the one that serves, without any reservation."""
        told = self.told()
        is_whole = told["succeeded"] is not None and told["succeeded"] == told["applied"] and not self.is_away()
        return is_whole and not (told["unknown_since"] or told["drift"] or told["in_progress"] or told["unsettled"])


@contextmanager
def staged(folder: Path, within: Sequence[str] = (), **options: Any) -> Iterator[Stage]:
    """A product of its own with a control plane of its own, where FAT and UAT are; the rest: see ``Product``."""
    require_program()
    with running(Product(folder, within=within, CLUSTER="real,", **options)) as product:
        repository = product.data / "sandbox" / "git" / repository_name(PROJECT.slug, APP)
        push(repository, SLOW_BRANCH, "Warm the caches first", {"src/scenario": f"slow {SLOW_SECONDS}\n"})
        namespace = product.rows().one(
            "SELECT s.namespace FROM environments_space s JOIN accounts_project p ON p.id = s.project_id "
            "JOIN environments_environment e ON e.id = s.environment_id WHERE p.slug = %s AND e.slug = 'fat'",
            PROJECT.slug,
        )
        yield Stage(product, Crew(product), namespace, APP.slug)
