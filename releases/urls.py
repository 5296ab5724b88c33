"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from releases.views import (
    break_glass,
    builds,
    creating,
    feed,
    freezes,
    holds,
    lists,
    orders,
    place_logs,
    promotions,
    removals,
    reviews,
    rollouts,
    runtime,
    scale_requests,
    turns,
)

ORDER = "orders/<str:number>/"
PLACE = "runtime/<slug:project>/<slug:slug>/<slug:environment>/"

app_name = "releases"
urlpatterns = [
    path("orders/", lists.list_orders, name="list"),
    path("orders/new/", creating.new, name="new"),
    path("orders/new/branches/", creating.branches, name="branches"),
    path("orders/new/git-tags/", creating.git_tags, name="git-tags"),
    path("orders/new/before/", creating.before, name="before"),
    path(ORDER, orders.order, name="order"),
    path(ORDER + "build/", builds.build, name="build"),
    path(ORDER + "builds/<int:attempt>/stop/", builds.stop, name="stop"),
    path(ORDER + "check/", orders.check, name="check"),
    path(ORDER + "comment/", orders.comment, name="comment"),
    path(ORDER + "close/<slug:act>/", orders.close, name="close"),
    path(ORDER + "promote/<slug:environment>/", promotions.promote, name="promote"),
    path(ORDER + "promotions/<int:pk>/withdraw/", promotions.withdraw, name="withdraw-promotion"),
    path(ORDER + "review/<slug:environment>/", reviews.review, name="review"),
    path(ORDER + "review/<slug:environment>/deploy/", reviews.deploy, name="deploy"),
    path(ORDER + "review/<slug:environment>/decide/", reviews.decide, name="decide"),
    path(ORDER + "reviews/<int:pk>/take-over/", reviews.take_over, name="take-over"),
    path(ORDER + "approvals/<int:pk>/withdraw/", reviews.withdraw_approval, name="withdraw-approval"),
    path(ORDER + "break-glass/<slug:environment>/", break_glass.open_one, name="break-glass-open"),
    path("break-glass/", break_glass.list_all, name="break-glasses"),
    path("break-glass/<int:pk>/", break_glass.one, name="break-glass"),
    path("break-glass/<int:pk>/end/", break_glass.end, name="break-glass-end"),
    path("break-glass/<int:pk>/review/", break_glass.review, name="break-glass-review"),
    path("spaces/<slug:project>/<slug:environment>/hold/", holds.hold, name="hold"),
    path("freezes/", freezes.list_all, name="freezes"),
    path("freezes/new/", freezes.new, name="new-freeze"),
    path("freezes/<int:pk>/", freezes.one, name="freeze"),
    path("freezes/<int:pk>/end/", freezes.end, name="end-freeze"),
    path("freezes/<int:pk>/confirm/", freezes.confirm, name="confirm-freeze-end"),
    path("calendars/", freezes.calendars, name="calendars"),
    path("holds/<int:pk>/lift/", holds.lift, name="lift-hold"),
    path("scale-requests/<int:pk>/", scale_requests.one, name="scale-request"),
    path("scale-requests/<int:pk>/decide/", scale_requests.decide, name="decide-scale"),
    path("scale-requests/<int:pk>/withdraw/", scale_requests.withdraw, name="withdraw-scale-request"),
    path("deployments/", feed.show, name="feed"),
    path("deployments/<int:pk>/", rollouts.rollout, name="rollout"),
    path("deployments/<int:pk>/cancel/", rollouts.cancel, name="cancel"),
    path("deployments/<int:pk>/release/", turns.release, name="release"),
    path("turns/<int:pk>/cancel/", turns.cancel, name="cancel-turn"),
    path(PLACE, runtime.runtime, name="runtime"),
    path(PLACE + "restart/", runtime.restart, name="restart"),
    path(PLACE + "scale/", runtime.scale, name="scale"),
    path(PLACE + "scale/ask/", scale_requests.ask, name="ask-scale"),
    path(PLACE + "remove/", removals.remove, name="remove"),
    path(PLACE + "roll-back/", runtime.roll_back, name="roll-back"),
    path(PLACE + "log/", place_logs.place_log, name="place-log"),
    path(PLACE + "pods/<str:pod>/log/", runtime.pod_log, name="pod-log"),
]
