"""Closed sets of the releases app: states, kinds, words."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

STAGE_NAMES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush")
"""Of a build, as in the Jenkinsfile; they stay English in every language."""


class OrderState(models.TextChoices):
    CREATED = "created", _("created")
    BUILDING = "building", _("building")
    BUILT = "built", _("built")
    BUILD_FAILED = "build_failed", _("build failed")
    CLOSED = "closed", _("closed")


class OrderSource(models.TextChoices):
    """What the order was made from. Its commit lies on its branch in each case."""

    BRANCH = "branch", pgettext_lazy("order source", "a branch's tip")
    GIT_TAG = "git_tag", pgettext_lazy("order source", "a Git tag")
    COMMIT = "commit", pgettext_lazy("order source", "a commit")


class ClosedReason(models.TextChoices):
    WITHDRAWN = "withdrawn", pgettext_lazy("order", "withdrawn")
    RETURNED = "returned", _("returned")
    DONE = "done", _("done")


class PromotionState(models.TextChoices):
    CURRENT = "current", _("current")
    REPLACED = "replaced", _("replaced")
    WITHDRAWN = "withdrawn", _("withdrawn")


class TestVerdict(models.TextChoices):
    """What the tester says of the environment that the order comes from."""

    PASSED = "passed", _("passed")
    REMARKS = "remarks", _("passed with remarks")


class ApprovalState(models.TextChoices):
    GIVEN = "given", _("given")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")
    VOID = "void", _("void")


class GoChoice(models.TextChoices):
    """A person's word for the night, beside the gates' answer."""

    GO = "go", pgettext_lazy("go word", "Go")
    NO_GO = "no_go", pgettext_lazy("go word", "No-go")


class DeploymentKind(models.TextChoices):
    DEPLOY = "deploy", _("deploy")
    ROLL_BACK = "roll_back", _("roll back")
    RESTART = "restart", _("restart")
    SCALE = "scale", _("scale")
    REMOVE = "remove", _("remove from the space")


class ScaleRequestState(models.TextChoices):
    """That its day is over follows from its time and is stored nowhere."""

    WAITING = "waiting", pgettext_lazy("scale request", "waiting")
    USED = "used", pgettext_lazy("scale request", "used")
    WITHDRAWN = "withdrawn", pgettext_lazy("scale request", "withdrawn")
    VOID = "void", pgettext_lazy("scale request", "void")


class TurnState(models.TextChoices):
    """``started``: the deployment that it became says what came of it."""

    WAITING = "waiting", _("waiting its turn")
    STARTED = "started", _("its turn came")
    CANCELLED = "cancelled", _("cancelled")
    SUPERSEDED = "superseded", _("superseded")


class DrpKind(models.TextChoices):
    SWITCH = "switch", pgettext_lazy("drp", "DRP switch")
    DRILL = "drill", pgettext_lazy("drp", "DRP drill")


class DrpState(models.TextChoices):
    """Of a switch to a twin, or of a drill of one."""

    ASKED = "asked", pgettext_lazy("drp", "waits for a second person")
    RUNNING = "running", pgettext_lazy("drp", "running")
    STOPPED = "stopped", pgettext_lazy("drp", "stopped")
    SERVES = "serves", pgettext_lazy("drp", "serves")
    RETURNING = "returning", pgettext_lazy("drp", "being taken back")
    RETURNED = "returned", pgettext_lazy("drp", "taken back")
    REFUSED = "refused", pgettext_lazy("drp", "refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("drp", "withdrawn")
    EXPIRED = "expired", pgettext_lazy("drp", "nobody confirmed it")


class DrpMemberState(models.TextChoices):
    """Of one component in it."""

    WAITING = "waiting", pgettext_lazy("drp", "waiting")
    DEPLOYING = "deploying", pgettext_lazy("drp", "starting")
    SERVES = "serves", pgettext_lazy("drp", "serves")
    FAILED = "failed", pgettext_lazy("drp", "failed")
    LEFT_OUT = "left_out", pgettext_lazy("drp", "left out")


class BackState(models.TextChoices):
    """Of one component of a drill that is taken back; empty before."""

    DEPLOYING = "deploying", pgettext_lazy("drp", "being taken back")
    DONE = "done", pgettext_lazy("drp", "taken back")
    FAILED = "failed", pgettext_lazy("drp", "could not be taken back")
    STAYS = "stays", pgettext_lazy("drp", "stays as it is")


class Reason(models.TextChoices):
    """Why a run ended as it did; the page turns it into a message."""

    NONE = "", ""
    BUILD_FAILED = "build_failed", _("Jenkins reports a failure")
    UNSTABLE = "unstable", _("Jenkins reports the build as unstable")
    ABORTED = "aborted", _("aborted in Jenkins")
    STOPPED = "stopped", _("stopped on request")
    SUPERSEDED = "superseded", _("superseded")
    REFUSED = "refused", _("the other system refused it")
    LOST = "lost", _("lost")
    DEADLINE = "deadline", _("the deadline passed")
    FOREIGN_TAG = "foreign_tag", _("the tag belongs to somebody else's image")
    NO_DIGEST = "no_digest", _("the registry has no such image")
    NOT_BUILT = "not_built", _("Jenkins did not run it")
    TEMPLATE = "template", _("the template does not render")
    MANIFEST = "manifest", _("the manifests are not allowed")
    QUOTA = "quota", _("quota exceeded")
    CONFLICT = "conflict", _("changed outside the platform")
    MOVED = "moved", _("the live state has changed since the review")
    GATE = "gate", _("a gate closed before it was applied")
    ROLLOUT = "rollout", _("the rollout failed")
    ENTRY = "entry", _("the entry does not answer as expected")
    DELETED = "deleted", _("deleted outside the platform")
    INCOMPLETE = "incomplete", _("the component is not complete")
    ENGINE = "engine", _("the platform could not finish it")
    CANCELLED = "cancelled", _("cancelled")
    RELEASED = "released", _("its place was released by force")
    PARTIAL = "partial", _("only a part was applied")
    RESTORED = "restored", _("the database was restored while it was under way")
    UNKNOWN_MARK = "unknown_mark", _("the cluster has what this database does not know")
