"""Whether the reviewer is worth it: what it did in a period, against the period before."""

from daemon.report.figures import Figures, Span, Work, figures, series
from daemon.report.made import Report, as_json, report
from daemon.report.words import in_words


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
