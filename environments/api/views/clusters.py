"""Clusters and their connection tests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.api.viewsets import Administered
from environments.selectors import places as selectors
from environments.services import clusters as services
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.api.viewsets import Listed, Retrieved, documented


@documented(
    page="ClusterPage",
    list=("clusters_list", "All clusters, without their credentials."),
    create=("clusters_create", "Make a cluster known, by its fields or a kubeconfig."),
    retrieve=("clusters_retrieve", "The cluster, without its credentials."),
    partial_update=("clusters_update", "Change it; credentials left out or blank stay as they are."),
)
class Clusters(Listed, Administered, Retrieved):
    shape = shapes.ClusterOutput
    input_shape, change_shape = shapes.ClusterInput, shapes.ClusterChange
    noun = "cluster"
    finder = staticmethod(selectors.find_cluster)
    maker, changer = staticmethod(services.create_cluster), staticmethod(services.edit_cluster)

    def rows(self) -> Any:
        """All clusters, archived ones too."""
        return selectors.list_clusters(actor_of(self.request))


class ClusterArchive(ApiView):
    """The archive, as far as one cluster is concerned."""

    scope = Scope.ADMIN

    without_body = frozenset({"DELETE", "PUT"})

    @extend_schema(operation_id="clusters_archive", request=None, responses=shapes.ClusterOutput)
    def put(self, request: Request, slug: str) -> Response:
        """Into the archive: no new space may use it."""
        user = actor_of(request)
        row = services.archive_cluster(actor=user, cluster=selectors.find_cluster(user, slug))
        return self.shown(shapes.ClusterOutput, row)

    @extend_schema(operation_id="clusters_restore", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Out of the archive."""
        user = actor_of(request)
        services.restore_cluster(actor=user, cluster=selectors.find_cluster(user, slug))
        return Response(status=204)


class ClusterAccount(ApiView):
    """The account that the platform has on a cluster."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="clusters_account", responses=shapes.ClusterAccountOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The objects that give it exactly the rights that the platform uses there."""
        user = actor_of(request)
        cluster = selectors.find_cluster(user, slug)
        return self.shown(shapes.ClusterAccountOutput, {"manifest": selectors.account_manifest_of(user, cluster)})


class ClusterTests(ApiView):
    """Connection tests of a cluster."""

    scope = Scope.ADMIN

    without_body = frozenset({"POST"})

    @extend_schema(
        operation_id="cluster_tests_list",
        parameters=KEYSET,
        responses=page_of("ClusterTestPage", shapes.ClusterTestOutput),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first."""
        user = actor_of(request)
        return self.page(shapes.ClusterTestOutput, selectors.list_tests(user, selectors.find_cluster(user, slug)))

    @extend_schema(operation_id="cluster_tests_create", request=None, responses={202: shapes.ClusterTestOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Ask a worker to test the connection now."""
        user = actor_of(request)
        cluster = selectors.find_cluster(user, slug)
        run = services.start_test(actor=user, cluster=cluster)
        return self.shown(shapes.ClusterTestOutput, selectors.find_test(user, cluster, run.pk), 202)


class ClusterTest(ApiView):
    @extend_schema(operation_id="cluster_tests_retrieve", responses=shapes.ClusterTestOutput)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """What it found so far."""
        user = actor_of(request)
        run = selectors.find_test(user, selectors.find_cluster(user, slug), number)
        return self.shown(shapes.ClusterTestOutput, run)
