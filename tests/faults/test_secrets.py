"""Tokens of clusters and Jenkins: encrypted at rest, and nowhere in events, audit, answers, pages and logs."""

from __future__ import annotations

import base64
import logging
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client

from audit.models import AuditEvent
from components.models import JenkinsServer
from components.services.servers import edit_server, start_server_test
from environments.services.clusters import edit_cluster, start_test
from environments.services.spaces import launch_sync
from foundation.runs.driving import drive
from releases.models import LogChunk, OrderEvent
from tests.faults.test_outages import next_probe_now
from tests.proxy import CUT, PASS
from tests.site import Site

pytestmark = [pytest.mark.security("secrets-that-leak"), pytest.mark.slow]

WRONG = "canary-of-a-token-that-is-refused"


def shapes(secret: str) -> list[str]:
    """The secret as it might hide: plain, in a URL, in base64 at each offset of three."""
    encoded = [base64.b64encode(b"x" * pad + secret.encode()).decode()[4:-4] for pad in range(3)]
    return [secret, quote(secret, safe=""), *encoded, secret.encode().hex()]


def assert_absent(secrets: list[str], text: str, where: str) -> None:
    for secret in secrets:
        for shape in shapes(secret):
            assert shape not in text, f"a secret is in {where}"


def dump(database: Path) -> str:
    """Every row of every table, and the raw bytes of the file with its journal."""
    connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    with sqlite3.connect(database) as raw:
        rows = "\n".join(raw.iterdump())
    files = [database, database.with_name(database.name + "-wal")]
    return rows + "".join(file.read_bytes().decode("latin-1") for file in files if file.exists())


def live_through(site: Site) -> None:
    """Saved, used, refused, cut off, tested: everything that might tell a secret."""
    ada = site.world.ada
    jenkins = JenkinsServer.objects.get(slug="main")
    edit_server(actor=ada, server=jenkins, values={"token": WRONG})
    test = drive("server-test", start_server_test(actor=ada, server=jenkins).pk)
    assert test.state == "failed", test.facts
    assert site.build().state == "errored"
    edit_server(actor=ada, server=jenkins, values={"token": site.stand_ins.jenkins_token})
    assert drive("server-test", start_server_test(actor=ada, server=jenkins).pk).state == "succeeded"
    cluster = site.world.cluster
    edit_cluster(actor=ada, cluster=cluster, token=WRONG)
    assert drive("cluster-test", start_test(actor=ada, cluster=cluster).pk).state == "failed"
    refused = site.deploy(site.order_with_image())
    assert refused.state == "failed", refused.message
    edit_cluster(actor=ada, cluster=cluster, token=site.stand_ins.cluster_token)
    assert drive("cluster-test", start_test(actor=ada, cluster=cluster).pk).state == "succeeded"
    site.world.cluster.refresh_from_db()
    site.stand_ins.jenkins.rule = lambda asked: CUT if asked.method == "POST" else PASS
    build = site.finish(site.start_build(), lambda row: row.contact_lost_since is not None)
    site.stand_ins.jenkins.rule = lambda _asked: PASS
    next_probe_now()
    assert site.finish(build).state == "succeeded"


def test_no_secret_leaves(site: Site, site_database: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [site.stand_ins.jenkins_token, site.stand_ins.cluster_token, WRONG]
    live_through(site)
    site.world.spaces["fat"].syncs.all().delete()
    launch_sync(actor=None, space=site.space("fat"))
    order = site.order_with_image("crash")
    assert site.deploy(order).state == "failed"

    assert AuditEvent.objects.count() > 10 and OrderEvent.objects.count() > 10 and LogChunk.objects.exists()
    dumped = dump(site_database)
    assert order.number in dumped and site.stand_ins.jenkins.url in dumped
    assert_absent(secrets, dumped, "the database")
    assert len(caplog.text) > 1000
    assert_absent(secrets, caplog.text, "the logs")
    client = Client(raise_request_exception=False)
    client.force_login(site.world.ada, backend="accounts.backends.PasswordBackend")
    for path in readable(site, order.number):
        answer = client.get(path)
        body = b"".join(answer) if answer.streaming else answer.content
        assert_absent(secrets, body.decode() + str(answer.headers), path)
        if path.startswith("/api/"):
            assert answer.status_code == 200, (path, body)


def readable(site: Site, number: str) -> list[str]:
    """Everything a platform administrator can read around these secrets."""
    component = f"sis-omm/{site.component.slug}"
    api = [
        "clusters/", "clusters/main/", "clusters/main/tests/1/", "jenkins-servers/", "registries/", "git-servers/",
        "projects/sis-omm/spaces/", "projects/sis-omm/toolchain/", f"orders/{number}/", f"orders/{number}/events/",
        f"components/{component}/", f"components/{component}/environments/fat/", "deployments/1/", "orders/",
    ]  # fmt: skip
    pages = [
        "/", "/clusters/", "/clusters/main/", "/clusters/main/edit/", "/servers/", "/servers/jenkins/main/", "/health/",
        f"/orders/{number}/", "/deployments/1/", "/admin/",
    ]  # fmt: skip
    return [f"/api/v1/{path}" for path in api] + pages


def test_a_build_that_prints_the_token_prints_stars(site: Site) -> None:
    """Somebody else's program may know the token and print it; the stored log must not."""
    script = f"echo the token is {site.stand_ins.jenkins_token[:12]}$(printf %s {site.stand_ins.jenkins_token[12:]})"
    site.change_settings(build_command=f"set +x\n{script}\nmake package")
    build = site.build()
    assert build.state == "succeeded", build.message
    text = "".join(LogChunk.objects.filter(build=build).order_by("offset").values_list("text", flat=True))
    assert "the token is ********" in text
    assert site.stand_ins.jenkins_token not in text
