"""Runs of this app, one pass each."""
