"""The cluster that the platform itself runs in: its pod's address, CA certificate and token, read anew each time."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from deployer.adapters.kubernetes import disconnect
from deployer.errors import Unavailable
from deployer.rights import account_manifest
from environments.in_cluster import own_account, own_cluster
from environments.models import Cluster
from environments.selectors.shown import test_shown as shown
from environments.services.clusters import create_cluster, edit_cluster, start_test
from environments.targets import cluster_target
from foundation.problems import Invalid, Refused
from foundation.runs.engine import RunState
from tests.cast import World
from tests.environments.cluster import drive
from tests.environments.test_keeping_clusters import pair

NAMESPACES = [f"sis-omm-{one}" for one in ("drp", "fat", "prd", "uat")]


def token_of(subject: str) -> str:
    """Shaped as Kubernetes shapes them; nobody here checks who signed it."""
    parts = ({"alg": "none"}, {"sub": subject})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "x"])


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As in a pod."""
    settings.SERVICE_ACCOUNT_FOLDER = str(tmp_path)
    (tmp_path / "token").write_text(token_of("system:serviceaccount:desk:release-desk") + "\n")
    (tmp_path / "ca.crt").write_text(pair()[0])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def make(world: World, **values: Any) -> Cluster:
    return create_cluster(actor=world.ada, **{"slug": "own", "name": "Own", "in_cluster": True, **values})


def test_address_and_credentials_are_the_pod_s_and_none_is_stored(world: World, folder: Path) -> None:
    cluster = make(world)
    assert (cluster.url, cluster.token, cluster.ca_pem, cluster.verify_tls) == ("", "", "", True)
    target = cluster_target(cluster)
    assert target.url == "https://10.96.0.1:443" and target.ca_pem == (folder / "ca.crt").read_text()
    assert target.token == (folder / "token").read_text().strip() and target.verify_tls


def test_a_rotated_token_is_used_at_once(world: World, folder: Path) -> None:
    cluster = make(world)
    before = cluster_target(cluster)
    (folder / "token").write_text("the-next-one")
    after = cluster_target(cluster)
    assert after.token == "the-next-one" and after != before, "clients and watches are made anew for it"


def test_an_address_of_the_sixth_version_is_put_into_brackets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert own_cluster().url == "https://[fd00::1]:443"


@pytest.mark.parametrize("how", ["absent", "empty", "binary"])
def test_a_token_that_cannot_be_read_is_waited_for(world: World, folder: Path, how: str) -> None:
    cluster = make(world)
    if how == "absent":
        (folder / "token").unlink()
    else:
        (folder / "token").write_bytes(b"" if how == "empty" else b"\xff\xfe")
    with pytest.raises(Unavailable):
        cluster_target(cluster)


def test_outside_of_a_cluster_it_is_refused_with_the_way_out(world: World, outside: None) -> None:
    with pytest.raises(Invalid) as caught:
        make(world)
    (said,) = caught.value.fields["in_cluster"]
    assert "does not run in a cluster" in str(said) and "kubeconfig" in str(said)
    assert Cluster.objects.count() == 1


def test_a_pod_without_a_token_is_told_why(world: World, folder: Path, settings: Any) -> None:
    settings.SERVICE_ACCOUNT_FOLDER = str(folder / "nothing")
    with pytest.raises(Invalid) as caught:
        make(world)
    assert "automountServiceAccountToken" in str(caught.value.fields["in_cluster"][0])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "https://10.0.0.1:6443"}, "url"),
        ({"token": "t"}, "token"),
        ({"ca_pem": "x"}, "ca_pem"),
        ({"tls_server_name": "kubernetes"}, "tls_server_name"),
        ({"verify_tls": False}, "verify_tls"),
        ({"kubeconfig": "apiVersion: v1"}, "kubeconfig"),
    ],
)
def test_nothing_is_typed_beside_it(world: World, folder: Path, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(world, **given)
    assert list(caught.value.fields) == [field]
    assert Cluster.objects.count() == 1


def test_there_is_one_such_row(world: World, folder: Path) -> None:
    make(world)
    with pytest.raises(Invalid) as caught:
        make(world, slug="again")
    assert "Another row" in str(caught.value.fields[""][0])


def test_a_row_changes_over_and_back(world: World, folder: Path) -> None:
    cluster = world.cluster
    url, name = cluster.url, cluster.name
    row = edit_cluster(actor=world.ada, cluster=cluster, name=name, url=url, in_cluster=True, verify_tls=True)
    assert (row.url, row.token, row.in_cluster) == ("", "", True), "what the form sends back unchanged is no wish"
    unchanged = edit_cluster(actor=world.ada, cluster=row, name="Here")
    assert unchanged.in_cluster and unchanged.name == "Here"
    with pytest.raises(Invalid) as caught:
        edit_cluster(actor=world.ada, cluster=row, in_cluster=False)
    assert list(caught.value.fields) == ["url"]
    back = edit_cluster(actor=world.ada, cluster=row, in_cluster=False, url="http://127.0.0.1:2", token="typed-again")
    assert (back.url, back.token, back.in_cluster) == ("http://127.0.0.1:2", "typed-again", False)


def test_a_kubeconfig_takes_its_place(world: World, folder: Path) -> None:
    row = make(world)
    text = (
        "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:3'}}]\n"
        "users: [{name: u, user: {token: from-the-file}}]\n"
    )
    found = edit_cluster(actor=world.ada, cluster=row, kubeconfig=text)
    assert (found.in_cluster, found.url, found.token) == (False, "http://127.0.0.1:3", "from-the-file")


def test_the_rights_go_to_the_account_of_our_pod(world: World, folder: Path) -> None:
    edit_cluster(actor=world.ada, cluster=world.cluster, in_cluster=True)
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    said = browser.get("/api/v1/clusters/main/account/").json()["manifest"]
    assert said == account_manifest(NAMESPACES, with_cluster_role=True, account=("desk", "release-desk"))
    assert "kind: ServiceAccount\nmetadata" not in said and "name: release-desk\n    namespace: desk" in said
    page = browser.get("/clusters/main/").content.decode()
    assert "The cluster that this platform runs in" in page and "https://10.96.0.1:443" in page
    assert "The cluster that this platform runs in" in browser.get("/clusters/").content.decode()


def test_a_token_that_names_nobody_gives_no_account(folder: Path) -> None:
    for token in ("opaque", token_of("alice"), "a.%%%.b", token_of("system:serviceaccount:half")):
        (folder / "token").write_text(token)
        assert own_account() is None


def test_form_and_api_offer_it(world: World, folder: Path) -> None:
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    made = browser.post("/clusters/new/", {"slug": "own", "name": "Own", "in_cluster": "on", "verify_tls": "on"})
    assert made.status_code == 302, made.content.decode()[:3000]
    assert Cluster.objects.get(slug="own").in_cluster
    answer = browser.get("/api/v1/clusters/own/").json()
    assert (answer["in_cluster"], answer["url"]) == (True, "")


def test_a_test_of_it_outside_of_a_cluster_says_so(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_cluster(actor=world.ada, cluster=world.cluster, in_cluster=True)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(Refused):
        cluster_target(Cluster.objects.get(slug="main"))
    run = drive("cluster-test", start_test(actor=world.ada, cluster=world.cluster))
    disconnect(world.cluster.remote_key)
    assert (run.state, run.reason) == (RunState.FAILED, "not-in-cluster")
    assert "does not run in a cluster" in str(run.message) and "runs in" in str(shown(run).message)
