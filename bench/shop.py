"""The rows of the bars of a cluster: a project with a space there, components, orders with images.

Import after ``frame.set_up()``.
"""

from __future__ import annotations

from typing import Any

from bench import cluster
from bench.cluster import Scene
from components.models import Component, ConfigVersion
from environments.models import Cluster, Environment, Membership, Space
from tests.cast import World, make_world
from tests.releases.rows import allocate, make_component, make_template

PODS = 4
DEPLOYMENT = """
{{% for number in range({config_maps}) %}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{{{ component.slug }}}}-part-{{{{ number }}}}
data:
  number: "{{{{ number }}}}"
{{% if number == 0 %}}
  value: {{{{ config.env.VALUE | default("none") }}}}
{{% endif %}}
---
{{% endfor %}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{{{ component.slug }}}}
spec:
  replicas: {{{{ replicas }}}}
  strategy: {strategy}
  template:
    spec:
      containers:
        - name: {{{{ component.slug }}}}
          image: {{{{ image }}}}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: VALUE
              value: {{{{ config.env.VALUE | default("none") }}}}
{{% if {config_maps} %}}
          envFrom:
{{% for number in range({config_maps}) %}}
            - configMapRef:
                name: {{{{ component.slug }}}}-part-{{{{ number }}}}
{{% endfor %}}
{{% endif %}}
          resources:
            requests: {{cpu: "{{{{ resources.cpu_request }}}}", memory: "{{{{ resources.memory_request }}}}"}}
            limits: {{cpu: "{{{{ resources.cpu_limit }}}}", memory: "{{{{ resources.memory_limit }}}}"}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: {{ component.service }}
spec:
  ports:
    - name: http
      port: 80
      targetPort: http
"""
AT_ONCE = "{type: RollingUpdate, rollingUpdate: {maxSurge: 4, maxUnavailable: 0}}"
"""All new pods beside all old ones: one wave, so that a rollout takes the least that it can."""
CEILINGS = {
    "cpu_request_ceiling": 10**6,
    "cpu_limit_ceiling": 10**6,
    "memory_request_ceiling": 2**45,
    "memory_limit_ceiling": 2**45,
    "pods_ceiling": 5000,
}


def make_shop(scene: Scene) -> World:
    """The cast, whose first space is on this cluster, has quotas and settles at once."""
    world = make_world()
    Cluster.objects.filter(pk=world.cluster.pk).update(url=scene.url, verify_tls=True, ca_pem=scene.ca_pem)
    world.cluster.refresh_from_db()
    world.cluster.token = scene.token
    world.cluster.save()
    Space.objects.filter(pk=world.spaces["fat"].pk).update(asks_review=True, settle_seconds=0, **CEILINGS)
    world.spaces["fat"].refresh_from_db()
    # One person does all of it here: promotes, reviews and deploys.
    Membership.objects.create(user=world.olli, role="project_admin", project=world.project, reason="bench")
    return world


def make_peer_space(scene: Scene) -> None:
    """The peer's namespace, with the same quotas."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.PEER_NAMESPACE}}
    hard = {"requests.cpu": "1k", "limits.cpu": "1k", "requests.memory": "32Ti", "limits.memory": "32Ti", "pods": "5k"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "same"}, "spec": {"hard": hard}}
    scene.kubectl.apply([namespace])
    scene.kubectl.apply([quota], cluster.PEER_NAMESPACE)


def make_app(world: World, name: str, *, config_maps: int = 0, strategy: str = AT_ONCE) -> Component:
    """A component of ``config_maps`` + 2 objects and four pods."""
    body = DEPLOYMENT.format(config_maps=config_maps, strategy=strategy)
    component = make_component(
        world,
        name,
        service_name=f"{name}-svc",
        deployment_template=make_template("deployment", f"bench-{config_maps}.yaml", body),
        service_template=make_template("service", "bench-service.yaml", SERVICE),
    )
    component.allocations.all().delete()
    allocate(world, component, replicas=PODS)
    return component


def set_value(component: Component, environment: Environment, number: int, author: Any) -> None:
    """A new version of its configuration."""
    env = [{"name": "VALUE", "value": f"value {number}"}]
    ConfigVersion.objects.create(
        component=component, environment=environment, number=number, env=env, files={}, author=author
    )
