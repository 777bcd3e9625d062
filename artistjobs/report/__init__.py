"""The report: one page that tells how the work went, complete in itself, fit to be mailed, printed and kept."""

from artistjobs.report.report import make_report, write_report

__all__ = ["make_report", "write_report"]
