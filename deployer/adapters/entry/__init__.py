"""The entry of an application by its URL: one question with httpx, to addresses that were allowed before."""

from deployer.adapters.entry.client import EntryPage, connect

__all__ = ["EntryPage", "connect"]
