"""Reads of the environments app, one file a noun."""
