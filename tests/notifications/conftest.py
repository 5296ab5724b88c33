"""The same component and browsers as the order's pages have."""

from tests.releases.pages.conftest import component, grant, quick_passwords, signed_in

__all__ = ["component", "grant", "quick_passwords", "signed_in"]
