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
from django.test import Client

from audit.models import AuditEvent
from environments.models import Cluster
from environments.services.clusters import archive_cluster, create_cluster, edit_cluster
from foundation.problems import Denied, Invalid, Refused
from tests.cast import World


def pair(begins: dt.timedelta = dt.timedelta(0), ends: dt.timedelta = dt.timedelta(days=9)) -> tuple[str, str]:
    """A certificate that signed itself, and its key, in PEM; in force from and until so long after now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "prism4k")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now + begins).not_valid_after(now + ends).sign(key, hashes.SHA256())
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


@pytest.mark.parametrize(
    "change", [{"url": "http://127.0.0.1:3"}, {"url": "https://127.0.0.1:2"}, {"tls_server_name": "other.example"}]
)
def test_a_stored_secret_never_goes_to_a_new_address_by_itself(world: World, change: dict[str, Any]) -> None:
    cluster = make(world)
    with pytest.raises(Invalid) as refused:
        edit_cluster(actor=world.ada, cluster=cluster, **change)
    assert list(refused.value.fields) == ["token"]
    assert Cluster.objects.get(pk=cluster.pk).url == "http://127.0.0.1:2"
    row = edit_cluster(actor=world.ada, cluster=cluster, **change, token="typed-again")
    assert row.token == "typed-again"
    row = edit_cluster(actor=world.ada, cluster=cluster, url="http://127.0.0.1:4", forget_credentials=True)
    assert (row.url, row.token) == ("http://127.0.0.1:4", "")


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


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def in_time(begins: int, ends: int) -> tuple[str, str]:
    """A pair in force from so many days from now to so many days from now."""
    return pair(dt.timedelta(days=begins), dt.timedelta(days=ends))


def with_pair(given: tuple[str, str]) -> str:
    certificate, key = (encoded(part) for part in given)
    return KUBECONFIG.format(cluster="", user=f"client-certificate-data: {certificate}, client-key-data: {key}")


NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
RUBBISH = {
    "expired client certificate": (with_pair(in_time(-9, -1)), "expired on"),
    "client certificate of tomorrow": (with_pair(in_time(1, 9)), "in force from"),
    "expired authority": (
        KUBECONFIG.format(cluster=f"certificate-authority-data: {encoded(in_time(-9, -1)[0])}", user="token: t"),
        "expired on",
    ),
    "key of another": (with_pair((pair()[0], pair()[1])), "does not belong"),
    "certificate that is none": (with_pair((NO_CERTIFICATE, pair()[1])), "not a certificate"),
    "unverified": (KUBECONFIG.format(cluster="insecure-skip-tls-verify: true", user="token: t"), "say yourself"),
    "metadata address": (
        KUBECONFIG.format(cluster="", user="token: t").replace("http://127.0.0.1:3", "http://169.254.169.254"),
        "internal address",
    ),
    "token with a space": (KUBECONFIG.format(cluster="", user='token: "a b"'), "no spaces"),
    "a megabyte": ("a: " + "x" * 1_000_000, "256 KiB"),
}


@pytest.mark.parametrize("case", RUBBISH)
def test_a_kubeconfig_that_cannot_be_used_is_told_at_its_field(world: World, case: str) -> None:
    text, said = RUBBISH[case]
    with pytest.raises(Invalid) as caught:
        make(world, kubeconfig=text, url="", token="")
    assert list(caught.value.fields) == ["kubeconfig"]
    assert said in " ".join(map(str, caught.value.fields["kubeconfig"])), caught.value.fields
    assert Cluster.objects.count() == 1


@pytest.mark.parametrize("case", RUBBISH)
def test_page_and_api_say_it_and_keep_nothing(world: World, case: str) -> None:
    text, said = RUBBISH[case]
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    form = {"slug": "second", "name": "Second", "verify_tls": "on", "kubeconfig": text}
    answer = browser.post("/clusters/new/", form)
    assert answer.status_code == 400 and "Traceback" not in answer.content.decode()
    body = {"slug": "second", "name": "Second", "kubeconfig": text}
    problem = browser.post("/api/v1/clusters/", body, content_type="application/json")
    assert problem.status_code == 400 and problem["Content-Type"] == "application/problem+json"
    assert "kubeconfig" in problem.content.decode()
    assert Cluster.objects.count() == 1
    assert not AuditEvent.objects.filter(verb="cluster.created").exists()


def test_an_unverified_certificate_is_taken_from_who_says_so(world: World) -> None:
    text = KUBECONFIG.format(cluster="insecure-skip-tls-verify: true", user="token: t")
    assert not make(world, kubeconfig=text, verify_tls=False, url="", token="").verify_tls


def test_a_cluster_whose_authority_expired_meanwhile_is_still_renamed(world: World) -> None:
    Cluster.objects.update(ca_pem=in_time(-9, -1)[0])
    assert edit_cluster(actor=world.ada, cluster=world.cluster, name="Renamed").name == "Renamed"
    with pytest.raises(Invalid) as caught:
        edit_cluster(actor=world.ada, cluster=world.cluster, ca_pem=in_time(-9, -2)[0])
    assert list(caught.value.fields) == ["ca_pem"]
    both = in_time(-9, -1)[0] + pair()[0]
    assert edit_cluster(actor=world.ada, cluster=world.cluster, ca_pem=both).ca_pem == both, "one in force is enough"


def test_what_a_browser_makes_of_a_certificate_is_no_change(world: World) -> None:
    """It sends line ends of Windows, and the form drops those at the end."""
    cluster = make(world, ca_pem=pair()[0])
    Cluster.objects.filter(pk=cluster.pk).update(ca_pem=cluster.ca_pem)
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    form = {"name": "Renamed", "url": cluster.url, "verify_tls": "on", "ca_pem": cluster.ca_pem.replace("\n", "\r\n")}
    assert browser.post("/clusters/second/edit/", form).status_code == 302
    assert AuditEvent.objects.get(verb="cluster.changed").after == {"name": "Renamed"}


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
