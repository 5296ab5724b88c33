"""What a password may not be made of, beyond Django's own rules."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User

PRODUCT = ("prism4k", "prism", "release", "password", "kubernetes", "jenkins", "admin")
LEAST_OWN = 6
"""So many different letters and digits must be left without the names."""


class NamesValidator:
    """Names of the product, of the person and of what they work on are guessed first."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError for names with little else."""
        rest = password.lower()
        for name in sorted(_names(user), key=len, reverse=True):
            rest = rest.replace(name, "")
        if len(set(re.sub(r"[\W_]", "", rest))) < LEAST_OWN:
            raise ValidationError(
                _("This is made of names or of few signs, which are guessed first: add words of your own."),
                code="password_of_names",
            )

    def get_help_text(self) -> str:
        """In one line, for a form."""
        return str(_("Names of the product, of people and of projects alone are refused."))


def _names(user: User | None) -> set[str]:
    found = set(PRODUCT)
    for slug in Project.objects.values_list("slug", flat=True)[:500]:
        found |= {slug, slug.replace("-", ""), *slug.split("-")}
    if user is not None:
        for text in (user.username, user.name, user.name_en, user.email.partition("@")[0]):
            found |= {text.lower(), *re.split(r"[\W_]+", text.lower())}
    return {name for name in found if len(name) >= 3}
