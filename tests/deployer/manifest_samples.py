"""A good set of manifests, and a hundred ways to make it hostile."""

from collections.abc import Callable
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests import Identity, Policy

IMAGE = "harbor.example.com/omm/gw@sha256:" + "a" * 64
POLICY = Policy(
    namespace="omm-fat", component="gw", image=IMAGE, registries=("harbor.example.com/base",), service="gateway"
)
IDENTITY = Identity(
    number="K8S20261120101500AB", commit="c" * 40, project="omm", component="gw", environment="fat", namespace="omm-fat"
)


def deployment() -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "gw"},
        "spec": {
            "replicas": 2,
            "template": {
                "metadata": {"labels": {"tier": "front"}, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {
                    "containers": [
                        {
                            "name": "gw",
                            "image": IMAGE,
                            "envFrom": [{"configMapRef": {"name": "gw-config"}}],
                            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "gw-config", "key": "A"}}}],
                            "resources": {
                                "requests": {"cpu": "500m", "memory": "1Gi"},
                                "limits": {"cpu": "1", "memory": "2Gi"},
                            },
                        }
                    ],
                    "volumes": [
                        {"name": "a", "configMap": {"name": "gw-config"}},
                        {"name": "b", "projected": {"sources": [{"configMap": {"name": "gw-config"}}]}},
                    ],
                },
            },
        },
    }


def service() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "gateway"},
        "spec": {"ports": [{"port": 8080}]},
    }


def config() -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gw-config"}, "data": {"A": "1"}}


def ingress() -> Manifest:
    backend = {"service": {"name": "gateway", "port": {"number": 8080}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "gw"},
        "spec": {
            "rules": [
                {"host": "gw.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
            ]
        },
    }


def autoscaler() -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gw"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "gw"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3},
    }


def good_set() -> list[Manifest]:
    return [deployment(), service(), config()]


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    return manifests[0]["spec"]["template"]["spec"]


def container(manifests: list[Manifest]) -> dict[str, Any]:
    return pod(manifests)["containers"][0]


def set_at(path: str, value: Any) -> Callable[[list[Manifest]], None]:
    """A change of the set: ``0.spec.replicas`` is a path into the first manifest."""

    def change(manifests: list[Manifest]) -> None:
        target: Any = manifests
        *parents, last = path.split(".")
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part.replace("~", "."), {})
        if isinstance(target, list):
            target.insert(int(last), value)
        else:
            target[last.replace("~", ".")] = value

    return change


def plus(manifest: Manifest) -> Callable[[list[Manifest]], None]:
    return lambda manifests: manifests.append(manifest)


POD = "0.spec.template.spec"
BOX = f"{POD}.containers.0"
FOREIGN = {"name": "extra", "image": "docker.io/evil/miner:latest"}

