"""Every screen in every state that it can be in: where it is, who looks, and what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass

from demo.world import APPROVER, DEVELOPER, OPERATOR, PLATFORM_ADMIN, PROJECT_ADMIN, TESTER
from tests.ux.crowd import CROWD, IN_CROWD, OUTSIDER
from tests.ux.scene import ACCOUNTS, EMPTY, GATEWAY, ITC, OMM, STATIC, WEB, Scene

AUDITOR = "wumin"
TEMPLATE = "prism-python-deployment.yaml"
NORMAL, EMPTY_STATE, FULL, DELAYED, ERROR, DENIED = "normal", "empty", "full", "delayed", "error", "denied"
ANYBODY = ""
"""Nobody is signed in."""


@dataclass(frozen=True)
class View:
    """One screen in one state. ``path`` may name the scene: ``/orders/{order[carried]}/``.

    ``fill``: fields that are filled in and sent before looking: ``(selector, text)``, the last one is clicked.
    ``is_live``: the page listens; pulling its cable shows in the dot.
    """

    screen: str
    state: str
    path: str
    who: str = OPERATOR
    status: int = 200
    fill: tuple[tuple[str, str], ...] = ()
    is_main: bool = False

    @property
    def name(self) -> str:
        """For files and test ids."""
        return f"{self.screen}-{self.state}"

    def address(self, scene: Scene) -> str:
        """The path in this scene."""
        return self.path.format(order=scene.orders, rollout=scene.rollouts, row=scene.rows)


def _also_delayed(*views: View) -> tuple[View, ...]:
    """The same views, and each once more with its cable pulled."""
    return views + tuple(
        View(view.screen, DELAYED, view.path, view.who) for view in views if view.state == NORMAL
    )  # fmt: skip


UNKNOWN = "K8S20200101000000ZZ"
ENTRY = (
    View("sign-in", NORMAL, "/sign-in/", ANYBODY),
    View("sign-in", ERROR, "/sign-in/", ANYBODY, fill=(
        ("input[name=username]", "nobody"), ("input[name=password]", "wrong-password"), ("main form .btn-primary", ""),
    )),
)  # fmt: skip

HOME = (
    *_also_delayed(View("home", NORMAL, "/", OPERATOR, is_main=True)),
    View("home-developer", NORMAL, "/", DEVELOPER),
    View("home-tester", NORMAL, "/", TESTER),
    View("home", EMPTY_STATE, f"/?project={EMPTY}", PROJECT_ADMIN),
    View("home", FULL, f"/?project={CROWD}", IN_CROWD),
    View("home-stranger", EMPTY_STATE, "/", OUTSIDER),
    View("first-run", NORMAL, "/", PLATFORM_ADMIN),
    *_also_delayed(View("approvals", NORMAL, "/approvals/", APPROVER, is_main=True)),
    View("approvals", EMPTY_STATE, "/approvals/", DEVELOPER),
    View("search", NORMAL, "/search/?q=gw"),
    View("search", EMPTY_STATE, "/search/?q=nothing-is-called-so"),
    View("compare-environments", NORMAL, f"/compare/?project={OMM}&from=uat&to=prd", TESTER),
    View("compare-environments-open", NORMAL, f"/compare/?project={OMM}&to=prd&open={GATEWAY.split('/')[1]}", TESTER),
    View("compare-environments", EMPTY_STATE, f"/compare/?project={EMPTY}", PROJECT_ADMIN),
    View("compare-environments", FULL, f"/compare/?project={CROWD}&from=fat&to=uat", IN_CROWD),
    View("compare-environments", DENIED, f"/compare/?project={OMM}", OUTSIDER, status=404),
    View("twins", NORMAL, "/twins/"),
    View("twins", EMPTY_STATE, "/twins/", OUTSIDER),
    View("twin", NORMAL, f"/twins/{OMM}/drp/"),
    View("twin", EMPTY_STATE, f"/twins/{OMM}/drp/?differs=template"),
    View("twin", DENIED, f"/twins/{OMM}/drp/", OUTSIDER, status=404),
    View("start-order", NORMAL, f"/projects/{OMM}/start-order/"),
    View("start-order", DENIED, f"/projects/{OMM}/start-order/", OUTSIDER, status=404),
    View("keys", NORMAL, "/keys/"),
    View("style-guide", NORMAL, "/_styleguide/"),
)

ORDERS = (
    *_also_delayed(View("orders", NORMAL, "/orders/", DEVELOPER, is_main=True)),
    View("saved-filters", NORMAL, "/orders/filters/?state=built", DEVELOPER),
    View("orders", EMPTY_STATE, f"/orders/?project={EMPTY}", DEVELOPER),
    View("orders-none-found", EMPTY_STATE, "/orders/?text=nothing-is-called-so", DEVELOPER),
    View("orders", FULL, f"/orders/?project={CROWD}", IN_CROWD),
    View("new-order", NORMAL, "/orders/new/", DEVELOPER, is_main=True),
    View("new-order", ERROR, "/orders/new/", DEVELOPER, fill=(
        ("#id_branch", "no-such-branch"), ("main form .btn-primary", ""),
    ), status=400),
    View("new-order", DENIED, "/orders/new/", AUDITOR),
    View("build-dialog", NORMAL, "/orders/{order[new]}/build/", DEVELOPER),
    View("build-dialog", DENIED, "/orders/{order[new]}/build/", AUDITOR),
    View("close", NORMAL, "/orders/{order[new]}/close/withdraw/", DEVELOPER),
)  # fmt: skip

TRAINS = (
    View("drp-ask", NORMAL, f"/spaces/{OMM}/drp/drp/?kind=drill", OPERATOR),
    View("drp-ask", DENIED, f"/spaces/{OMM}/drp/drp/", DEVELOPER),
    View("drps", EMPTY_STATE, "/drp/?project=none", OPERATOR),
    View("drp", DENIED, "/drp/999999/", DEVELOPER, status=404),
    View("trains", NORMAL, "/trains/", DEVELOPER),
    View("trains", EMPTY_STATE, "/trains/", OUTSIDER),
    View("train", NORMAL, "/trains/{row[train]}/", APPROVER, is_main=True),
    View("train-stopped", NORMAL, "/trains/{row[train_stopped]}/", OPERATOR),
    View("trains", DENIED, "/trains/999999/", DEVELOPER, status=404),
    View("new-train", NORMAL, f"/trains/new/?project={OMM}", DEVELOPER),
    View("new-train", DENIED, "/trains/new/", AUDITOR),
)

ORDER = (
    *_also_delayed(View("order", NORMAL, "/orders/{order[carried]}/?panel=prd", is_main=True)),
    View("order-new", EMPTY_STATE, "/orders/{order[new]}/", DEVELOPER),
    View("order-building", NORMAL, "/orders/{order[building]}/?panel=build", DEVELOPER),
    View("order-built", NORMAL, "/orders/{order[carried]}/?panel=build", DEVELOPER),
    View("order-failed", NORMAL, "/orders/{order[failed]}/?panel=build", DEVELOPER, is_main=True),
    View("order-to-test", NORMAL, "/orders/{order[tested]}/?panel=prd", TESTER),
    View("order-approving", NORMAL, "/orders/{order[approving]}/?panel=prd", OPERATOR),
    View("order-crashed", NORMAL, "/orders/{order[crashing]}/?panel=fat", OPERATOR),
    View("order-rolling", NORMAL, "/orders/{order[rolling]}/?panel=fat", DEVELOPER),
    View("order", DENIED, "/orders/{order[carried]}/", OUTSIDER, status=404),
    View("order", ERROR, f"/orders/{UNKNOWN}/", status=404),
    View("break-glass-open", NORMAL, "/orders/{order[new]}/break-glass/prd/", OPERATOR),
    View("break-glass-open", DENIED, "/orders/{order[new]}/break-glass/prd/", APPROVER),
    View("break-glass", NORMAL, "/break-glass/{row[break_glass]}/", PLATFORM_ADMIN),
    View("freezes", EMPTY_STATE, "/freezes/", PROJECT_ADMIN),
    View("freeze-new", NORMAL, "/freezes/new/?preset=trading", PROJECT_ADMIN),
    View("freeze-new", DENIED, "/freezes/new/", DEVELOPER),
    View("calendars", EMPTY_STATE, "/calendars/", PROJECT_ADMIN),
    View("hold", NORMAL, f"/spaces/{OMM}/uat/hold/", TESTER),
    View("hold", DENIED, f"/spaces/{OMM}/uat/hold/", DEVELOPER),
    View("hold-lift", NORMAL, "/holds/{row[hold]}/lift/", OPERATOR),
    View("order-sheet", NORMAL, "/orders/{order[carried]}/sheet/", AUDITOR),
    View("order-sheet", DENIED, "/orders/{order[carried]}/sheet/", OUTSIDER, status=404),
)

DEPLOYING = (
    *_also_delayed(View("review", NORMAL, "/orders/{order[reviewed]}/review/uat/", is_main=True)),
    View("review-approving", NORMAL, "/orders/{order[approving]}/review/prd/", APPROVER),
    View("review-after", NORMAL, "/orders/{order[carried]}/review/prd/"),
    View("review-conflict", NORMAL, "/orders/{order[conflicting]}/review/fat/", OPERATOR),
    View("review", DENIED, "/orders/{order[reviewed]}/review/uat/", DEVELOPER),
    View("schedule", NORMAL, "/orders/{order[reviewed]}/review/uat/schedule/"),
    View("schedule", DENIED, "/orders/{order[reviewed]}/review/uat/schedule/", DEVELOPER),
    View("review", EMPTY_STATE, "/orders/{order[new]}/review/uat/"),
    *_also_delayed(View("rollout", NORMAL, "/deployments/{rollout[rolling]}/", is_main=True)),
    View("rollout-succeeded", NORMAL, "/deployments/{rollout[carried-prd]}/"),
    View("rollout-failed", NORMAL, "/deployments/{rollout[crashing]}/"),
    *_also_delayed(View("runtime", NORMAL, f"/runtime/{GATEWAY}/prd/", is_main=True)),
    View("runtime-failing", NORMAL, f"/runtime/{ACCOUNTS}/fat/"),
    View("runtime", EMPTY_STATE, f"/runtime/{STATIC}/uat/"),
    View("runtime", ERROR, f"/runtime/{OMM}/no-such-component/prd/", status=404),
    View("place-log", NORMAL, f"/runtime/{GATEWAY}/prd/log/"),
    View("place-log-failing", NORMAL, f"/runtime/{ACCOUNTS}/fat/log/"),
    View("place-log", DENIED, f"/runtime/{GATEWAY}/prd/log/", OUTSIDER, status=404),
    View("roll-back", NORMAL, f"/runtime/{GATEWAY}/uat/roll-back/"),
    View("roll-back", EMPTY_STATE, f"/runtime/{STATIC}/uat/roll-back/"),
    View("roll-back", DENIED, f"/runtime/{GATEWAY}/prd/roll-back/", DEVELOPER),
    View("scale", NORMAL, f"/runtime/{GATEWAY}/fat/scale/"),
    View("remove", NORMAL, f"/runtime/{GATEWAY}/drp/remove/"),
    View("remove", DENIED, f"/runtime/{GATEWAY}/drp/remove/", DEVELOPER),
)

COMPONENTS = (
    View("components", NORMAL, "/components/"),
    View("components", EMPTY_STATE, f"/components/?project={EMPTY}", PROJECT_ADMIN),
    View("components", FULL, f"/components/?project={CROWD}", IN_CROWD),
    View("component", NORMAL, f"/components/{GATEWAY}/", is_main=True),
    View("component", DENIED, f"/components/{GATEWAY}/", OUTSIDER, status=404),
    View("component-edit", NORMAL, f"/components/{GATEWAY}/edit/", OPERATOR, is_main=True),
    View("component-edit", DENIED, f"/components/{GATEWAY}/edit/", TESTER),
    View("scaling-rule", NORMAL, f"/components/{GATEWAY}/scaling/prd/", OPERATOR),
    View("scaling-rule", DENIED, f"/components/{GATEWAY}/scaling/prd/", TESTER),
    View("component-new", NORMAL, "/components/new/", PROJECT_ADMIN),
    View("component-orders", NORMAL, f"/components/{GATEWAY}/orders/"),
    View("component-history", NORMAL, f"/components/{WEB}/history/"),
    View("configurations", NORMAL, f"/components/{GATEWAY}/configuration/"),
    View("configuration", NORMAL, f"/components/{GATEWAY}/configuration/prd/"),
    View("configuration", DENIED, f"/components/{GATEWAY}/configuration/prd/", DEVELOPER, status=403),
    View("templates", NORMAL, "/templates/"),
    View("template", NORMAL, f"/templates/{TEMPLATE}/", PLATFORM_ADMIN, is_main=True),
    View("template", DENIED, f"/templates/{TEMPLATE}/", DEVELOPER),
    View("base-images", NORMAL, "/base-images/", PLATFORM_ADMIN),
    View("servers", NORMAL, "/servers/", PLATFORM_ADMIN),
    View("servers", DENIED, "/servers/", DEVELOPER, status=403),
    View("server", NORMAL, "/servers/jenkins/demo/", PLATFORM_ADMIN),
    View("toolchain", NORMAL, f"/projects/{OMM}/toolchain/", PLATFORM_ADMIN),
)

PLACES = (
    View("environments", NORMAL, "/environments/", is_main=True),
    View("space", NORMAL, f"/spaces/{OMM}/prd/", PROJECT_ADMIN),
    View("space-policy", NORMAL, f"/spaces/{OMM}/prd/policy/", PROJECT_ADMIN),
    View("space-policy", DENIED, f"/spaces/{OMM}/prd/policy/", DEVELOPER, status=403),
    View("space-edit", NORMAL, f"/spaces/{OMM}/prd/edit/", PLATFORM_ADMIN),
    View("space-grants", NORMAL, f"/spaces/{OMM}/prd/grants/", PLATFORM_ADMIN),
    View("clusters", NORMAL, "/clusters/", PLATFORM_ADMIN),
    View("clusters", DENIED, "/clusters/", DEVELOPER, status=403),
    View("cluster", NORMAL, "/clusters/test/", PLATFORM_ADMIN),
    View("cluster-edit", NORMAL, "/clusters/test/edit/", PLATFORM_ADMIN),
)

ADMINISTRATION = (
    View("admin", NORMAL, "/admin/", PLATFORM_ADMIN),
    View("admin-developer", NORMAL, "/admin/", DEVELOPER),
    View("health", NORMAL, "/health/", PLATFORM_ADMIN),
    View("health", DENIED, "/health/", DEVELOPER, status=403),
    View("projects", NORMAL, "/projects/", PLATFORM_ADMIN),
    View("project", NORMAL, f"/projects/{ITC}/", PROJECT_ADMIN),
    View("project", EMPTY_STATE, f"/projects/{EMPTY}/", PROJECT_ADMIN),
    View("people", NORMAL, "/people/", PLATFORM_ADMIN),
    View("groups", NORMAL, "/groups/", PLATFORM_ADMIN),
    View("group", NORMAL, "/groups/night/", PLATFORM_ADMIN),
    View("group-new", NORMAL, "/groups/new/", PLATFORM_ADMIN),
    View("person", NORMAL, "/people/chenlei/", PLATFORM_ADMIN),
    View("settings", NORMAL, "/me/", DEVELOPER),
    View("tokens", NORMAL, "/me/tokens/", DEVELOPER),
    View("unknown-address", ERROR, "/no-such-page/", DEVELOPER, status=404),
    View("explain", NORMAL, f"/explain/?verb=deploy&space={OMM}/uat", DEVELOPER),
    View("explain-order", NORMAL, f"/explain/?verb=deploy&space={OMM}/prd&order={{order[approving]}}", OPERATOR),
    View("explain", EMPTY_STATE, "/explain/", DEVELOPER),
    View("explain", ERROR, "/explain/?verb=deploy", DEVELOPER, status=400),
    View("explain", DENIED, f"/explain/?verb=deploy&space={OMM}/uat", OUTSIDER, status=404),
    View("audit", NORMAL, "/audit/", AUDITOR),
    View("audit", EMPTY_STATE, "/audit/?actor=nobody-is-called-so", AUDITOR),
    *_also_delayed(View("notifications", NORMAL, "/notifications/", DEVELOPER)),
    View("notifications", EMPTY_STATE, "/notifications/", OUTSIDER),
    View("outgoing-webhooks", NORMAL, f"/projects/{ITC}/webhooks/", PROJECT_ADMIN),
    View("outgoing-webhooks", DENIED, f"/projects/{ITC}/webhooks/", DEVELOPER, status=403),
    View("notification-preferences", NORMAL, "/me/notifications/", DEVELOPER),
    *_also_delayed(View("deployments", NORMAL, "/deployments/")),
    View("deployments", EMPTY_STATE, "/deployments/?person=nobody-is-called-so"),
    *_also_delayed(View("calendar", NORMAL, "/calendar/")),
    View("calendar-list", NORMAL, f"/calendar/?project={OMM}&view=list", DEVELOPER),
    View("calendar", EMPTY_STATE, "/calendar/?month=2001-02", OUTSIDER),
    View("figures", NORMAL, "/figures/"),
    View("figures-project", NORMAL, f"/figures/?project={OMM}&period=4w&environment=uat", DEVELOPER),
    View("report", NORMAL, f"/report/{OMM}/", AUDITOR),
    View("figures", EMPTY_STATE, "/figures/", OUTSIDER),
    View("rule-changes", EMPTY_STATE, "/rule-changes/", PLATFORM_ADMIN),
    View("sessions", NORMAL, "/me/sessions/", DEVELOPER),
)

VIEWS: tuple[View, ...] = (*ENTRY, *HOME, *ORDERS, *TRAINS, *ORDER, *DEPLOYING, *COMPONENTS, *PLACES, *ADMINISTRATION)
MAIN = tuple(view for view in VIEWS if view.is_main)
