"""Kubernetes quantities: the server's grammar, exact values, and its canonical spelling."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation

_SHAPE = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_SHAPE_TEXT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_BINARY = {
    suffix: Decimal(2) ** (10 * (power + 1)) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)", re.ASCII)


class BadQuantity(ValueError):
    """The text is no quantity; the message is the server's."""


def _split(value: object) -> tuple[Decimal, str]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadQuantity(_SHAPE_TEXT)
    found = _SHAPE.fullmatch(str(value))
    if not found:
        raise BadQuantity(_SHAPE_TEXT)
    try:
        return Decimal(found[1]), found[2]
    except InvalidOperation as error:
        raise BadQuantity(_SHAPE_TEXT) from error


def parse(value: object) -> Decimal:
    """The exact value; raises BadQuantity."""
    number, suffix = _split(value)
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent:
        return number.scaleb(int(exponent[1]))
    raise BadQuantity("unable to parse quantity's suffix")


def canonical(value: object) -> str:
    """The text the server stores: ``0.1`` is ``100m``, ``1.5Gi`` is ``1536Mi``; raises BadQuantity."""
    _, suffix = _split(value)
    amount = parse(value)
    if suffix in _BINARY and amount == amount.to_integral_value() and abs(amount) >= 1024:
        return _binary_text(amount)
    return decimal_text(amount)


def _binary_text(amount: Decimal) -> str:
    best, number = "", amount
    for suffix, factor in _BINARY.items():
        if amount % factor == 0:
            best, number = suffix, amount / factor
    return f"{int(number)}{best}"


def decimal_text(amount: Decimal) -> str:
    """Canonical text with decimal suffixes; finer than nano is rounded up as the server does."""
    if amount == 0:
        return "0"
    nano = (amount.scaleb(9)).to_integral_value(rounding=ROUND_CEILING)
    best, number = "n", nano
    for suffix, power in _DECIMAL.items():
        factor = Decimal(10) ** (power + 9)
        if nano % factor == 0:
            best, number = suffix, nano / factor
    return f"{int(number)}{best}"


def like(amount: Decimal, sample: object) -> str:
    """``amount`` in the family of suffixes (binary or decimal) of ``sample``."""
    if isinstance(sample, str) and sample.endswith("i") and amount == amount.to_integral_value() and amount >= 1024:
        return _binary_text(amount)
    return decimal_text(amount)
