"""Proof of what people did: ``audit.record_act(actor, "space.changed", space, …)`` in the transaction of the change."""

from audit.recording import Subject, platform, record, record_act

__all__ = ["Subject", "platform", "record", "record_act"]
