"""Fields of another shape than the API has, and references that only a running pod or autoscaler would miss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.interfaces import Manifest
from deployer.manifests import check, find_workload, prepare
from tests.deployer.manifest_samples import (
    BOX,
    IDENTITY,
    POD,
    POLICY,
    autoscaler,
    container,
    ingress,
    plus,
    pod,
    set_at,
)
from tests.deployer.test_manifest_rules import PORTS, WITH_INGRESS, Change, budget, claim, full_set, said

SIDE = {"name": "side", "image": "harbor.example.com/base/s:1"}
CPU = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def scaled(*metrics: Any, **spec: Any) -> Change:
    """With an autoscaler that owns the replicas."""

    def change(manifests: list[Manifest]) -> None:
        del manifests[0]["spec"]["replicas"]
        given = {"metrics": list(metrics)} if metrics else {}
        manifests.append(autoscaler() | {"spec": autoscaler()["spec"] | given | spec})

    return change


def both(*changes: Change) -> Change:
    def change(manifests: list[Manifest]) -> None:
        for one in changes:
            one(manifests)

    return change


def led(**path: Any) -> Change:
    """With an Ingress whose path has these fields; None takes one away."""

    def change(manifests: list[Manifest]) -> None:
        manifests[1]["spec"]["ports"] = [{"name": "web", "port": 8080, "targetPort": "http"}]
        made = ingress()
        entry = made["spec"]["rules"][0]["http"]["paths"][0] | path
        made["spec"]["rules"][0]["http"]["paths"] = [{k: v for k, v in entry.items() if v is not None}]
        manifests.append(made)

    return change


def ports(*given: dict[str, Any]) -> Change:
    return set_at("1.spec.ports", list(given))


WEB = {"name": "web", "port": 80, "targetPort": "http"}
TO_CONTAINER = {"type": "ContainerResource", "containerResource": CPU | {"container": "nope"}}
MEASURED = {"containerName": "nope", "resource": "limits.cpu"}


def amount_in(resource: str, divisor: object) -> dict[str, Any]:
    return {"resource": resource, "containerName": "gw", "divisor": divisor}


def spread(**how: Any) -> Change:
    rule = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **how}
    return set_at(f"{POD}.topologySpreadConstraints", [rule])


def apart(**how: Any) -> Change:
    term = {"topologyKey": "zone", **how}
    return set_at(f"{POD}.affinity", {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})


REFUSED: dict[str, tuple[Change, str]] = {
    # what an autoscaler measures
    "share of a request that the side container lacks": (
        both(scaled({"type": "Resource", "resource": CPU}), set_at(f"{POD}.containers.1", SIDE)),
        "side requests no cpu",
    ),
    "the default metric": (both(scaled(), set_at(f"{POD}.containers.1", SIDE)), "side requests no cpu"),
    "metric of a container that is not there": (scaled(TO_CONTAINER), "measures the container nope"),
    "metric under another field": (
        scaled({"type": "Resource", "external": {"metric": {"name": "x"}, "target": {"type": "Value", "value": 1}}}),
        "described under resource",
    ),
    "metrics as text": (scaled(metrics="cpu"), "must be a list"),
    "metric without its name": (scaled({"type": "Resource", "resource": {"target": CPU["target"]}}), "name is missing"),
    "target of an older version": (
        scaled({"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 50}}),
        "targetAverageUtilization is not allowed",
    ),
    "window of a day": (scaled(behavior={"scaleUp": {"stabilizationWindowSeconds": 86400}}), "0 to 3600"),
    # what a pod finds, or not
    "file of a config map by its path": (
        set_at(f"{BOX}.volumeMounts.0", {"name": "a", "mountPath": "/x.yml", "subPath": "x.yml"}),
        "no file x.yml; its files are: A",
    ),
    "file of a projected volume": (
        set_at(f"{BOX}.volumeMounts.0", {"name": "b", "mountPath": "/x.yml", "subPath": "conf/x.yml"}),
        "no file conf/x.yml",
    ),
    "file that was renamed": (
        both(
            set_at(f"{POD}.volumes.0.configMap.items", [{"key": "A", "path": "b.yml"}]),
            set_at(f"{BOX}.volumeMounts.0", {"name": "a", "mountPath": "/x", "subPath": "A"}),
        ),
        "its files are: b.yml",
    ),
    "part of another place": (
        set_at(f"{BOX}.volumeMounts.0", {"name": "a", "mountPath": "/x", "subPath": "../etc"}),
        "inside the volume",
    ),
    "amount of a container that is not there": (
        set_at(f"{BOX}.env.0", {"name": "C", "valueFrom": {"resourceFieldRef": MEASURED}}),
        "the container nope",
    ),
    "file with the amount of such a container": (
        set_at(
            f"{POD}.volumes.0", {"name": "d", "downwardAPI": {"items": [{"path": "c", "resourceFieldRef": MEASURED}]}}
        ),
        "the container nope",
    ),
    "field that a pod does not give": (
        set_at(f"{BOX}.env.0", {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "spec.replicas"}}}),
        "does not give this field",
    ),
    **{
        f"amount of {resource} in parts of {divisor}": (
            set_at(f"{BOX}.env.0", {"name": "C", "valueFrom": {"resourceFieldRef": amount_in(resource, divisor)}}),
            "one of these words: 1",
        )
        for resource, divisor in (
            ("limits.cpu", "2"),
            ("limits.cpu", "100m"),
            ("requests.cpu", "1k"),
            ("limits.memory", "2Mi"),
            ("limits.memory", "1m"),
            ("requests.memory", 1024),
            ("limits.ephemeral-storage", "10G"),
        )
    },
    "spread by own labels without a selector": (spread(matchLabelKeys=["tier"]), "needs a labelSelector"),
    "spread by a label twice": (
        spread(matchLabelKeys=["tier"], labelSelector={"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        "named once, in the selector or as keys: tier",
    ),
    "apart by own labels without a selector": (apart(mismatchLabelKeys=["tier"]), "needs a labelSelector"),
    "apart by a label both ways": (
        apart(matchLabelKeys=["tier"], mismatchLabelKeys=["tier"], labelSelector={}),
        "named once",
    ),
    "spread of somebody's pods": (
        set_at(
            f"{POD}.topologySpreadConstraints",
            [
                {
                    "maxSkew": 1,
                    "topologyKey": "zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"app": "web"}},
                }
            ],
        ),
        "app=web",
    ),
    # who is restarted, and who is checked
    "own container that is never restarted": (set_at(f"{BOX}.restartPolicy", "Never"), "Only an init container"),
    "side container by a container": (set_at(f"{BOX}.restartPolicy", "Always"), "Only an init container"),
    "init container on failure": (
        set_at(f"{POD}.initContainers", [SIDE | {"restartPolicy": "OnFailure"}]),
        "Only an init container",
    ),
    "check of an init container": (
        set_at(f"{POD}.initContainers", [SIDE | {"readinessProbe": {"exec": {"command": ["true"]}}}]),
        "runs once",
    ),
    "hook of an init container": (
        set_at(f"{POD}.initContainers", [SIDE | {"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}]),
        "runs once",
    ),
    "mount that reaches the node": (
        set_at(f"{BOX}.volumeMounts.0", {"name": "a", "mountPath": "/x", "mountPropagation": "Bidirectional"}),
        "one of these words: None, HostToContainer",
    ),
    # checks
    "check without a question": (set_at(f"{BOX}.livenessProbe", {"periodSeconds": 5}), "Exactly one of"),
    "check with two": (
        set_at(f"{BOX}.livenessProbe", {"exec": {"command": ["x"]}, "tcpSocket": {"port": 8080}}),
        "Exactly one of",
    ),
    "check that must succeed thrice": (
        set_at(f"{BOX}.livenessProbe", {"exec": {"command": ["x"]}, "successThreshold": 3}),
        "from 1 to 1",
    ),
    "check in lower case": (
        set_at(f"{BOX}.readinessProbe.httpGet.scheme", "https"),
        "one of these words: HTTP, HTTPS",
    ),
    "check with a misspelt field": (set_at(f"{BOX}.readinessProbe.httpGet.pth", "/"), "there is a field path"),
    "command as one text": (set_at(f"{BOX}.livenessProbe", {"exec": {"command": "ls -l"}}), "must be a list"),
    "empty hook": (set_at(f"{BOX}.lifecycle", {"preStop": {}}), "Exactly one of"),
    # texts, numbers, words
    "argument as a number": (set_at(f"{BOX}.args", ["--port", 8080]), "args[1]: This must be text: put it in quotes"),
    "arguments as a text": (set_at(f"{BOX}.args", "--port 8080"), "must be a list"),
    "command as a text": (set_at(f"{BOX}.command", "run"), "must be a list"),
    "label as a number": (set_at("0.metadata.labels", {"version": 1.1}), "put it in quotes"),
    "label of the pods as a number": (set_at("0.spec.template.metadata.labels", {"version": 2}), "put it in quotes"),
    "selected node by a number": (set_at(f"{POD}.nodeSelector", {"zone": 1.1}), "put it in quotes"),
    "selected node by a truth value": (set_at(f"{POD}.nodeSelector", {"ssd": True}), "put it in quotes"),
    "pull policy": (set_at(f"{BOX}.imagePullPolicy", "Sometimes"), "Always, IfNotPresent, Never"),
    "switch as text": (set_at(f"{POD}.enableServiceLinks", "no"), "true or false"),
    "tolerated by another word": (set_at(f"{POD}.tolerations", [{"key": "a", "operator": "Is"}]), "Exists, Equal"),
    "misspelt affinity": (set_at(f"{POD}.affinity", {"podAfinity": {}}), "not allowed here"),
    "size that is none": (
        set_at(f"{POD}.volumes.0", {"name": "e", "emptyDir": {"sizeLimit": "1GB"}}),
        "not a quantity",
    ),
    "misspelt size": (set_at(f"{POD}.volumes.0", {"name": "e", "emptyDir": {"sizeLimt": "1Gi"}}), "a field sizeLimit"),
    "dropped as a text": (set_at(f"{BOX}.securityContext", {"capabilities": {"drop": "ALL"}}), "must be a list"),
    # what must be there, and what only once
    "volume without a name": (set_at(f"{POD}.volumes.0", {"emptyDir": {}}), "name is missing"),
    "mount without a path": (set_at(f"{BOX}.volumeMounts.0", {"name": "b"}), "mountPath is missing"),
    "two mounts at a path": (set_at(f"{BOX}.volumeMounts.0", {"name": "b", "mountPath": "/a"}), "/a is there twice"),
    "variable with two values": (
        set_at(f"{BOX}.env.0", {"name": "B", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}),
        "either value or valueFrom",
    ),
    "variable from nowhere": (set_at(f"{BOX}.env.0", {"name": "B", "valueFrom": {}}), "Exactly one of"),
    "key that is not named": (
        set_at(f"{BOX}.env.0", {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "gw-config"}}}),
        "key is missing",
    ),
    "variables from nowhere": (set_at(f"{BOX}.envFrom.0", {"prefix": "X_"}), "Exactly one of"),
    "port twice": (set_at(f"{BOX}.ports.0", {"name": "x", "containerPort": 8080}), "containerPort 8080 is there twice"),
    "name of a port twice": (set_at(f"{BOX}.ports.0", {"name": "http", "containerPort": 81}), "name http is there"),
    "ports of a Service without names": (ports(WEB, {"port": 81, "targetPort": "admin"}), "Give each port a name"),
    "port of a Service twice": (ports(WEB, WEB | {"name": "b", "targetPort": "admin"}), "port 80 is there twice"),
    "name of a Service's port": (ports(WEB | {"name": "A_b"}), "lower-case letters"),
    "protocol in lower case": (ports(WEB | {"targetPort": 8080, "protocol": "tcp"}), "TCP, UDP, SCTP"),
    "protocol of a container": (set_at(f"{BOX}.ports.0", PORTS[0] | {"protocol": "tcp"}), "TCP, UDP, SCTP"),
    "affinity to a cookie": (set_at("1.spec.sessionAffinity", "Cookie"), "None, ClientIP"),
    "outside traffic of an inner Service": (set_at("1.spec.externalTrafficPolicy", "Local"), "NodePort, LoadBalancer"),
    "balancer of an inner Service": (set_at("1.spec.loadBalancerClass", "x"), "Only a Service of type LoadBalancer"),
    "path without a type": (led(pathType=None), "pathType is missing"),
    "path in lower case": (led(pathType="prefix"), "Exact, Prefix"),
    "path that is relative": (led(path="api"), "begins with /"),
    "path that is missing": (led(path=None), "begins with /"),
    "port of an Ingress twice": (
        led(backend={"service": {"name": "gateway", "port": {"name": "web", "number": 8080}}}),
        "either by name or by number",
    ),
    "claim of another mode": (plus(claim(volumeMode="Blok")), "Filesystem, Block"),
    "key of both kinds": (set_at("2.binaryData", {"A": "YQ=="}), "“A” is there twice"),
    "binary that is none": (set_at("2.binaryData", {"B": "***"}), "is base64"),
    "name with an empty part": (set_at("2.metadata.name", "gw-a..b"), "lower-case letters"),
    "label with an empty part": (set_at("0.metadata.labels", {"a..b/c": "x"}), "name of a label"),
    "annotation with a space": (set_at("0.metadata.annotations", {"a b": "x"}), "name of an annotation"),
    "more than all": (set_at("0.spec.strategy", {"rollingUpdate": {"maxUnavailable": "150%"}}), "No more pods"),
    "ready later than failed": (set_at("0.spec.minReadySeconds", 600), "fails after 600"),
    "no time at all": (set_at("0.spec.progressDeadlineSeconds", 0), "from 1 to"),
    "no right by a nought": (set_at(f"{BOX}.securityContext", {"privileged": 0}), "gain rights"),
    "no rights by a nought": (set_at(f"{BOX}.securityContext", {"allowPrivilegeEscalation": 0}), "gain rights"),
    "metric by a list": (scaled({"type": "Resource", "resource": CPU | {"name": ["cpu"]}}), "must be text"),
    "share that is not said": (
        scaled({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}),
        "averageUtilization is missing",
    ),
    "autoscaler of no version": (scaled(scaleTargetRef={"kind": "Deployment", "name": "gw"}), "apps/v1"),
    "no steps": (scaled(behavior={"scaleUp": {"policies": []}}), "must not be empty"),
    "empty command of a check": (set_at(f"{BOX}.livenessProbe", {"exec": {"command": []}}), "must not be empty"),
    "readiness check that kills": (
        set_at(f"{BOX}.readinessProbe.terminationGracePeriodSeconds", 5),
        "ends no container",
    ),
    "time to end of none": (
        set_at(f"{BOX}.livenessProbe", {"exec": {"command": ["x"]}, "terminationGracePeriodSeconds": 0}),
        "from 1 to",
    ),
    "file outside of its volume": (
        set_at(f"{POD}.volumes.0.configMap.items", [{"key": "A", "path": "/etc/a"}]),
        "inside the volume",
    ),
    "nobody's amount in a file": (
        set_at(
            f"{POD}.volumes.0",
            {"name": "d", "downwardAPI": {"items": [{"path": "c", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
        ),
        "containerName is missing",
    ),
    "toleration that never ends": (
        set_at(f"{POD}.tolerations", [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}]),
        "Only a toleration of NoExecute",
    ),
    "selected by a sentence": (set_at(f"{POD}.nodeSelector", {"zone": "a b"}), "at most 63"),
    "among no values": (
        set_at(
            f"{POD}.affinity",
            {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "topologyKey": "zone",
                            "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]},
                        }
                    ]
                }
            },
        ),
        "values: This must not be empty",
    ),
    "class of storage": (plus(claim(storageClassName="Fast_SSD")), "class of storage"),
    "profile without a type": (
        set_at(f"{BOX}.securityContext", {"seccompProfile": {"localhostProfile": "x"}}),
        "type is missing",
    ),
}


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_another_shape_is_refused_with_what_is_right(case: str) -> None:
    change, words = REFUSED[case]
    policy = replace(WITH_INGRESS, claims=frozenset({"gw-data"}))
    assert words in said(change, policy), said(change, policy)


def test_every_usual_field_is_accepted() -> None:
    manifests = full_set()
    box = container(manifests)
    box["env"] += [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"containerName": "gw", "resource": "limits.cpu"}}},
        *(
            {"name": f"PART{index}", "valueFrom": {"resourceFieldRef": amount_in(*part)}}
            for index, part in enumerate(
                [
                    ("limits.cpu", "1m"),
                    ("limits.cpu", "1000m"),
                    ("limits.cpu", 0),
                    ("limits.memory", "1024Ki"),
                    ("requests.memory", 1),
                    ("limits.memory", "1Ei"),
                ]
            )
        ),
        {"name": "EMPTY", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
    ]
    box["volumeMounts"] += [
        {"name": "a", "mountPath": "/etc/A", "subPath": "A", "readOnly": True},
        {"name": "e", "mountPath": "/scratch", "subPath": "any/part"},
        {"name": "o", "mountPath": "/o", "subPath": "perhaps"},
    ]
    box["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    box["livenessProbe"] = {"httpGet": {"port": 8080, "httpHeaders": [{"name": "Host", "value": "x"}]}}
    pod(manifests)["volumes"] += [
        {"name": "e", "emptyDir": {"sizeLimit": "1.5Gi"}},
        {"name": "o", "configMap": {"name": "gw-config", "optional": True}},
        {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    pod(manifests)["initContainers"] = [SIDE, SIDE | {"name": "proxy", "restartPolicy": "Always"}]
    manifests[1]["spec"]["ports"] = [WEB, {"name": "dns", "port": 53, "targetPort": 8080, "protocol": "UDP"}]
    assert check([*manifests, budget()], POLICY) == ()


@pytest.mark.parametrize(
    "metric",
    [
        {
            "type": "Resource",
            "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1.5Gi"}},
        },
        {"type": "ContainerResource", "containerResource": CPU | {"container": "gw"}},
        {
            "type": "Pods",
            "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": 100}},
        },
        {
            "type": "External",
            "external": {
                "metric": {"name": "lag", "selector": {"matchLabels": {"topic": "a"}}},
                "target": {"type": "Value", "value": "1e3"},
            },
        },
    ],
    ids=lambda metric: metric["type"],
)
def test_what_needs_no_request_of_the_side_container_is_accepted(metric: Any) -> None:
    assert said(both(scaled(metric), set_at(f"{POD}.containers.1", SIDE))) == ""


def test_what_kubectl_prints_of_objects_to_be_made_is_accepted() -> None:
    scaler = scaled()
    budgeted = plus(budget() | {"status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0}})

    def status(manifests: list[Manifest]) -> None:
        manifests[-2]["status"] = {"currentMetrics": None, "currentReplicas": 0, "desiredReplicas": 0}

    assert said(both(scaler, budgeted, status)) == ""
    assert "kubectl get" in said(plus(budget() | {"status": {"currentHealthy": 1}}))


def test_rules_about_own_pods_follow_the_labels_that_the_platform_sets() -> None:
    manifests = full_set()
    chart = {"app.kubernetes.io/name": "gw", "app.kubernetes.io/instance": "release"}
    other = {"app.kubernetes.io/name": "redis"}
    manifests[0]["spec"]["template"]["metadata"]["labels"] = dict(chart)
    near = {"labelSelector": {"matchLabels": dict(chart)}, "topologyKey": "zone"}
    far = {"labelSelector": {"matchLabels": dict(other)}, "topologyKey": "zone"}
    pod(manifests)["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": near["labelSelector"],
        }
    ]
    pod(manifests)["affinity"] = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [near],
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": far}],
        }
    }
    assert check(manifests, POLICY) == ()
    template = find_workload(prepare(manifests, IDENTITY))["spec"]["template"]
    labels, spec = template["metadata"]["labels"], template["spec"]
    rules = spec["affinity"]["podAntiAffinity"]
    own = rules["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]["matchLabels"]
    spread = spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]
    assert own == spread == {name: labels[name] for name in chart}
    foreign = rules["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert foreign["labelSelector"]["matchLabels"] == other
