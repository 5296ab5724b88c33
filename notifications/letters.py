"""What stands in a mail: plain text in the receiver's language and time zone, with links to the platform."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext, override

from foundation.messages import localized_time
from foundation.messages import message as _
from notifications.models import Mail, Notice
from notifications.night import zone_of

LONGEST_SUBJECT = 150


def letter(mail: Mail, notices: Sequence[Notice], more: int = 0) -> EmailMessage:
    """The mail as it goes out; the same one each time that it is sent, but for its rights.

    ``more``: how many of the night are in the list alone.
    """
    person = mail.person
    with override(person.language or settings.LANGUAGE_CODE), timezone.override(zone_of(person)):
        subject = _subject(notices, more)
        lines = [*(line for notice in notices for line in (*_lines(notice), "")), *_rest(more), *_foot()]
    found = EmailMessage(policy=SMTP)
    found["Subject"] = f"[Prism4k] {subject}"
    found["From"] = settings.MAIL_FROM
    found["To"] = person.email
    found["Message-ID"] = f"<notice-{mail.number}@{urlsplit(settings.PLATFORM_URL).hostname}>"
    # No answer of an absent person comes back, and no filter takes it for bulk.
    found["Auto-Submitted"] = "auto-generated"
    found.set_content("\n".join(lines), cte="base64")
    return found


def _subject(notices: Sequence[Notice], more: int) -> str:
    if len(notices) == 1 and not more:
        # A header is one line: the words in it are of people.
        return " ".join(str(notices[0].message).split())[:LONGEST_SUBJECT]
    count = len(notices) + more
    return ngettext("%(n)s notification of the night", "%(n)s notifications of the night", count) % {"n": count}


def _lines(notice: Notice) -> list[str]:
    detail = [str(notice.detail)] if notice.detail else []
    return [str(notice.message), *detail, localized_time(notice.at), f"{settings.PLATFORM_URL}{notice.path}"]


def _rest(more: int) -> list[str]:
    if not more:
        return []
    url = f"{settings.PLATFORM_URL}{reverse('notifications:list')}"
    text = ngettext("%(n)s more is in your list: %(url)s", "%(n)s more are in your list: %(url)s", more)
    return [text % {"n": more, "url": url}, ""]


def _foot() -> list[str]:
    page = f"{settings.PLATFORM_URL}{reverse('notifications:preferences')}"
    return ["-- ", str(_("What you are told by mail: %(url)s", url=page))]
