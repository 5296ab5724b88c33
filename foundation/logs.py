"""How every process logs: one line an event, with the request number, without secrets. No Django imports here."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog

from foundation.redaction import redaction_processor

_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(9), *range(11, 32), *range(127, 160)]}
_CONTROLS |= {13: "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_BREAKS = {**_CONTROLS, 10: "\\n"}
_LONG = frozenset({"exception", "stack"})


def one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: what somebody sent begins no line that looks like one of ours, and no terminal obeys it.

    A traceback keeps its lines, set off from the margin: a message of the error may hold a line, too.
    """
    return {key: _printable(key, value) if isinstance(value, str) else value for key, value in event.items()}


def _printable(key: str, value: str) -> str:
    if key in _LONG:
        return value.translate(_CONTROLS).replace("\n", "\n    ")
    return value.translate(_BREAKS)


_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redaction_processor,
)


def logging_config(*, level: str = "INFO", as_json: bool = False) -> dict[str, Any]:
    """A ``logging.config.dictConfig`` dictionary: everything to stderr; JSON lines, or plain ones for people.

    Also sets structlog up, so that ``structlog.get_logger()`` and ``logging.getLogger()`` write the same lines.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # JSON escapes by itself.
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer()] if as_json else [one_line, structlog.dev.ConsoleRenderer(colors=False)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [structlog.stdlib.PositionalArgumentsFormatter()],
                "processors": [*_SHARED, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn.access": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "kubernetes": {"level": "WARNING"},
        },
    }
