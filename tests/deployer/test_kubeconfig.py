"""Uploaded kubeconfigs: what is taken from them and what is refused."""

import base64
from typing import Any

import pytest
import yaml

from deployer.errors import Rejected
from deployer.kubeconfig import parse_kubeconfig

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PEM_64 = base64.b64encode(PEM.encode()).decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> str:
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [
            {"name": "other", "context": {"cluster": "no", "user": "no"}},
            {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "apps"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/"} | (cluster or {})}],
        "users": [{"name": "u", "user": {"token": "t0ken"} if user is None else user}],
    }
    return yaml.safe_dump(whole | more)


def test_server_authority_and_token_are_taken() -> None:
    found = parse_kubeconfig(config({"certificate-authority-data": PEM_64, "tls-server-name": "api.example.com"}))
    target = found.target("cluster:7")
    assert (target.key, target.url, target.token, target.ca_pem) == ("cluster:7", "https://10.0.0.1:6443", "t0ken", PEM)
    assert (target.tls_server_name, target.verify_tls, found.namespace) == ("api.example.com", True, "apps")
    assert "t0ken" not in repr(found)
    assert "t0ken" not in repr(target)


def test_a_client_certificate_is_taken_with_its_key() -> None:
    found = parse_kubeconfig(config(user={"client-certificate-data": PEM_64, "client-key-data": PEM_64}))
    assert found.client_cert_pem == found.client_key_pem == PEM


def test_not_verifying_is_taken_over_so_that_it_can_be_shown() -> None:
    assert not parse_kubeconfig(config({"insecure-skip-tls-verify": True})).verify_tls


REFUSED = {
    "exec": config(user={"exec": {"command": "sh", "args": ["-c", "id"]}}),
    "auth provider": config(user={"auth-provider": {"name": "gcp"}}),
    "token file": config(user={"tokenFile": "/etc/passwd"}),
    "password": config(user={"username": "a", "password": "b"}),
    "certificate file": config(user={"client-certificate": "/a", "client-key": "/b"}),
    "authority file": config({"certificate-authority": "/etc/ssl/ca.pem"}),
    "impersonation": config(user={"token": "t", "as": "admin"}),
    "proxy": config({"proxy-url": "http://evil"}),
    "no credentials": config(user={}),
    "certificate without key": config(user={"client-certificate-data": PEM_64}),
    "not base64": config({"certificate-authority-data": "%%%"}),
    "not pem": config({"certificate-authority-data": base64.b64encode(b"x").decode()}),
    "file address": config({"server": "file:///etc/passwd"}),
    "password in address": config({"server": "https://a:b@10.0.0.1"}),
    "query in address": config({"server": "https://10.0.0.1/?a=b"}),
    "bad port": config({"server": "https://10.0.0.1:99999"}),
    "no address": config({"server": ""}),
    "token with line end": config(user={"token": "a\r\nX-Evil: 1"}),
    "token number": config(user={"token": 5}),
    "unknown context": config(**{"current-context": "nope"}),
    "no contexts": config(contexts=[]),
    "contexts of another shape": config(contexts={"a": 1}),
    "missing user": config(users=[]),
    "missing cluster": config(clusters=None),
    "alias": "a: &x 1\nb: *x\n",
    "two documents": "a: 1\n---\nb: 1\n",
    "empty": "",
    "no mapping": "- a\n",
    "too large": "a: " + "x" * 300_000,
    "a megabyte": config(user={"token": "x" * 1_000_000}),
    "path beside the file": config(user={"client-certificate": "pki/me.crt", "client-key": "../me.key"}),
    "authority beside the file": config({"certificate-authority": "ca.crt"}),
    "unverified with an authority": config({"insecure-skip-tls-verify": True, "certificate-authority-data": PEM_64}),
    "unverified in words": config({"insecure-skip-tls-verify": "yes"}),
    "exec without a program": config(user={"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}),
    "token beside exec": config(user={"token": "t0ken", "exec": {"command": "aws"}}),
    "password alone": config(user={"token": "t0ken", "password": "b"}),
    "several contexts, none named": config(**{"current-context": ""}),
    "context twice": config(contexts=[{"name": "main", "context": {"cluster": "c", "user": "u"}}] * 2),
    "user twice": config(users=[{"name": "u", "user": {"token": "a"}}, {"name": "u", "user": {"token": "b"}}]),
    "context without a user": config(contexts=[{"name": "main", "context": {"cluster": "c"}}]),
    "a private key for an authority": config({"certificate-authority-data": "LS0tLS0="}),
    "a web page": "<!DOCTYPE html><html><body>Sign in</body></html>",
    "a secret": "apiVersion: v1\nkind: Secret\ndata: {token: dDBrZW4=}\n",
    "cut off": config()[:-40],
    "impersonation of groups": config(user={"token": "t0ken", "as-groups": ["system:masters"]}),
    "disabled compression of a kind that is not known": config({"disable-compression": "maybe"}),
}


@pytest.mark.security("yaml-tricks", "stolen-cluster-credentials")
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_would_run_or_read_here_is_refused(case: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_kubeconfig(REFUSED[case])
    assert str(refusal.value.problems[0].message).endswith(".")
    assert "t0ken" not in str(refusal.value)


def test_the_only_context_is_used_when_none_is_named() -> None:
    text = config(contexts=[{"name": "x", "context": {"cluster": "c", "user": "u"}}], **{"current-context": None})
    assert parse_kubeconfig(text).context == "x"


def test_fields_that_nobody_filled_and_a_byte_order_mark_are_ignored() -> None:
    user = {"token": "t0ken", "username": None, "password": "", "exec": None, "auth-provider": None, "client-key": ""}
    found = parse_kubeconfig("\ufeff" + config({"proxy-url": None, "certificate-authority": ""}, user))
    assert found.token == "t0ken"
    with pytest.raises(Rejected):
        parse_kubeconfig(config(user={"token": "t0ken", "username": "admin"}))


def test_line_ends_of_windows_and_wrapped_base64_are_read() -> None:
    wrapped = "\n".join(PEM_64[start : start + 20] for start in range(0, len(PEM_64), 20))
    text = "\ufeff" + config({"certificate-authority-data": wrapped}).replace("\n", "\r\n")
    assert parse_kubeconfig(text).ca_pem == PEM


def test_the_contexts_to_choose_from_are_named() -> None:
    with pytest.raises(Rejected) as refusal:
        parse_kubeconfig(config(**{"current-context": "nope"}))
    assert "other" in str(refusal.value) and "main" in str(refusal.value)


def test_an_address_without_https_is_told_how_to_begin() -> None:
    with pytest.raises(Rejected) as refusal:
        parse_kubeconfig(config({"server": "10.0.0.1:6443"}))
    assert "begin with https://, for example https://10.0.0.1:6443" in str(refusal.value)
