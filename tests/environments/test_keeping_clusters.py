"""Clusters: credentials are written and never read, and bad ones are refused at their field."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connection

from audit.models import AuditEvent
from environments.models import Cluster
from environments.services.clusters import archive_cluster, create_cluster, edit_cluster
from foundation.problems import Denied, Invalid, Refused
from tests.cast import World


def pair() -> tuple[str, str]:
    """A certificate that signed itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "prism4k")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=9)).sign(key, hashes.SHA256())
    )  # fmt: skip
    shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key.private_bytes(*shape).decode()


def make(world: World, **values: Any) -> Cluster:
    given = {"slug": "second", "name": "Second", "url": "http://127.0.0.1:2", "token": "first-secret-token", **values}
    return create_cluster(actor=world.ada, **given)


def stored(cluster: Cluster, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM environments_cluster WHERE id = %s", [cluster.pk])
        return str(cursor.fetchone()[0])


def test_a_blank_credential_is_kept_and_a_new_one_replaces_it(world: World) -> None:
    cluster = make(world)
    edit_cluster(actor=world.ada, cluster=cluster, name="Renamed", token="")
    assert Cluster.objects.get(pk=cluster.pk).token == "first-secret-token"
    edit_cluster(actor=world.ada, cluster=cluster, token="other-secret-token")
    assert Cluster.objects.get(pk=cluster.pk).token == "other-secret-token"
    edit_cluster(actor=world.ada, cluster=cluster, forget_credentials=True)
    assert Cluster.objects.get(pk=cluster.pk).token == ""


def test_no_secret_is_in_database_or_audit(world: World) -> None:
    certificate, key = pair()
    cluster = make(world, client_cert_pem=certificate, client_key_pem=key)
    edit_cluster(actor=world.ada, cluster=cluster, token="other-secret-token")
    assert "secret-token" not in stored(cluster, "token") and "PRIVATE" not in stored(cluster, "client_key_pem")
    events = "".join(f"{event.before}{event.after}" for event in AuditEvent.objects.all())
    assert "secret-token" not in events and "PRIVATE KEY" not in events
    assert AuditEvent.objects.get(verb="cluster.changed").after == {"credentials": "changed"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"url": "https://10.1.2.3:6443"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://user:pass@127.0.0.1:2"}, "url"),
        ({"url": "not an address"}, "url"),
        ({"slug": "main"}, "slug"),
        ({"slug": "Main!"}, "slug"),
        ({"ca_pem": "hello"}, "ca_pem"),
        ({"token": "two\nlines"}, "token"),
        ({"client_key_pem": "key alone"}, "client_cert_pem"),
        ({"registries": ["https://harbor.example.com"]}, "registries"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(world: World, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(world, **values)
    assert list(caught.value.fields) == [field]
    assert Cluster.objects.count() == 1


def test_a_key_of_another_certificate_is_refused(world: World) -> None:
    (certificate, _own), (_other, key) = pair(), pair()
    with pytest.raises(Invalid) as caught:
        make(world, client_cert_pem=certificate, client_key_pem=key)
    assert list(caught.value.fields) == ["client_key_pem"]


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:3", {cluster}}}}}]
users: [{{name: u, user: {{{user}}}}}]
"""


def test_a_kubeconfig_brings_address_and_credentials(world: World) -> None:
    authority = base64.b64encode(pair()[0].encode()).decode()
    text = KUBECONFIG.format(cluster=f"certificate-authority-data: {authority}", user="token: from-the-file")
    cluster = make(world, kubeconfig=text, url="", token="")
    assert (cluster.url, cluster.token) == ("http://127.0.0.1:3", "from-the-file")
    certificate, key = (base64.b64encode(part.encode()).decode() for part in pair())
    other = KUBECONFIG.format(
        cluster="tls-server-name: kubernetes", user=f"client-certificate-data: {certificate}, client-key-data: {key}"
    )
    row = edit_cluster(actor=world.ada, cluster=cluster, kubeconfig=other)
    assert row.token == "" and row.client_key_pem.startswith("-----BEGIN") and row.tls_server_name == "kubernetes"


@pytest.mark.parametrize(
    "user",
    ["exec: {command: /bin/sh}", "tokenFile: /etc/passwd", "client-key: /root/key", "auth-provider: {name: gcp}"],
)
def test_a_kubeconfig_that_runs_or_reads_on_our_side_is_refused(world: World, user: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(world, kubeconfig=KUBECONFIG.format(cluster="", user=user))
    assert list(caught.value.fields) == ["kubeconfig"]
    assert Cluster.objects.count() == 1


def test_production_on_it_keeps_its_certificate_verified(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "10.0.0.0/8", "http"]
    Cluster.objects.update(url="https://10.0.0.1:6443", verify_tls=True)
    with pytest.raises(Invalid) as caught:
        edit_cluster(actor=world.ada, cluster=world.cluster, verify_tls=False)
    assert list(caught.value.fields) == ["verify_tls"]
    assert Cluster.objects.get().verify_tls


def test_a_cluster_in_use_is_not_archived(world: World) -> None:
    with pytest.raises(Refused):
        archive_cluster(actor=world.ada, cluster=world.cluster)
    unused = make(world)
    assert archive_cluster(actor=world.ada, cluster=unused).is_archived


@pytest.mark.parametrize("who", ["petra", "olli", "uma", "otto"])
def test_others_may_not(world: World, who: str) -> None:
    with pytest.raises(Denied):
        create_cluster(actor=world.people[who], slug="x", name="X", url="http://127.0.0.1:2")
    with pytest.raises(Denied):
        edit_cluster(actor=world.people[who], cluster=world.cluster, name="X")
