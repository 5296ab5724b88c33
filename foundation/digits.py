"""Whole numbers out of addresses and other texts from outside."""

from __future__ import annotations


def parse_digits(text: str, most: int = 18) -> int | None:
    """What at most so many ASCII digits write; None for anything else.

    The length first: Python refuses to read numbers of more than 4,300 digits, and no id has more than 18.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else None
