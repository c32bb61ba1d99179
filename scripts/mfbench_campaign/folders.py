"""Where the repository keeps what a campaign reads and writes."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CAMPAIGN", "PLAN", "RESULTS", "ROOT", "RUNS", "STORE"]

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "scripts" / "campaign.yaml"
RESULTS = ROOT / "results"
CAMPAIGN = RESULTS / "campaign"
"""Records, tunings and measurements of the campaign, committed."""
RUNS = ROOT / "runs"
"""Checkpoints and run folders, not committed."""
STORE = ROOT / "leaderboard" / "submissions"
