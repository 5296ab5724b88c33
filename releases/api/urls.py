"""Addresses of orders and deployments under /api/v1/."""

from __future__ import annotations

from django.urls import path

from releases.api.views import break_glass, deployments, feed, holds, logs, orders, place_logs, scale_requests, turns

ORDER = "orders/<str:number>/"
LOG = ORDER + "builds/<int:attempt>/log/"
PLACE = "components/<slug:project>/<slug:slug>/environments/<slug:environment>/"

urlpatterns = [
    path("orders/", orders.Orders.as_view()),
    path(ORDER, orders.Order.as_view()),
    path(ORDER + "events/", orders.Events.as_view()),
    path(ORDER + "builds/", orders.Builds.as_view()),
    path(ORDER + "builds/<int:attempt>/stop/", orders.BuildStop.as_view()),
    path(LOG, logs.BuildLog.as_view()),
    path(LOG + "lines/", logs.LogLines.as_view()),
    path(LOG + "lines/<int:line>/", logs.LogLine.as_view()),
    path(LOG + "marks/", logs.LogMarks.as_view()),
    path(LOG + "search/", logs.LogSearch.as_view()),
    path(ORDER + "return/", orders.Return.as_view()),
    path(ORDER + "withdrawal/", orders.Withdrawal.as_view()),
    path(ORDER + "closing/", orders.Closing.as_view()),
    path(ORDER + "check/", orders.Check.as_view()),
    path(ORDER + "comments/", orders.Comments.as_view()),
    path(ORDER + "promotions/", deployments.Promotions.as_view()),
    path(ORDER + "promotions/<int:pk>/withdrawal/", deployments.PromotionWithdrawal.as_view()),
    path(ORDER + "reviews/", deployments.Reviews.as_view()),
    path(ORDER + "reviews/<int:pk>/", deployments.OneReview.as_view()),
    path(ORDER + "reviews/<int:pk>/take-overs/", deployments.TakeOvers.as_view()),
    path(ORDER + "approvals/", deployments.Approvals.as_view()),
    path(ORDER + "approvals/<int:pk>/withdrawal/", deployments.ApprovalWithdrawal.as_view()),
    path(ORDER + "deployments/", deployments.Deployments.as_view()),
    path(ORDER + "break-glasses/", break_glass.OrderBreakGlasses.as_view()),
    path("break-glasses/", break_glass.BreakGlasses.as_view()),
    path("break-glasses/<int:pk>/", break_glass.OneBreakGlass.as_view()),
    path("break-glasses/<int:pk>/end/", break_glass.BreakGlassEnd.as_view()),
    path("break-glasses/<int:pk>/review/", break_glass.BreakGlassReview.as_view()),
    path("deployments/", feed.Feed.as_view()),
    path("deployments/<int:pk>/", deployments.OneDeployment.as_view()),
    path("deployments/<int:pk>/cancellation/", deployments.DeploymentCancellation.as_view()),
    path("deployments/<int:pk>/release/", turns.DeploymentRelease.as_view()),
    path("projects/<slug:slug>/spaces/<slug:environment>/holds/", holds.SpaceHolds.as_view()),
    path("holds/", holds.Holds.as_view()),
    path("holds/<int:pk>/", holds.OneHold.as_view()),
    path("holds/<int:pk>/lift/", holds.HoldLift.as_view()),
    path("scale-requests/", scale_requests.ScaleRequests.as_view()),
    path("scale-requests/<int:pk>/", scale_requests.OneScaleRequest.as_view()),
    path("scale-requests/<int:pk>/approvals/", scale_requests.ScaleRequestApprovals.as_view()),
    path("scale-requests/<int:pk>/withdrawal/", scale_requests.ScaleRequestWithdrawal.as_view()),
    path("turns/<int:pk>/", turns.OneTurn.as_view()),
    path("turns/<int:pk>/cancellation/", turns.TurnCancellation.as_view()),
    path(PLACE, deployments.Runtime.as_view()),
    path(PLACE + "roll-backs/", deployments.RollBacks.as_view()),
    path(PLACE + "removal-reviews/", deployments.RemovalReviews.as_view()),
    path(PLACE + "removals/", deployments.Removals.as_view()),
    path(PLACE + "restarts/", deployments.Restarts.as_view()),
    path(PLACE + "scalings/", deployments.Scalings.as_view()),
    path(PLACE + "scale-requests/", scale_requests.PlaceScaleRequests.as_view()),
    path(PLACE + "log/", place_logs.PlaceLog.as_view()),
    path(PLACE + "pods/<str:pod>/log/", deployments.PodLog.as_view()),
]
