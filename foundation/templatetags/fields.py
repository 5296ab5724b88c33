"""What forms and dates say beside themselves."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.forms import BaseForm
from django.forms.boundfield import BoundField
from django.utils import timezone

register = template.Library()


@register.filter
def field_errors(form: BaseForm) -> list[BoundField]:
    """The fields of a form that need another value, in the order of the screen."""
    return [field for field in form if field.errors]


@register.filter
def days_left(moment: datetime) -> int:
    """Whole days until then; negative when it is over."""
    return (moment - timezone.now()).days
