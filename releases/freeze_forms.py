"""Forms of freezes and of the calendars that they go by. They read what was typed; services decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from environments.choices import FreezeKind
from environments.day_files import MOST_CHARACTERS
from environments.models import DayCalendar
from releases.presenters.freezes import DAYS

TRADING = {
    "kind": FreezeKind.DATES, "zone": "Asia/Shanghai", "opens": "09:00", "closes": "15:30", "only_production": True,
}  # fmt: skip
"""What the preset fills in; the calendar is chosen."""
MOST_BYTES = MOST_CHARACTERS * 3


def _clock(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M"))


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


OF_KINDS = {
    "begins_at": "of-once", "ends_at": "of-once", "opens": "of-weekly of-dates", "closes": "of-weekly of-dates",
    "zone": "of-weekly of-dates", "weekdays": "of-weekly", "calendar": "of-dates",
}  # fmt: skip
"""Fields that one kind of days has and others have not: the page shows those of the chosen one."""


class FreezeForm(forms.Form):
    """Of what, when and why. ``where``: the choices of :mod:`releases.views.freezes`."""

    where = forms.ChoiceField(label=_("Of what"))
    is_window = forms.TypedChoiceField(
        label=_("What it does"), required=False, coerce=lambda value: value == "1",
        choices=[
            ("", _("a freeze: nothing is deployed in these times")), ("1", _("a release window: only in these times")),
        ],
        empty_value=None,
    )  # fmt: skip
    name = forms.CharField(label=_("Name"), max_length=80)
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    only_production = forms.BooleanField(
        label=_("Production only"), required=False, help_text=_("Of the site or of a project.")
    )
    kind = forms.ChoiceField(label=_("When"), choices=FreezeKind.choices)
    begins_at = _moment(_("Once: from"))
    ends_at = _moment(_("Once: until"))
    opens = _clock(_("Each day: from"))
    closes = _clock(_("Each day: until"))
    zone = forms.CharField(label=_("Time zone of each day"), max_length=64, required=False)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Weekly: on"), required=False, coerce=int, choices=list(enumerate(DAYS)),
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    calendar = forms.TypedChoiceField(label=_("On the dates of"), required=False, coerce=int, empty_value=None)

    def __init__(
        self, *args: Any, where: Sequence[tuple[str, Any]], calendars: Sequence[DayCalendar], **kwargs: Any
    ) -> None:
        initial = {"zone": settings.TIME_ZONE, "kind": FreezeKind.ONCE, "only_production": True}
        kwargs["initial"] = initial | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self._calendars = {one.pk: one for one in calendars}
        self.fields["where"].choices = list(where)  # type: ignore[attr-defined]
        self.fields["calendar"].choices = [("", "–"), *((one.pk, one.name) for one in calendars)]  # type: ignore[attr-defined]
        if len(calendars) == 1 and self.initial["kind"] == FreezeKind.DATES:
            self.fields["calendar"].initial = calendars[0].pk

    def by_kind(self) -> list[tuple[forms.BoundField, str]]:
        """Each field with the class names of the kinds that it belongs to; none for a field of all."""
        return [(field, OF_KINDS.get(field.name, "")) for field in self]

    def values(self) -> dict[str, Any]:
        """What the service takes, but for the place."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "where"}
        given["zone"] = given["zone"] or settings.TIME_ZONE
        return given | {"calendar": self._calendars.get(given["calendar"])}


class FreezeEndForm(forms.Form):
    """Why it ends early."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class CalendarForm(forms.Form):
    """A name and a file of dates."""

    where = forms.ChoiceField(label=_("Of what"))
    name = forms.CharField(label=_("Name"), max_length=80)
    file = forms.FileField(
        label=_("File"), help_text=_("CSV with a date a line, or iCalendar (.ics) with an event a day.")
    )

    def __init__(self, *args: Any, where: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["where"].choices = list(where)  # type: ignore[attr-defined]

    def clean_file(self) -> str:
        """Its text; another file than a short text is refused here."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is too big: at most %(most)s kB.") % {"most": MOST_BYTES // 1000})
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError(_("This is no text: a CSV or an iCalendar file is needed.")) from None
