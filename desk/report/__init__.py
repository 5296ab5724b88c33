"""What a regulator asks of a project for a period: what was released, and which rules, consents and exceptions there
were. Read from our rows and the audit."""

from desk.report.period import Period
from desk.report.reading import Report, read_report

__all__ = ["Period", "Report", "read_report"]
