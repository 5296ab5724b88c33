"""Rule changes: what waits for a second person, and that person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.models import RuleChange as RuleChangeRow
from environments.selectors import rule_changes as selectors
from environments.services import rule_decisions as services
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView


class RuleChanges(ApiView):
    """Proposed by changing a policy, an environment or a project with a ``reason``; listed here."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="rule_changes_list",
        parameters=[*KEYSET, OpenApiParameter("waiting", OpenApiTypes.BOOL)],
        responses=page_of("RuleChangePage", shapes.RuleChangeOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``waiting=true`` leaves those that may still be decided."""
        rows = selectors.list_rule_changes(actor_of(request), only_waiting=self.flag("waiting"))
        return self.page(shapes.RuleChangeOutput, rows)


class RuleChange(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="rule_changes_retrieve", responses=shapes.RuleChangeOutput)
    def get(self, request: Request, number: int) -> Response:
        """Before and after, who proposed it and why, and how it ended."""
        return self.shown(shapes.RuleChangeOutput, selectors.find_rule_change(actor_of(request), number))


class Decision(ApiView):
    """A view that ends one."""

    scope = Scope.ADMIN

    def decided(self, act: Callable[..., RuleChangeRow], number: int) -> Response:
        """The rule change after a service decided it with the reason of the body."""
        user: Any = actor_of(self.request)
        row = selectors.find_rule_change(user, number)
        return self.shown(shapes.RuleChangeOutput, act(actor=user, change=row, **self.given(shapes.RuleDecisionInput)))


class RuleChangeConfirmation(Decision):
    @extend_schema(
        operation_id="rule_changes_confirm", request=shapes.RuleDecisionInput, responses=shapes.RuleChangeOutput
    )
    def post(self, request: Request, number: int) -> Response:
        """The second person says yes: it holds from now on."""
        return self.decided(services.confirm_rule_change, number)


class RuleChangeRefusal(Decision):
    @extend_schema(
        operation_id="rule_changes_refuse", request=shapes.RuleDecisionInput, responses=shapes.RuleChangeOutput
    )
    def post(self, request: Request, number: int) -> Response:
        """The second person says no, with a reason: nothing changes."""
        return self.decided(services.refuse_rule_change, number)


class RuleChangeWithdrawal(Decision):
    @extend_schema(
        operation_id="rule_changes_withdraw", request=shapes.RuleDecisionInput, responses=shapes.RuleChangeOutput
    )
    def post(self, request: Request, number: int) -> Response:
        """Who proposed it takes it back."""
        return self.decided(services.withdraw_rule_change, number)
