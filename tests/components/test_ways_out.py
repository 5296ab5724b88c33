"""A component's pages offer what its spaces were granted: the names, and who uses them."""

from __future__ import annotations

from django.test import Client

from components.models import ImageRegistry
from deployer.manifests.ways_out import ways_out
from environments.services.grants import edit_grants
from releases.models import Snapshot
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success

INGRESS = {"kind": "Ingress", "metadata": {"name": "gw"}, "spec": {"rules": [{"host": "gw.example.com"}]}}
SERVICE = {
    "kind": "Service", "metadata": {"name": "gw"},
    "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
}  # fmt: skip
BALANCED = {"kind": "Service", "metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
CLAIM = {"kind": "PersistentVolumeClaim", "metadata": {"name": "gw-data"}, "spec": {}}
POD = {
    "serviceAccountName": "reader", "imagePullSecrets": [{"name": "prism4k-pull-main"}],
    "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "shared"}}, {"name": "t", "emptyDir": {}}],
}  # fmt: skip
WORKLOAD = {
    "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "gw"},
    "spec": {"replicas": 1, "template": {"spec": {**POD, "containers": [{"name": "gw"}]}}},
}  # fmt: skip


def test_what_manifests_use_is_known_by_kind() -> None:
    assert ways_out([INGRESS, SERVICE, BALANCED, CLAIM, WORKLOAD]) == {
        "hosts": {"gw.example.com"}, "node_ports": {"30080"}, "load_balancers": {"default"},
        "claims": {"gw-data", "shared"}, "service_accounts": {"reader"}, "pull_secrets": {"prism4k-pull-main"},
    }  # fmt: skip
    assert ways_out([]) == {}


def test_the_pages_show_names_and_users_by_environment(world: World) -> None:
    component = make_component(world)
    registry = ImageRegistry.objects.get()
    registry.slug, registry.username, registry.password = "main", "robot", "secret"
    registry.save()
    edit_grants(
        actor=world.ada, space=world.spaces["fat"], hosts=["*.example.com", "other.test.example"],
        node_ports=["30080", "30081"], registries=["main"],
    )  # fmt: skip
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.update(manifests=[INGRESS, SERVICE, WORKLOAD])
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    base = f"/components/sis-omm/{component.slug}/configuration/"
    for url in (base, f"{base}fat/"):
        page = " ".join(browser.get(url).content.decode().split())
        for name in ("*.example.com", "30080", "prism4k-pull-main"):
            assert f'<code>{name}</code> <span class="secondary"> used by {component.name}' in page, (url, name)
        for name in ("other.test.example", "30081"):
            assert f'<code>{name}</code> <span class="secondary"> not used yet' in page, (url, name)
    assert "a platform administrator grants them" in browser.get(f"{base}uat/").content.decode()
