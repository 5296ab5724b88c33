"""The registry keeps to the distribution specification: blobs, uploads, manifests, lists, refusals."""

from __future__ import annotations

import hashlib
import json

import httpx
import pytest

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def code_of(answer: httpx.Response) -> str:
    return answer.json()["errors"][0]["code"]


def put_blob(http: httpx.Client, repository: str, content: bytes) -> str:
    begun = http.post(f"/v2/{repository}/blobs/uploads/")
    assert begun.status_code == 202
    done = http.put(begun.headers["location"], params={"digest": digest_of(content)}, content=content)
    assert done.status_code == 201
    return digest_of(content)


def put_image(http: httpx.Client, repository: str, tag: str, marker: str) -> tuple[httpx.Response, bytes]:
    config = json.dumps({"marker": marker}).encode()
    put_blob(http, repository, config)
    document = {"schemaVersion": 2, "mediaType": OCI, "layers": []}
    document["config"] = {"digest": digest_of(config), "size": len(config), "mediaType": "application/json"}
    content = json.dumps(document).encode()
    answer = http.put(f"/v2/{repository}/manifests/{tag}", content=content, headers={"Content-Type": OCI})
    return answer, content


def test_version_is_told(http: httpx.Client) -> None:
    answer = http.get("/v2/")
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_blob_comes_back_whole_in_part_and_as_head(http: httpx.Client) -> None:
    digest = put_blob(http, "site/app", b"0123456789")
    place = f"/v2/site/app/blobs/{digest}"
    head = http.head(place)
    assert (head.headers["content-length"], head.headers["docker-content-digest"]) == ("10", digest)
    assert http.get(place).content == b"0123456789"
    part = http.get(place, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert http.get(place, headers={"Range": "bytes=99-"}).status_code == 416


def test_chunked_upload_knows_its_place(http: httpx.Client) -> None:
    place = http.post("/v2/site/app/blobs/uploads/").headers["location"]
    first = http.patch(place, content=b"abc", headers={"Content-Range": "0-2"})
    assert (first.status_code, first.headers["range"]) == (202, "0-2")
    wrong = http.patch(place, content=b"zzz", headers={"Content-Range": "9-11"})
    assert (wrong.status_code, code_of(wrong)) == (416, "BLOB_UPLOAD_INVALID")
    assert http.get(place).headers["range"] == "0-2"
    done = http.put(place, params={"digest": digest_of(b"abcdef")}, content=b"def")
    assert done.status_code == 201
    assert http.get(done.headers["location"]).content == b"abcdef"
    assert code_of(http.get(place)) == "BLOB_UPLOAD_UNKNOWN"


def test_bytes_that_are_not_the_digest_are_refused(http: httpx.Client) -> None:
    wrong = digest_of(b"something else")
    answer = http.post("/v2/site/app/blobs/uploads/", params={"digest": wrong}, content=b"abc")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert http.head(f"/v2/site/app/blobs/{wrong}").status_code == 404


def test_blob_belongs_to_its_repository_until_mounted(http: httpx.Client) -> None:
    digest = put_blob(http, "site/owner", b"mine")
    assert code_of(http.get(f"/v2/site/guest/blobs/{digest}")) == "BLOB_UNKNOWN"
    mounted = http.post("/v2/site/guest/blobs/uploads/", params={"mount": digest, "from": "site/owner"})
    assert mounted.status_code == 201
    assert http.get(f"/v2/site/guest/blobs/{digest}").content == b"mine"
    missing = http.post("/v2/site/guest/blobs/uploads/", params={"mount": digest_of(b"no"), "from": "site/owner"})
    assert missing.status_code == 202


def test_manifest_by_tag_and_digest_is_the_same_bytes(http: httpx.Client) -> None:
    answer, content = put_image(http, "site/same", "v1", "one")
    digest = digest_of(content)
    assert (answer.status_code, answer.headers["docker-content-digest"]) == (201, digest)
    for reference in ("v1", digest):
        found = http.get(f"/v2/site/same/manifests/{reference}")
        assert (found.content, found.headers["content-type"]) == (content, OCI)
    assert http.head("/v2/site/same/manifests/v1").headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"{", OCI, "MANIFEST_INVALID"),
        (b"[]", OCI, "MANIFEST_INVALID"),
        (b'{"layers": []}', OCI, "MANIFEST_INVALID"),
        (b'{"mediaType": "text/plain"}', OCI, "MANIFEST_INVALID"),
        (b"{}", "text/plain", "MANIFEST_INVALID"),
        (json.dumps({"config": {"digest": "sha256:" + "0" * 64}, "layers": []}).encode(), OCI, "MANIFEST_BLOB_UNKNOWN"),
        (json.dumps({"config": {"digest": "md5:0"}, "layers": []}).encode(), OCI, "DIGEST_INVALID"),
        (json.dumps({"manifests": [{"digest": "sha256:" + "0" * 64}]}).encode(), INDEX, "MANIFEST_UNKNOWN"),
    ],
)
def test_bad_manifest_is_refused_and_tags_nothing(
    http: httpx.Client, content: bytes, media_type: str, code: str
) -> None:
    put_blob(http, "site/bad", b"x")
    answer = http.put("/v2/site/bad/manifests/v1", content=content, headers={"Content-Type": media_type})
    assert (400 <= answer.status_code < 500, code_of(answer)) == (True, code)
    assert code_of(http.get("/v2/site/bad/manifests/v1")) == "MANIFEST_UNKNOWN"


