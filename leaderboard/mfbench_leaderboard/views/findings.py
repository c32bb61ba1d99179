"""What checking found, a line each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mfbench.submission.detectors.findings import Finding
from mfbench_leaderboard.style import note

__all__ = ["show_findings"]


def show_findings(findings: Sequence[Finding]) -> None:
    """Small print; nothing where nothing was found (Streamlit refuses an empty body)."""
    if findings:
        st.html("".join(note(f"{f.kind.replace('-', ' ')}: {f.message}") for f in findings))
