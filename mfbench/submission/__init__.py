"""Submissions: data, never code. Read, recomputed and examined by ``check``; drafted from runs."""

from mfbench.submission.card import Card
from mfbench.submission.check import check
from mfbench.submission.checked import FILES, Checked
from mfbench.submission.condense import compacted
from mfbench.submission.detectors.findings import Finding, Kind
from mfbench.submission.draft import check_files, check_run, draft_submission, read_folder

__all__ = [
    "FILES",
    "Card",
    "Checked",
    "Finding",
    "Kind",
    "check",
    "check_files",
    "check_run",
    "compacted",
    "draft_submission",
    "read_folder",
]
