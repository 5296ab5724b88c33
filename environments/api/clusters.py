"""Clusters and connection tests over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import shapes
from environments.api.answering import KEYSET, given, page_of, shown
from environments.selectors import places as selectors
from environments.services import clusters as services
from foundation.api import ApiView, list_response


class Clusters(ApiView):
    """The list and the birth of clusters."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="clusters_list", parameters=KEYSET, responses=page_of("ClusterPage", shapes.ClusterOutput)
    )
    def get(self, request: Request) -> Response:
        """All clusters, without their credentials."""
        rows = selectors.list_clusters(actor_of(request))
        return list_response(request, rows, lambda row: shown(shapes.ClusterOutput, row))

    @extend_schema(operation_id="clusters_create", request=shapes.ClusterInput, responses={201: shapes.ClusterOutput})
    def post(self, request: Request) -> Response:
        """Make a cluster known, by its fields or a kubeconfig."""
        row = services.create_cluster(actor=actor_of(request), **given(shapes.ClusterInput, request))
        return Response(shown(shapes.ClusterOutput, row), status=201)


class Cluster(ApiView):
    """One cluster."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="clusters_retrieve", responses=shapes.ClusterOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The cluster, without its credentials."""
        return Response(shown(shapes.ClusterOutput, selectors.find_cluster(actor_of(request), slug)))

    @extend_schema(operation_id="clusters_update", request=shapes.ClusterChange, responses=shapes.ClusterOutput)
    def patch(self, request: Request, slug: str) -> Response:
        """Change it; credentials left out or blank stay as they are."""
        user = actor_of(request)
        row = services.edit_cluster(
            actor=user, cluster=selectors.find_cluster(user, slug), **given(shapes.ClusterChange, request)
        )
        return Response(shown(shapes.ClusterOutput, row))


class ClusterArchive(ApiView):
    """The archive, as far as one cluster is concerned."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="clusters_archive", request=None, responses=shapes.ClusterOutput)
    def put(self, request: Request, slug: str) -> Response:
        """Into the archive: no new space may use it."""
        user = actor_of(request)
        row = services.archive_cluster(actor=user, cluster=selectors.find_cluster(user, slug))
        return Response(shown(shapes.ClusterOutput, row))

    @extend_schema(operation_id="clusters_restore", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Out of the archive."""
        user = actor_of(request)
        services.restore_cluster(actor=user, cluster=selectors.find_cluster(user, slug))
        return Response(status=204)


class ClusterTests(ApiView):
    """Connection tests of a cluster."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="cluster_tests_list",
        parameters=KEYSET,
        responses=page_of("ClusterTestPage", shapes.ClusterTestOutput),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first."""
        user = actor_of(request)
        rows = selectors.list_tests(user, selectors.find_cluster(user, slug))
        return list_response(request, rows, lambda row: shown(shapes.ClusterTestOutput, row))

    @extend_schema(operation_id="cluster_tests_create", request=None, responses={202: shapes.ClusterTestOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Ask a worker to test the connection now."""
        user = actor_of(request)
        cluster = selectors.find_cluster(user, slug)
        run = services.start_test(actor=user, cluster=cluster)
        return Response(shown(shapes.ClusterTestOutput, selectors.find_test(user, cluster, run.pk)), status=202)


class ClusterTest(ApiView):
    """One connection test."""

    @extend_schema(operation_id="cluster_tests_retrieve", responses=shapes.ClusterTestOutput)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """What it found so far."""
        user = actor_of(request)
        run = selectors.find_test(user, selectors.find_cluster(user, slug), number)
        return Response(shown(shapes.ClusterTestOutput, run))
