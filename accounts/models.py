"""Who: people, the organisations and projects they work for, and the tokens that act for them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken

from accounts.choices import Scope, Theme
from audit.recording import Subject
from foundation.messages import LocalizedName

SLUG = RegexValidator(
    r"\A[a-z0-9]+(?:-+[a-z0-9]+)*\Z",
    _("Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces."),
)


def in_language(chinese: str, english: str) -> str:
    """The text of the active language, or the other one where that is empty."""
    wants_chinese = (get_language() or "en").startswith("zh")
    return (chinese or english) if wants_chinese else (english or chinese)


class UserManager(BaseUserManager["User"]):
    """Creates people; there is no superuser: rights come from memberships alone."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """A person who can sign in with ``password`` (or cannot, without one)."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]  # knox is untyped
    """A person. ``rights_epoch`` grows whenever their rights may have changed, so that open sockets read them again."""

    username = models.CharField(_("user name"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_en = models.CharField(_("name in English"), max_length=80, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    note_en = models.CharField(_("note in English"), max_length=200, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    single_keys = models.BooleanField(_("single keys act"), default=True)
    rights_epoch = models.PositiveIntegerField(default=0, editable=False)
    news_at = models.DateTimeField(null=True, editable=False)
    """When something new was written for them, so that open sockets look at it."""
    must_change_password = models.BooleanField(default=False, editable=False)
    password_reset_at = models.DateTimeField(null=True, editable=False)
    password_reset_by = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = UserManager()

    only_project_id: int | None = None
    """Set for one request by a token that is bound to a project: rights elsewhere do not count then. Not a column."""

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def audit_subject(self) -> Subject:
        return Subject("user", self.pk, self.username)

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return in_language(self.name, self.name_en) or self.username

    @property
    def shown_note(self) -> str:
        """The note in the reader's language; empty without one."""
        return in_language(self.note, self.note_en) or ""

    @property
    def localized_name(self) -> LocalizedName:
        """The name as a value of a message that is kept: anybody who reads it sees it in their language."""
        return LocalizedName(self.name or self.username, self.name_en or self.name or self.username)


class BrowserSession(models.Model):
    """Where somebody is signed in: a person's list of sessions, and what finds them all to end them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browser_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.address}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("session", self.pk, self.browser or self.address)


class Named(models.Model):
    """What organisations and projects have in common: a short name, and a name in two languages."""

    slug = models.CharField(_("short name"), max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ["slug"]

    def __str__(self) -> str:
        return in_language(self.name, self.name_en)


class Organisation(Named):
    """A company or department above projects."""

    @property
    def audit_subject(self) -> Subject:
        return Subject("organisation", self.pk, self.slug)


class Project(Named):  # type: ignore[django-manager-missing]  # knox is untyped
    """A subsystem (子系统): its slug is the SITE of its images. Archived, never deleted, once an order names it."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="projects", verbose_name=_("organisation")
    )
    description = models.TextField(_("description"), blank=True)
    change_ticket_pattern = models.CharField(
        _("pattern of change tickets"),
        max_length=200,
        blank=True,
        help_text=_("A regular expression, e.g. CHG[0-9]{6}."),
    )
    is_archived = models.BooleanField(_("archived"), default=False)

    @property
    def audit_subject(self) -> Subject:
        return Subject("project", self.pk, self.slug, self.slug)


class Token(AbstractAuthToken):  # type: ignore[misc]  # knox is untyped
    """Acts for its owner over the API: hashed at rest, shown once, never wider than the owner's rights."""

    name = models.CharField(_("name"), max_length=80)
    scopes = models.JSONField(_("scopes"), default=list)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, null=True, blank=True, related_name="tokens", verbose_name=_("project")
    )
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_scopes(self) -> list[str]:
        """What it may do, in words."""
        return [str(Scope(scope).label) for scope in self.scopes if scope in Scope.values]
