"""What every test shares: the cast of people, and the lifting of the audit's triggers where a test commits."""

pytest_plugins = ["tests.cast", "audit.testing"]
