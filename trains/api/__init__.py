"""Trains over the API."""
