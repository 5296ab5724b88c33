"""Differences between live and wanted objects, and the fingerprint of what is live."""

import copy
from typing import Any

import pytest

from deployer.diff import FieldChange, diff_object, fingerprint, logical_name, yaml_paths
from deployer.interfaces import Manifest, ObjectRef

REF = ObjectRef("apps/v1", "Deployment", "gw")


def live() -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "gw",
            "uid": "u1",
            "resourceVersion": "5",
            "generation": 3,
            "managedFields": [{}],
            "creationTimestamp": "x",
            "annotations": {"deployment.kubernetes.io/revision": "3", "prism4k.io/deployment": "7"},
        },
        "spec": {
            "replicas": 2,
            "template": {"spec": {"containers": [{"name": "side", "image": "s"}, {"name": "gw", "image": "one"}]}},
        },
        "status": {"readyReplicas": 2},
    }


def changed(**fields: Any) -> Manifest:
    other = copy.deepcopy(live())
    other["metadata"] |= {"resourceVersion": "9", "generation": 4, "uid": "u1"}
    other["status"] = {}
    other["spec"] |= fields
    return other


def test_what_the_server_writes_is_no_difference() -> None:
    other = changed()
    other["metadata"]["annotations"] = {"prism4k.io/deployment": "8"}
    result = diff_object(REF, live(), other)
    assert (result.action, result.changes, result.unified) == ("same", (), ())


def test_list_items_are_matched_by_name_and_paths_say_so() -> None:
    other = changed(replicas=4)
    other["spec"]["template"]["spec"]["containers"] = [{"name": "gw", "image": "two"}, {"name": "side", "image": "s"}]
    result = diff_object(REF, live(), other)
    assert result.action == "change"
    assert result.changes == (
        FieldChange(".spec.replicas", "2", "4"),
        FieldChange('.spec.template.spec.containers[name="gw"].image', "one", "two"),
    )
    assert "-  replicas: 2" in result.unified
    assert "+  replicas: 4" in result.unified


def test_absent_objects_are_created_or_removed() -> None:
    assert diff_object(REF, None, live()).action == "create"
    assert diff_object(REF, live(), None).action == "remove"
    assert any(line.startswith("+kind: Deployment") for line in diff_object(REF, None, live()).unified)


def test_a_number_and_a_truth_value_are_not_the_same() -> None:
    assert diff_object(REF, changed(a=1), changed(a=True)).changes == (FieldChange(".spec.a", "1", "true"),)


@pytest.mark.security("secrets-that-leak")
def test_secret_values_are_hidden_but_their_change_is_seen() -> None:
    ref = ObjectRef("v1", "Secret", "s")
    old = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "c2VjcmV0", "b": "same"}}
    new = copy.deepcopy(old) | {"data": {"a": "b3RoZXI=", "b": "same"}}
    result = diff_object(ref, old, new)
    assert [change.path for change in result.changes] == [".data.a"]
    shown = repr(result)
    assert "c2VjcmV0" not in shown
    assert "b3RoZXI" not in shown
    assert "same" not in shown.replace("'same'", "")
    assert old["data"]["a"] == "c2VjcmV0"


def test_the_fingerprint_ignores_status_and_sees_everything_else() -> None:
    before = fingerprint({REF: live()})
    moved = live() | {"status": {"readyReplicas": 0}}
    moved["metadata"]["resourceVersion"] = "6"
    assert fingerprint({REF: moved}) == before
    assert fingerprint({REF: changed(replicas=3)}) != before
    assert fingerprint({REF: None}) != before
    born_again = live()
    born_again["metadata"]["uid"] = "u2"
    assert fingerprint({REF: born_again}) != before
    other_deployment = live()
    other_deployment["metadata"]["annotations"]["prism4k.io/deployment"] = "8"
    assert fingerprint({REF: other_deployment}) != before


def test_each_hunk_says_where_in_the_object_it_lies() -> None:
    def manifest(order: str, image: str, value: str) -> dict[str, Any]:
        containers = [
            {"name": "app", "image": image, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": value}]},
            {"name": "side", "image": "s:1"},
        ]
        metadata = {"name": "x", "labels": {"app.kubernetes.io/version": order, "z": "1"}}
        return {"kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}

    result = diff_object(REF, manifest("K8S1", "i:1", "x"), manifest("K8S2", "i:2", "y"))
    assert [line.split("@@ ", 2)[2] for line in result.unified if line.startswith("@@")] == [
        "metadata.labels",
        "spec.template.spec.containers[app]",
    ]


def test_a_line_of_a_dump_is_named_by_its_keys_and_the_names_of_items() -> None:
    lines = [
        "spec:",
        "  args:",
        "  - -x",
        "  containers:",
        "  - env:",
        "    - name: A",
        "      value: 'a: b'",
        "    name: app",
    ]
    assert yaml_paths(lines) == [
        ("spec",),
        ("spec", "args"),
        ("spec", "args", "[]"),
        ("spec", "containers"),
        ("spec", "containers", "[app]", "env"),
        ("spec", "containers", "[app]", "env", "[A]", "name"),
        ("spec", "containers", "[app]", "env", "[A]", "value"),
        ("spec", "containers", "[app]", "name"),
    ]


# ---------------------------------------------------------------- files of a ConfigMap
MAP = ObjectRef("v1", "ConfigMap", "gw-files-0123abcd")


def config_map(**files: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MAP.name}, "data": files}


def changed_lines(before: str, after: str) -> list[str]:
    result = diff_object(MAP, config_map(**{"application.yml": before}), config_map(**{"application.yml": after}))
    return [line for line in result.unified if line[0] in "+-" and line[:3] not in ("---", "+++")]


def test_a_file_is_compared_line_by_line_with_tabs_and_chinese_as_they_are() -> None:
    before = "server:\n\tport: 8080\n问候: 你好\n"
    assert changed_lines(before, before.replace("8080", "9090")) == ["-    \tport: 8080", "+    \tport: 9090"]
    assert changed_lines(before, before.replace("你好", "再见")) == ["-    问候: 你好", "+    问候: 再见"]


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("a\nb\n", "a\nb", ["-  application.yml: |", "+  application.yml: |-"]),
        ("a\n\nb\n", "a\nb\n", ["-    "]),
        ("a b", "a\tb", ["-  application.yml: a b", "+  application.yml: a\tb"]),
        ("a\n", "a\n", []),
        ("", "a\n", ["-  application.yml: ''", "+  application.yml: |", "+    a"]),
    ],
)
def test_every_difference_of_a_file_is_seen(before: str, after: str, seen: list[str]) -> None:
    assert changed_lines(before, after) == seen


def test_a_files_hunk_says_which_file() -> None:
    before, after = config_map(a="1", b="x\n" * 9 + "old\n"), config_map(a="1", b="x\n" * 9 + "new\n")
    (head,) = (line for line in diff_object(MAP, before, after).unified if line.startswith("@@"))
    assert "data.b" in head


@pytest.mark.parametrize(
    ("name", "logical"),
    [("gw-config-0123abcd", "gw-config"), ("gw-config", "gw-config"), ("gw-0123abcd-0123abcd", "gw-0123abcd")],
)
def test_the_hash_of_its_content_is_no_part_of_a_name(name: str, logical: str) -> None:
    assert logical_name(name) == logical
