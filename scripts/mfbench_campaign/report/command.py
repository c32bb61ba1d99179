"""RESULTS.md and the pages behind it, figures, the README's table, the board's page of constructions.

All from records alone.

python scripts/results.py             # writes them
python scripts/results.py --check     # exit code 1 if a text would change
"""

from __future__ import annotations

import argparse
import json
import sys

from mfbench.compare.compare import compare
from mfbench.compare.figure import save_comparison
from mfbench.compare.record import read_records
from mfbench_campaign.folders import CAMPAIGN, RESULTS, ROOT, STORE
from mfbench_campaign.headline import MANY
from mfbench_campaign.records import SECOND, Records
from mfbench_campaign.report.figures import save_headline, save_ratios
from mfbench_campaign.report.level_figure import save_levels
from mfbench_campaign.report.level_ratios_figure import save_level_ratios
from mfbench_campaign.report.report import readme_part, report
from mfbench_campaign.report.second_figure import save_second_starts
from mfbench_campaign.report.selection_figure import save_selection
from mfbench_campaign.report.start_curves import save_start_curves, shipped_phases

__all__ = ["MARKS", "main", "with_part"]

FIGURES = {
    "levels": ("levels", save_levels),
    "levels-ratios": ("levels", save_level_ratios),
    "active": ("active", save_selection),
}
"""Name of a figure → the record in ``results`` that it is drawn from, and how."""
SHOWN = ("cath", "cluster30", "chemistry", "shuffled")
MARKS = "<!-- campaign: scripts/results.py -->", "<!-- end of campaign -->"
"""Lines of README.md between which the part is written."""


def with_part(text: str, part: str) -> str:
    """A text with a new part between its marks.

    Raises:
        SystemExit: it does not hold each mark once, in order.
    """
    start, end = MARKS
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        sys.exit(f"README.md needs these two lines, once and in this order: {start} {end}")
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{part}\n{end}{rest.partition(end)[2]}"


def main() -> None:
    """The command ``results.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    found = read_records(CAMPAIGN / "records")
    # Constructions are compared by the first campaign, which has all of them with the same training.
    first = [record for record in found if not record.model.startswith(SECOND.removeprefix(", "))]
    comparison = compare(first, SHOWN, cache=CAMPAIGN / "diversity")
    records = Records(found)
    readme = (ROOT / "README.md").read_text()
    texts = {
        **{ROOT / path: text for path, text in report(records, comparison, CAMPAIGN).items()},
        ROOT / "README.md": with_part(readme, readme_part(records, comparison, CAMPAIGN)),
        STORE / "compare.json": comparison.to_json(),
    }
    if arguments.check:
        changed = [
            str(path.relative_to(ROOT))
            for path, text in texts.items()
            if not path.is_file() or path.read_text() != text
        ]
        if changed:
            sys.exit(f"{', '.join(changed)} would change: run python scripts/results.py")
        return
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    save_headline(records, ROOT / "docs" / "campaign.png")
    save_comparison(comparison, ROOT / "docs" / "compare.png", metric="force_rmse", k=MANY)
    save_ratios(records, ROOT / "docs" / "campaign-ratios.png")
    save_start_curves(shipped_phases(), ROOT / "docs" / "start-curves.png")
    save_second_starts(records, ROOT / "docs" / "second-starts.png")
    for name, (record, save) in FIGURES.items():
        save(json.loads((RESULTS / f"{record}.json").read_text()), ROOT / "docs" / f"{name}.png")
