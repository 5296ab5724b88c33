"""环境流转 and taking it back."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import form_view, put_errors, redirect_with
from foundation.problems import Invalid, Missing
from releases import selectors
from releases.forms import PromotionForm, ReasonForm
from releases.models import Promotion
from releases.presenters.acts import panel_url
from releases.services import promotions
from releases.views.orders import order_context
from releases.views.pages import page


@api_route("promotions_create")
@form_view
def promote(request: HttpRequest, number: str, environment: str) -> HttpResponse:
    """The form of the environment's panel; with its messages when something is missing."""
    order, space = selectors.order_and_space(actor_of(request), number, environment)
    if request.method != "POST":
        return redirect(panel_url(number, space.environment.slug))
    form = PromotionForm(request.POST, space=space)
    if form.is_valid():
        try:
            promotions.promote(actor=actor_of(request), order=order, space=space, **form.cleaned_data)
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            message = _("Promoted to %(name)s.", name=space.environment.label)
            return redirect_with(request, message, panel_url(number, space.environment.slug))
    context = order_context(request, order, panel=space.environment.slug, form=form)
    return page(request, "releases/order.html", context, status=400)


@api_route("promotions_withdraw")
@login_required
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take the right back, with a reason; what is deployed stays."""
    order = selectors.order_by_number(actor_of(request), number)
    rows = Promotion.objects.filter(order=order, pk=pk)
    promotion = rows.select_related("space__environment", "order__project", "promoted_by").first()
    if promotion is None:
        raise Missing(_("This order has no such promotion."))
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        promotions.withdraw_promotion(
            actor=actor_of(request), promotion=promotion, reason=form.cleaned_data["reason"]
        )  # fmt: skip
        return redirect_with(request, _("The promotion is withdrawn."), "releases:order", number)
    return page(request, "releases/withdraw_promotion.html", {"order": order, "promotion": promotion, "form": form})
