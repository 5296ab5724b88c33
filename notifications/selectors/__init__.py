"""Reads of this app: nothing here writes."""
