"""Forms of this app."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from foundation.messages import MessageLike
from notifications.choices import OF_A_PROJECT, BodyForm, NoticeKind, Way
from notifications.models import Preferences

BETWEEN = ":"


@dataclass(frozen=True)
class Box:
    """One box of the table: ``value`` is what it sends, ``label`` what it is called for who cannot see the table."""

    value: str
    way: MessageLike
    label: str
    is_ticked: bool


class PreferencesForm(forms.Form):
    """A table of kinds and ways, and the night. A box sends ``kind:way``."""

    ways = forms.MultipleChoiceField(required=False)
    has_digest = forms.BooleanField(label=_("One mail in the morning for all of the night"), required=False)
    night_from = forms.TimeField(
        label=_("The night begins at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    night_until = forms.TimeField(
        label=_("The night ends at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ways"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(f"{kind}{BETWEEN}{way}", "") for kind in NoticeKind.values for way in Way.values]

    def chosen(self) -> dict[str, list[str]]:
        """By kind the ways that were ticked; the page shows every kind, so each is in it."""
        ticked = [value.split(BETWEEN) for value in self.cleaned_data["ways"]]
        return {kind: [way for one, way in ticked if one == kind] for kind in NoticeKind.values}


def values_of(row: Preferences) -> dict[str, Any]:
    """What the form shows of them at first."""
    ways = [f"{kind}{BETWEEN}{way}" for kind in NoticeKind.values for way in row.ways_of(kind)]
    names = ("has_digest", "night_from", "night_until")
    return {"ways": ways, **{name: getattr(row, name) for name in names}}


def table_of(ticked: Iterable[str]) -> list[tuple[MessageLike, list[Box]]]:
    """A line a kind, a box a way."""
    known = set(ticked)
    return [
        (
            kind.label,
            [
                Box(value, way.label, f"{way.label}: {kind.label}", value in known)
                for way in Way
                for value in [f"{kind}{BETWEEN}{way}"]
            ],
        )
        for kind in NoticeKind
    ]


class WebhookForm(forms.Form):
    """Address and secret are never shown again: an empty one keeps what is stored. Another address or form has the old
    secret no more."""

    name = forms.CharField(label=_("Name"), max_length=80)
    form = forms.ChoiceField(label=_("Form of the body"), choices=BodyForm.choices)
    url = forms.CharField(
        label=_("Address"), max_length=1000, required=False, strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Only its host is shown once it is saved: in a chat's address lies its secret."),
    )  # fmt: skip
    secret = forms.CharField(
        label=_("Secret of the chat"), max_length=200, required=False, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Of DingTalk or Feishu, where signing is on there. Another address or form needs it again."),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=pgettext_lazy("webhook", "What is sent"), choices=OF_A_PROJECT, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    is_on = forms.BooleanField(label=pgettext_lazy("webhook", "It sends"), required=False)

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            self.fields["url"].required = True
