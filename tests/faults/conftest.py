"""The product between its stand-ins, for every test of this folder."""

from tests.site import empty_database, site, site_database, stand_ins

__all__ = ["empty_database", "site", "site_database", "stand_ins"]
