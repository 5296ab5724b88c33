"""Secrets in plain sight: a name whose last word says that the value is one, and values that are known to be.

Whole words decide, not letters inside of them: TOKENIZERS_PARALLELISM and ``token.expireTime`` hold no secret. A value
that only names a variable (``${DB_PASSWORD}``), a file or a truth value is none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        password passwords passwd pwd pass passphrase passcode secret secrets token tokens credential credentials apikey
        secretkey accesskey privatekey authtoken accesstoken
        """,
    )
)
_SECRET_ENDS = ("password", "passwd", "pwd", "passphrase")
_KEY_OWNERS = frozenset(
    re.findall(
        r"\w+",
        """
        private secret access api app auth encryption encrypt decryption decrypt signing sign master aes des rsa hmac
        jwt ssh account storage shared subscription license server client consumer
        """,
    )
)
"""Words before ``key`` that make a secret of it; a public, cache or partition key is none."""
# What stands behind the word without changing what it is: DB_PASSWORD_PRD, PASSWORD_2, SECRET_VALUE.
_LOOSE_ENDS = frozenset(
    re.findall(
        r"\w+",
        """
        value text string base64 b64 plain raw encoded old new current default prd prod production uat fat sit dev test
        drp stg staging local
        """,
    )
)
_HARMLESS = re.compile(
    r"true|false|yes|no|on|off|none|null|enabled|disabled|required|optional"
    r"|\$\{[^}]*\}|\$\([^)]*\)|\$\w+|%[sd]|\*+|x{3,}|<[^<>]*>|ENC\(.*\)|\{cipher\}.*"
    r"|(?:classpath:|file:)\S+|(?:/[\w.-]+)+/?",
    re.IGNORECASE | re.ASCII,
)
_KNOWN = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bLTAI[0-9A-Za-z]{12,24}\b|\bAKID[0-9A-Za-z]{13,40}\b|\bAIza[0-9A-Za-z_-]{35}\b"
    r"|\bgh[pousr]_[0-9A-Za-z]{30,}\b|\bgithub_pat_[0-9A-Za-z_]{20,}|\bglpat-[0-9A-Za-z_-]{16,}"
    r"|\bsk_live_[0-9A-Za-z]{16,}|\bsk-(?:proj-|ant-|svcacct-)?[0-9A-Za-z_-]{32,}|\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}"
    r"|\bxox[abprs]-[0-9A-Za-z-]{10,}|\bnpm_[0-9A-Za-z]{30,}\b|\bhvs\.[0-9A-Za-z_-]{20,}"
    r"|\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"
    r"|\b(?:Bearer|Basic)\s+[0-9A-Za-z+/_=.-]{16,}",
    re.ASCII,
)
_LOGIN = re.compile(r"://(?P<user>[^\s/?#@:]*):(?P<password>[^\s/?#]*)@", re.ASCII)
_ORACLE = re.compile(r"jdbc:oracle:\w+:[^\s/@]+/(?P<password>[^\s@]+)@", re.ASCII | re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?:^|[?&;,\s]|(?<=\s)-D|^-D|--)(?P<name>[A-Za-z_][\w.-]*)\s?=\s?(?P<value>\"[^\"]*\"|'[^']*'|[^\s&;,]+)", re.ASCII
)
_LINE = re.compile(
    r"""^\s*[{,]?\s*(?:-\s+|export\s+)?["']?(?P<name>[A-Za-z_][\w.-]*)["']?\s*[:=]\s*(?P<value>"[^"]*"|'[^']*'|\S.*?)\s*,?$""",
    re.ASCII,
)
_COMMENT = re.compile(r"\s*(?:#|!|//|;|--|<!--)")


def is_secret(name: str, value: str) -> bool:
    """True for a variable whose value should be in a Secret instead."""
    if not value.strip():
        return False
    return (_names_secret(name) and not _is_harmless(name, value)) or holds_secret(value)


def holds_secret(value: str) -> bool:
    """True for a value that holds a key, a token, or a password, under any name."""
    if _KNOWN.search(value) or any(not _is_reference(password) for password in _passwords(value)):
        return True
    return any(
        _names_secret(found["name"]) and not _is_harmless(found["name"], found["value"].strip("\"'"))
        for found in _ASSIGNED.finditer(value)
    )


def secret_lines(text: str) -> Iterator[int]:
    """Lines (from 1) of a configuration file that hold a secret."""
    for number, line in enumerate(text.split("\n"), start=1):
        if _COMMENT.match(line):
            continue
        found = _LINE.match(line)
        if is_secret(found["name"], found["value"].strip("\"'")) if found else holds_secret(line):
            yield number


def _names_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _LOOSE_ENDS):
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    return last in _SECRET_WORDS or last.endswith(_SECRET_ENDS) or (last in ("key", "keys") and before in _KEY_OWNERS)


def _is_harmless(name: str, value: str) -> bool:
    """A reference, a path, a truth value; the plural ``tokens`` counts them (MAX_TOKENS=4096)."""
    is_count = value.strip().isdigit() and name.lower().endswith("tokens")
    return is_count or not value.strip() or bool(_HARMLESS.fullmatch(value.strip()))


def _is_reference(password: str) -> bool:
    return not password or bool(_HARMLESS.fullmatch(unquote(password)))


def _passwords(value: str) -> Iterator[str]:
    for pattern in (_LOGIN, _ORACLE):
        for found in pattern.finditer(value):
            yield found["password"]
