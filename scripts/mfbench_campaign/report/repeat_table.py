"""Whether a row comes again: its errors when everything was done a second time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import markdown
from mfbench_campaign.records import Records
from mfbench_campaign.report.tables import NAMES
from mfbench_campaign.running.repeat import means_at_50

__all__ = ["repeat_table"]


def repeat_table(content: Mapping[str, Any], records: Records) -> str:
    """Both errors at K = 50, beside the spread over meta-training seeds."""
    where, method = content["run"].split("/")[:2]
    seeds = [means_at_50(record) for record in records.seeds(where, method)]
    rows = []
    for metric, name in NAMES.items():
        values = [seed[metric] for seed in seeds]
        spread = f"{max(values) - min(values):.3f}" if len(values) > 1 else "one seed"
        first, again = content["first"][metric], content["again"][metric]
        rows.append([name, f"{first:.3f}", f"{again:.3f}", f"{abs(again - first):.3f}", spread])
    return markdown(["K = 50", "first", "again", "difference", f"range of {len(seeds)} seeds"], rows)
