"""Ports are chosen once; kubeconfigs and addresses are taken apart, and what starts programs is refused."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from demo.ports import Ports, is_free, require_free
from demo.stand_ins import BadChoice, Choices, StandIns, kept_secrets, read_kubeconfig, read_server
from sandbox.ports import RANGE, PortTaken


def test_a_port_is_chosen_once_and_kept(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json")
    chosen = {name: first.take(name) for name in ("git", "registry", "jenkins")}
    assert len(set(chosen.values())) == 3
    assert all(port in RANGE for port in chosen.values())
    again = Ports(tmp_path / "ports.json")
    assert {name: again.take(name) for name in reversed(chosen)} == dict(reversed(chosen.items()))


def test_a_taken_port_is_a_message_with_a_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTaken, match=f"Port {port} is taken, and the stand-in git needs it.*ss -ltnp"):
            require_free(port, "the stand-in git")
    assert is_free(port)


def test_secrets_of_stand_ins_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "stand-ins.json"
    first = kept_secrets(path)
    assert kept_secrets(path) == first
    assert first["jenkins"] != first["kubernetes"]
    assert path.stat().st_mode & 0o077 == 0


def test_an_address_with_credentials_is_taken_apart() -> None:
    side = read_server("JENKINS_URL", "https://me:tok@ci.example.com:8443/jenkins")
    assert (side.url, side.address, side.username, side.password) == (
        "https://ci.example.com:8443/jenkins",
        "ci.example.com:8443",
        "me",
        "tok",
    )
    assert "tok" not in repr(side)
    with pytest.raises(BadChoice, match="JENKINS_URL must look like"):
        read_server("JENKINS_URL", "ci.example.com")


def test_an_unknown_builder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER", "docker")
    with pytest.raises(BadChoice, match="packer, buildah"):
        Choices.from_environment()


@pytest.mark.parametrize(
    ("given", "test", "prod"),
    [
        ("", "", ""),
        ("real", "real", "real"),
        ("a", "a", "a"),
        ("a, b", "a", "b"),
        ("real,", "real", ""),
        (",b", "", "b"),
    ],
)
def test_one_cluster_is_both_and_two_are_test_and_production(given: str, test: str, prod: str) -> None:
    assert Choices(cluster=given).clusters == {"test": test, "prod": prod}


def test_three_clusters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "a,b,c")
    with pytest.raises(BadChoice, match="test,production"):
        Choices.from_environment()


@pytest.mark.parametrize(
    ("has_memory", "names"), [(True, ["controlplane", "controlplane-prod"]), (False, ["controlplane"])]
)
def test_two_control_planes_need_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, has_memory: bool, names: list[str]
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("demo.stand_ins.has_memory_for_two", lambda: has_memory)
    sides = StandIns(Ports(tmp_path / "ports.json"), Choices(cluster="real"))
    planes = [one for one in sides.wanted() if one.program == "controlplane"]
    assert [one.name for one in planes] == names and sides.shares_a_plane is not has_memory
    assert len({one.environment["KUBERNETES_TOKEN"] for one in planes}) == len(names)


def config(tmp_path: Path, user: str, cluster: str = 'server: "https://10.0.0.1:6443"') -> Path:
    path = tmp_path / "config"
    path.write_text(
        "current-context: b\ncontexts:\n- {name: a, context: {cluster: x, user: x}}\n"
        "- {name: b, context: {cluster: c, user: u}}\n"
        f"clusters:\n- {{name: c, cluster: {{{cluster}}}}}\nusers:\n- {{name: u, user: {{{user}}}}}\n"
    )
    return path


def test_a_kubeconfig_gives_the_current_contexts_server_and_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("KEY")
    ca = base64.b64encode(b"CA").decode()
    cert = base64.b64encode(b"CERT").decode()
    path = config(
        tmp_path,
        f"client-certificate-data: {cert}, client-key: key.pem",
        f'server: "https://10.0.0.1:6443", certificate-authority-data: {ca}, tls-server-name: kube',
    )
    side = read_kubeconfig(path)
    assert (side.url, side.ca_pem, side.client_cert_pem, side.client_key_pem) == (
        "https://10.0.0.1:6443",
        "CA",
        "CERT",
        "KEY",
    )
    assert side.tls_server_name == "kube"
    assert side.verify_tls
    assert "KEY" not in repr(side)


def test_a_kubeconfig_that_would_start_a_program_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = config(tmp_path, f'exec: {{command: touch, args: ["{marker}"]}}')
    with pytest.raises(BadChoice, match="signs in by a program"):
        read_kubeconfig(path)
    assert not marker.exists()


@pytest.mark.parametrize("text", ["", "nonsense: [", "current-context: gone\ncontexts: []\n"])
def test_what_is_no_kubeconfig_is_a_message(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(BadChoice, match="is not a kubeconfig"):
        read_kubeconfig(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadChoice, match=r"the file gone\.pem"):
        read_kubeconfig(config(tmp_path, "client-certificate-data: QQ==, client-key: gone.pem"))
