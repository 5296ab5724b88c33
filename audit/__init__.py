"""Proof of what people did. Rooms write ``import audit`` and ``audit.record(actor, "order.created", …)``."""

from audit.recording import platform, record

__all__ = ["platform", "record"]