HOSTILE = {
    "other namespace": set_at("0.metadata.namespace", "kube-system"),
    "namespace as list": set_at("0.metadata.namespace", ["omm-fat"]),
    "cluster role": plus(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "gw"}}
    ),
    "secret": plus({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gw"}}),
    "pod": plus({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gw"}}),
    "namespace object": plus({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gw"}}),
    "list": plus({"apiVersion": "v1", "kind": "List", "metadata": {"name": "gw"}, "items": []}),
    "daemon set": plus({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "gw"}}),
    "old api": set_at("0.apiVersion", "extensions/v1beta1"),
    "kind as list": set_at("0.kind", ["Deployment"]),
    "neighbour's service": set_at("1.metadata.name", "payments"),
    "name that only begins alike": set_at("1.metadata.name", "gwx"),
    "name with path": set_at("1.metadata.name", "gw-/../x"),
    "generate name": set_at("0.metadata.generateName", "gw-"),
    "owner": set_at("0.metadata.ownerReferences", []),
    "finalizer": set_at("0.metadata.finalizers", ["x"]),
    "uid": set_at("0.metadata.uid", "1"),
    "resource version": set_at("0.metadata.resourceVersion", "1"),
    "managed fields": set_at("0.metadata.managedFields", []),
    "status": set_at("0.status", {"replicas": 2}),
    "own label": set_at("0.metadata.labels", {"prism4k.io/order": "X"}),
    "own annotation": set_at("0.metadata.annotations", {"prism4k.io/deployment": "9"}),
    "ingress snippet": set_at("1.metadata.annotations", {"nginx.ingress.kubernetes.io/server-snippet": "x"}),
    "injector": set_at("0.spec.template.metadata.annotations", {"sidecar.istio.io/inject": "true"}),
    "app armor": set_at(
        "0.spec.template.metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/gw": "unconfined"}
    ),
    "annotation number": set_at("0.metadata.annotations", {"a": 1}),
    "host network": set_at(f"{POD}.hostNetwork", True),
    "host pid": set_at(f"{POD}.hostPID", True),
    "host ipc": set_at(f"{POD}.hostIPC", False),
    "host users": set_at(f"{POD}.hostUsers", True),
    "node name": set_at(f"{POD}.nodeName", "master-1"),
    "priority": set_at(f"{POD}.priorityClassName", "system-node-critical"),
    "runtime": set_at(f"{POD}.runtimeClassName", "kata"),
    "ephemeral": set_at(f"{POD}.ephemeralContainers", []),
    "service account": set_at(f"{POD}.serviceAccountName", "admin"),
    "old service account": set_at(f"{POD}.serviceAccount", "admin"),
    "service account as list": set_at(f"{POD}.serviceAccountName", ["default"]),
    "token": set_at(f"{POD}.automountServiceAccountToken", True),
    "sysctl": set_at(f"{POD}.securityContext", {"sysctls": []}),
    "root": set_at(f"{POD}.securityContext", {"runAsUser": 0}),
    "pull secret": set_at(f"{POD}.imagePullSecrets", [{"name": "other"}]),
    "host path": set_at(f"{POD}.volumes.0", {"name": "x", "hostPath": {"path": "/"}}),
    "nfs": set_at(f"{POD}.volumes.0", {"name": "x", "nfs": {"server": "a", "path": "/"}}),
    "csi": set_at(f"{POD}.volumes.0", {"name": "x", "csi": {"driver": "d"}}),
    "secret volume": set_at(f"{POD}.volumes.0", {"name": "x", "secret": {"secretName": "tls"}}),
    "projected token": set_at(
        f"{POD}.volumes.0", {"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}
    ),
    "projected secret": set_at(
        f"{POD}.volumes.0", {"name": "x", "projected": {"sources": [{"secret": {"name": "tls"}}]}}
    ),
    "claim": set_at(f"{POD}.volumes.0", {"name": "x", "persistentVolumeClaim": {"claimName": "db"}}),
    "unknown config map": set_at(f"{POD}.volumes.0", {"name": "x", "configMap": {"name": "kube-root-ca.crt"}}),
    "restart policy": set_at(f"{POD}.restartPolicy", "Never"),
    "host dns": set_at(f"{POD}.dnsPolicy", "ClusterFirstWithHostNet"),
    "privileged": set_at(f"{BOX}.securityContext", {"privileged": True}),
    "escalation": set_at(f"{BOX}.securityContext", {"allowPrivilegeEscalation": True}),
    "capability": set_at(f"{BOX}.securityContext", {"capabilities": {"add": ["SYS_ADMIN"]}}),
    "proc mount": set_at(f"{BOX}.securityContext", {"procMount": "Unmasked"}),
    "seccomp": set_at(f"{BOX}.securityContext", {"seccompProfile": {"type": "Unconfined"}}),
    "container root": set_at(f"{BOX}.securityContext", {"runAsNonRoot": False}),
    "host port": set_at(f"{BOX}.ports", [{"containerPort": 80, "hostPort": 80}]),
    "host ip": set_at(f"{BOX}.ports", [{"containerPort": 80, "hostIP": "0.0.0.0"}]),
    "device": set_at(f"{BOX}.volumeDevices", []),
    "image by tag": set_at(f"{BOX}.image", "harbor.example.com/omm/gw:latest"),
    "other digest": set_at(f"{BOX}.image", IMAGE[:-1] + "b"),
    "no image": set_at(f"{BOX}.image", None),
    "foreign side-car": set_at(f"{POD}.containers.1", FOREIGN),
    "foreign init": set_at(f"{POD}.initContainers", [FOREIGN]),
    "registry look-alike": set_at(f"{POD}.containers.1", {"name": "x", "image": "harbor.example.com/base-evil/x:1"}),
    "own container twice": set_at(f"{POD}.containers.1", {"name": "gw", "image": IMAGE}),
    "other container name": set_at(f"{BOX}.name", "web"),
    "no containers": set_at(f"{POD}.containers", []),
    "containers as text": set_at(f"{POD}.containers", "gw"),
    "secret by env": set_at(f"{BOX}.env.0", {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}),
    "secret by env from": set_at(f"{BOX}.envFrom.0", {"secretRef": {"name": "db"}}),
    "file by env": set_at(f"{BOX}.env.0", {"name": "P", "valueFrom": {"fileKeyRef": {"path": "x"}}}),
    "env number": set_at(f"{BOX}.env.0", {"name": "P", "value": 1}),
    "no resources": set_at(f"{BOX}.resources", {}),
    "no limits": set_at(f"{BOX}.resources.limits", {}),
    "claims": set_at(f"{BOX}.resources.claims", []),
    "bad quantity": set_at(f"{BOX}.resources.limits.memory", "1K"),
    "truth as quantity": set_at(f"{BOX}.resources.limits.cpu", True),
    "request above limit": set_at(f"{BOX}.resources.requests.memory", "3Gi"),
    "gpu": set_at(f"{BOX}.resources.limits.nvidia~com/gpu", 1),
    "probe elsewhere": set_at(f"{BOX}.readinessProbe", {"httpGet": {"host": "169.254.169.254", "port": 80}}),
    "hook elsewhere": set_at(f"{BOX}.lifecycle", {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
    "load balancer": set_at("1.spec.type", "LoadBalancer"),
    "node port type": set_at("1.spec.type", "NodePort"),
    "external name": set_at("1.spec.externalName", "evil.example.com"),
    "external ip": set_at("1.spec.externalIPs", ["1.2.3.4"]),
    "load balancer ip": set_at("1.spec.loadBalancerIP", "1.2.3.4"),
    "cluster ip": set_at("1.spec.clusterIP", "10.0.0.9"),
    "node port": set_at("1.spec.ports", [{"port": 80, "nodePort": 30080}]),
    "no ports": set_at("1.spec.ports", []),
    "foreign host": plus(ingress()),
    "foreign autoscaler": plus(
        autoscaler() | {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "other"}, "maxReplicas": 2}}
    ),
    "autoscaler backwards": plus(autoscaler() | {"spec": autoscaler()["spec"] | {"minReplicas": 5}}),
    "two deployments": plus(deployment() | {"metadata": {"name": "gw-two"}}),
    "same twice": plus(service()),
    "no deployment": lambda manifests: manifests.pop(0),
    "config number": set_at("2.data.A", 1),
    "config key": set_at("2.data.a/b", "x"),
    "config too large": set_at("2.data.A", "x" * 2_000_000),
    "config immutable": set_at("2.immutable", True),
    "selector that changes": set_at("0.spec.selector", {"matchLabels": {"app.kubernetes.io/version": "1"}}),
    "selector without label": set_at("0.spec.selector", {"matchLabels": {"app": "x"}}),
    "selector expressions": set_at("0.spec.selector", {"matchExpressions": []}),
    "replicas negative": set_at("0.spec.replicas", -1),
    "replicas text": set_at("0.spec.replicas", "2"),
    "replicas huge": set_at("0.spec.replicas", 10**9),
    "paused": set_at("0.spec.paused", True),
    "strategy": set_at("0.spec.strategy", {"type": "Canary"}),
    "surge": set_at("0.spec.strategy", {"rollingUpdate": {"maxSurge": "lots"}}),
    "label value": set_at("0.spec.template.metadata.labels", {"a": "x" * 64}),
    "not an object": plus("text"),  # type: ignore[arg-type]
    "no metadata": plus({"apiVersion": "v1", "kind": "Service"}),
}
