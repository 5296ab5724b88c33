"""Wrong passwords: counted for a name at an address, for a name, and for an address; told, limited and in the audit.

``axes`` keeps the rows and locks a name at an address. What it does not see, many names from one address and one name
from many, is counted here over the same rows, before a password is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import Max, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.sign_in_record import record_locked
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

WINDOW = timedelta(hours=settings.AXES_COOLOFF_TIME)


@dataclass(frozen=True)
class _Counted:
    """Wrong passwords within the window, and when the last one was."""

    pair: int
    name: int
    address: int
    last: datetime | None

    @property
    def is_over(self) -> bool:
        """Too many for anybody to try again."""
        most = settings.SIGN_IN_ATTEMPTS
        return self.name >= most or self.address >= most or self.pair >= settings.AXES_FAILURE_LIMIT

    @property
    def seconds_left(self) -> int:
        """Until the window has passed."""
        left = (self.last + WINDOW - timezone.now()).total_seconds() if self.last else WINDOW.total_seconds()
        return max(1, round(left))


def check_password(*, request: HttpRequest, username: str, password: str) -> User:
    """The person behind name and password. Raises Invalid for a wrong pair, Refused (429) after too many of them."""
    address = request.META.get("REMOTE_ADDR") or None
    before = _count(username, address)
    if before.is_over:
        raise _too_many(before)
    user = authenticate(request, username=username, password=password)
    # Shown here in our own words, so that the middleware of axes has nothing to replace.
    request.axes_locked_out = False  # type: ignore[attr-defined]
    if isinstance(user, User):
        return user
    after = _count(username, address)
    if after.is_over:
        if after.pair < settings.AXES_FAILURE_LIMIT:
            # axes tells only of a name at an address, see accounts.sign_in_record.
            record_locked(username, settings.SIGN_IN_ATTEMPTS)
        raise _too_many(after)
    raise Invalid({"": [_("User name and password do not match. Check both; capitals matter.")]}, code="wrong-password")


def _count(username: str, address: str | None) -> _Counted:
    is_name, is_address = Q(username=username), Q(ip_address=address)
    rows = AccessAttempt.objects.filter(is_name | is_address, attempt_time__gte=timezone.now() - WINDOW).order_by()
    found = rows.aggregate(
        pair=Sum("failures_since_start", filter=is_name & is_address),
        name=Sum("failures_since_start", filter=is_name),
        address=Sum("failures_since_start", filter=is_address),
        last=Max("attempt_time"),
    )
    return _Counted(found["pair"] or 0, found["name"] or 0, found["address"] or 0, found["last"])


def _too_many(counted: _Counted) -> Refused:
    minutes = max(1, round(counted.seconds_left / 60))
    return Refused(
        _("Too many wrong passwords for this name or from your address. Try again in %(n)s minutes.", n=minutes),
        "too-many-attempts",
        _("A platform administrator can set a new password."),
        status=429,
        retry_after=counted.seconds_left,
    )
