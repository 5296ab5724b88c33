"""Shapes that public repositories have, reduced: accepted, or refused with a message that says what to do.

Seen in guestbooks, sock shops, boutiques, database operators, output of kubectl, charts and compose files.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.errors import Rejected
from deployer.interfaces import RenderRequest
from deployer.manifests import check
from deployer.rendering import render
from tests.deployer.manifest_samples import POLICY

RESOURCES = "{requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 200m, memory: 128Mi}}"


def workload(*, pod: str = "", box: str = "", more: str = "", spec: str = "", resources: str = RESOURCES) -> str:
    """A Deployment as most write it; the parts are lines of the pod, of its container, and containers beside it."""

    def inside(text: str, depth: int) -> str:
        return "".join(f"{' ' * depth}{line}\n" for line in text.strip("\n").split("\n")) if text else ""

    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gw, labels: {app: gw}}\nspec:\n  replicas: 1\n"
        f"{inside(spec, 2)}  selector: {{matchLabels: {{app: gw}}}}\n"
        "  template:\n    metadata: {labels: {app: gw}}\n"
        f"    spec:\n{inside(pod, 6)}      containers:\n        - name: gw\n          image: {{{{ image }}}}\n"
        f"          resources: {resources}\n          ports: [{{containerPort: 8080, name: http}}]\n"
        f"{inside(box, 10)}{inside(more, 8)}"
    )


def service(spec: str = "selector: {app: gw}, ports: [{port: 80, targetPort: http}]", head: str = "") -> str:
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: gw{head}}}\nspec: {{{spec}}}\n"


def other(version: str, kind: str, rest: str = "") -> str:
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: gw-x}}\n{rest}"


ACCEPTED = {
    "deployment and service": workload() + service(),
    "port by number": workload() + service("selector: {app: gw}, ports: [{port: 80, targetPort: 8080}]"),
    "labels of a chart": workload(spec="strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}")
    + service(
        "selector: {app.kubernetes.io/name: gw, app.kubernetes.io/instance: rel}, ports: [{port: 80, targetPort: http}]"
    ),
    "output of kubectl create": workload(spec="strategy: {}").replace(
        "labels: {app: gw}}", "creationTimestamp: null}", 1
    )
    + "status: {}\n"
    + service()
    + "status:\n  loadBalancer: {}\n",
    "grpc probes": workload(box="readinessProbe: {grpc: {port: 8080}}\nlivenessProbe: {grpc: {port: 8080}}"),
    "probe by shell": workload(box='livenessProbe:\n  exec: {command: [sh, -c, "redis-cli ping | grep PONG"]}'),
    "read-only root with a scratch volume": workload(
        pod="volumes: [{name: tmp, emptyDir: {medium: Memory}}]\n"
        "securityContext: {runAsNonRoot: true, runAsUser: 10001}",
        box="volumeMounts: [{name: tmp, mountPath: /tmp}]\n"
        "securityContext:\n  readOnlyRootFilesystem: true\n  allowPrivilegeEscalation: false\n"
        "  capabilities: {drop: [all]}",
    ),
    "whole cores without quotes": workload(
        resources="{requests: {cpu: 0.5, memory: 64Mi}, limits: {cpu: 1, memory: 134217728}}"
    ),
    "spread over nodes": workload(
        pod="affinity:\n  podAntiAffinity:\n    preferredDuringSchedulingIgnoredDuringExecution:\n      - weight: 100\n"
        "        podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: gw}}}\n"
        "topologySpreadConstraints:\n  - maxSkew: 1\n    topologyKey: topology.kubernetes.io/zone\n"
        "    whenUnsatisfiable: ScheduleAnyway\n    labelSelector: {matchLabels: {app: gw}}"
    ),
    "tolerated pool": workload(pod="tolerations: [{key: dedicated, operator: Equal, value: ml, effect: NoSchedule}]"),
    "side container": workload(more="- name: agent\n  image: harbor.example.com/base/agent:2.1\n  args: [--once]"),
    "native side container": workload(
        pod="initContainers:\n  - name: proxy\n    image: harbor.example.com/base/proxy:1\n    restartPolicy: Always\n"
        "    ports: [{name: metrics, containerPort: 9100}]"
    )
    + service("ports: [{port: 9100, targetPort: metrics}]"),
    "waiting for a database": workload(
        pod="initContainers:\n  - name: wait\n    image: harbor.example.com/base/busybox:1.36\n"
        '    command: [sh, -c, "until nc -z db 5432; do sleep 1; done"]'
    ),
    "config map with its key": workload(
        box="env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: gw-conf, key: level}}}]"
    )
    + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: gw-conf}\ndata: {level: info}\n",
    "downward API": workload(
        box="env:\n  - name: POD\n    valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"
        "  - name: CPUS\n    valueFrom: {resourceFieldRef: {resource: limits.cpu}}"
    ),
    "autoscaler with behaviour": workload().replace("  replicas: 1\n", "")
    + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: gw-hpa}\nspec:\n"
    "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: gw}\n"
    "  minReplicas: 2\n  maxReplicas: 4\n  metrics:\n"
    "    - type: Resource\n      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}\n"
    "  behavior:\n    scaleDown:\n      stabilizationWindowSeconds: 300\n"
    "      policies: [{type: Percent, value: 10, periodSeconds: 60}]\n",
    "disruption budget": workload()
    + "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: gw-pdb}\n"
    "spec: {minAvailable: 50%, selector: {matchLabels: {app: gw}}}\n",
    "granted claim": workload(
        pod="volumes: [{name: data, persistentVolumeClaim: {claimName: gw-data}}]",
        box="volumeMounts: [{name: data, mountPath: /data}]",
    )
    + "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: gw-data}\n"
    "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
    "ingress of a granted host": workload() + service() + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n"
    "metadata: {name: gw}\nspec:\n  rules:\n    - host: gw.example.com\n      http:\n        paths:\n"
    "          - {path: /, pathType: Prefix, backend: {service: {name: gw, port: {number: 80}}}}\n",
}

REFUSED = {
    "no resources": (workload(resources="{}"), "needs requests of cpu"),
    "requests only": (workload(resources="{requests: {cpu: 100m, memory: 1Mi}}"), "needs limits of memory"),
    "image of its own": (workload().replace("{{ image }}", "gcr.io/team/gw:v0.10.5"), "write {{ image }}"),
    "exporter without a tag": (workload(more="- {name: exporter, image: kbudde/exporter}"), "no tag"),
    "latest beside it": (workload(more="- {name: m, image: minio/minio:latest}"), "another image every day"),
    "side image of the world": (workload(more="- {name: m, image: docker.io/redis:8}"), "harbor.example.com/base"),
    "placeholder of an image": (workload(more='- {name: m, image: "<registry>/m:1"}'), "<registry> stays as it is"),
    "placeholder of a shell": (workload(more='- {name: m, image: "x/m:${TAG}"}'), "${TAG} stays as it is"),
    "load balancer": (
        workload() + service("type: LoadBalancer, ports: [{port: 80, targetPort: http}]"),
        "LoadBalancer",
    ),
    "added capability": (
        workload(box="securityContext: {capabilities: {drop: [all], add: [NET_BIND_SERVICE]}}"),
        "only be dropped",
    ),
    "mesh annotation": (
        workload().replace(
            "metadata: {labels: {app: gw}}", 'metadata: {annotations: {sidecar.istio.io/inject: "true"}}'
        ),
        "sidecar.istio.io/inject is not allowed",
    ),
    "host port": (workload(box="").replace("name: http}", "name: http, hostPort: 80}"), "out of the pod"),
    "privileged file server": (workload(box="securityContext: {privileged: true}"), "gain rights"),
    "disk of a vendor": (
        workload(pod="volumes: [{name: d, vsphereVolume: {volumePath: x}}]"),
        "by a volume claim",
    ),
    "claim that nobody granted": (
        workload(pod="volumes: [{name: d, persistentVolumeClaim: {claimName: model}}]"),
        "The volume claim model is not granted to this space",
    ),
    "certificate in a Secret": (
        workload(pod="volumes: [{name: tls, secret: {secretName: gw-tls}}]"),
        "may not use the Secret gw-tls",
    ),
    "account of its own": (
        workload(pod="serviceAccountName: gw"),
        "account gw is not granted to this space; it has: default",
    ),
    "GPU": (workload(resources=RESOURCES.replace("128Mi", "128Mi, nvidia.com/gpu: 1")), "CPU and memory only"),
    "another namespace": (workload().replace("{name: gw, l", "{name: gw, namespace: shop, l"), "must stay in"),
    "config map from elsewhere": (workload(box="envFrom: [{configMapRef: {name: settings}}]"), "they make: none"),
    "stateful set": (other("apps/v1", "StatefulSet"), "one Deployment"),
    "replication controller": (other("v1", "ReplicationController"), "one Deployment"),
    "daily backup": (other("batch/v1", "CronJob"), "one Deployment"),
    "service account": (other("v1", "ServiceAccount"), "administrators of the cluster"),
    "network policy": (other("networking.k8s.io/v1", "NetworkPolicy"), "administrators of the cluster"),
    "service monitor": (other("monitoring.coreos.com/v1", "ServiceMonitor"), "prometheus.io/scrape"),
    "virtual service": (other("networking.istio.io/v1", "VirtualService"), "Ingress instead"),
    "secret": (other("v1", "Secret", "stringData: {a: b}\n"), "component's configuration"),
    "list of all in one": (other("v1", "List", "items: []\n"), "---"),
    "kustomization": (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        "kustomize",
    ),
    "compose file": ("services: {web: {image: nginx, ports: ['80:80']}}\n", "not a Kubernetes object"),
    "values of a chart": ("replicaCount: 2\nimage: {repository: x, tag: y}\n", "not a Kubernetes object"),
    "template of a chart": ("{{- if .Values.ingress.enabled -}}\nkind: Ingress\n{{- end }}\n", "Helm template"),
    "old autoscaler": (workload() + other("autoscaling/v1", "HorizontalPodAutoscaler"), "autoscaling/v2"),
    "old budget": (workload() + other("policy/v1beta1", "PodDisruptionBudget"), "policy/v1"),
    "old ingress": (workload() + other("extensions/v1beta1", "Ingress"), "networking.k8s.io/v1"),
    "old deployment": (workload().replace("apps/v1", "extensions/v1beta1", 1), "apps/v1"),
    "patch of kustomize": (workload() + "$patch: delete\n", "$patch is not allowed"),
    "script with its mode": (
        workload(pod="volumes: [{name: s, configMap: {name: gw-s, defaultMode: 0755}}]"),
        "write 493",
    ),
    "key twice": (workload(spec="selector: {matchLabels: {app: gw}}"), "“selector” is there twice"),
    "output of kubectl get": (
        workload().replace("{name: gw, l", "{name: gw, uid: 1-2, resourceVersion: '7', l"),
        "kubectl get",
    ),
    "variable as a number": (workload(box="env: [{name: PORT, value: 8080}]"), "put it in quotes"),
    "certificate manager": (
        workload() + service().replace("{name: gw}", "{name: gw, annotations: {cert-manager.io/issuer: x}}"),
        "cert-manager.io/issuer is not allowed",
    ),
    "target port of another name": (workload() + service("ports: [{port: 80, targetPort: web}]"), "http (8080)"),
    "selector of another app": (
        workload() + service("selector: {app: web}, ports: [{port: 80, targetPort: http}]"),
        "app=gw",
    ),
}
GIVEN = replace(POLICY, claims=frozenset({"gw-data"}), ingress_hosts=frozenset({"gw.example.com"}))


def said(text: str) -> str:
    """Every message about the text, one a line."""
    try:
        manifests = render(RenderRequest({"t": text}, {"image": POLICY.image})).manifests
    except Rejected as refusal:
        return str(refusal)
    return "\n".join(f"{problem.path}: {problem.message}" for problem in check(manifests, GIVEN))


def test_there_are_many_shapes() -> None:
    assert len(ACCEPTED) + len(REFUSED) >= 60


@pytest.mark.parametrize("case", sorted(ACCEPTED))
def test_what_is_harmless_is_accepted(case: str) -> None:
    assert said(ACCEPTED[case]) == ""


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_is_not_allowed_is_refused_in_the_right_words(case: str) -> None:
    text, words = REFUSED[case]
    assert words in said(text), said(text)
