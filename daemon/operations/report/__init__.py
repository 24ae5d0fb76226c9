"""Whether the reviewer is worth it: what it did in a period, against the period before."""

from daemon.operations.report.figures import Figures, Span, Work, figures, series
from daemon.operations.report.report import Report, as_json, report
from daemon.operations.report.text import in_words


__all__ = [
    "Figures",
    "Report",
    "Span",
    "Work",
    "as_json",
    "figures",
    "in_words",
    "report",
    "series",
]