def test_oversized_manifest_is_refused(http: httpx.Client) -> None:
    answer = http.put("/v2/site/bad/manifests/v1", content=b" " * 5_000_000, headers={"Content-Type": OCI})
    assert answer.status_code == 413


def test_order_tag_is_written_once(http: httpx.Client) -> None:
    tag = "K8S20180918055120CK"
    first, content = put_image(http, "site/order", tag, "one")
    again = http.put(f"/v2/site/order/manifests/{tag}", content=content, headers={"Content-Type": OCI})
    assert (first.status_code, again.status_code) == (201, 201)
    other, _ = put_image(http, "site/order", tag, "two")
    assert (other.status_code, code_of(other)) == (412, "PRECONDITION")
    assert "immutable" in other.json()["errors"][0]["message"]
    removed = http.delete(f"/v2/site/order/manifests/{tag}")
    assert (removed.status_code, code_of(removed)) == (412, "PRECONDITION")
    assert http.get(f"/v2/site/order/manifests/{tag}").content == content


def test_ordinary_tag_moves_and_goes(http: httpx.Client) -> None:
    put_image(http, "site/moving", "latest", "one")
    _, content = put_image(http, "site/moving", "latest", "two")
    assert http.get("/v2/site/moving/manifests/latest").content == content
    assert http.delete(f"/v2/site/moving/manifests/{digest_of(content)}").status_code == 202
    assert code_of(http.get("/v2/site/moving/manifests/latest")) == "MANIFEST_UNKNOWN"
    assert http.get("/v2/site/moving/tags/list").json() == {"name": "site/moving", "tags": []}


def test_lists_come_in_pages(http: httpx.Client) -> None:
    for tag in ("a", "b", "c"):
        put_image(http, "site/pages", tag, "same")
    first = http.get("/v2/site/pages/tags/list", params={"n": 2})
    assert (first.json()["tags"], first.links["next"]["url"]) == (["a", "b"], "/v2/site/pages/tags/list?n=2&last=b")
    last = http.get(first.links["next"]["url"])
    assert (last.json()["tags"], "next" in last.links) == (["c"], False)
    assert "base/middleware/python" in http.get("/v2/_catalog").json()["repositories"]
    assert http.get("/v2/_catalog", params={"n": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/no/such/manifests/v1", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/No/manifests/v1", 400, "NAME_INVALID"),
        ("GET", "/v2/a%2f..%2fb/manifests/v1", 400, "NAME_INVALID"),
        ("GET", "/v2/site/app/blobs/sha256:zz", 400, "DIGEST_INVALID"),
        ("GET", "/v2/site/app/manifests/..%2f..%2fx", 404, "NAME_UNKNOWN"),
        ("PATCH", "/v2/site/app/blobs/uploads/..%2f..%2flock", 404, "NAME_UNKNOWN"),
        ("PATCH", "/v2/site/app/blobs/uploads/nonsense", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("DELETE", "/v2/", 405, "UNSUPPORTED"),
        ("GET", "/else", 404, "NAME_UNKNOWN"),
    ],
)
def test_refusals_carry_the_specified_code(http: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, code_of(answer)) == (status, code)
