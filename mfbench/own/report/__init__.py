"""The report of an adaptation: one HTML file that opens without a network."""

from mfbench.own.report.content import Parity, ReportContent, Tried, WorstConfiguration
from mfbench.own.report.write import write_report

__all__ = ["Parity", "ReportContent", "Tried", "WorstConfiguration", "write_report"]
