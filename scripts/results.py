"""RESULTS.md, its figures, the README's table and the board's page of constructions, from records alone.

python scripts/results.py             # writes them
python scripts/results.py --check     # exit code 1 if a text would change
"""

import argparse
import sys
from pathlib import Path

from campaign_parts.figures import save_headline, save_ratios
from campaign_parts.report import readme_part, report
from campaign_parts.select import Records

from mfbench.compare.compare import compare
from mfbench.compare.figure import save_comparison
from mfbench.compare.record import read_records

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "campaign"
SHOWN = ("cath", "cluster30", "chemistry", "shuffled")
MARKS = "<!-- campaign: scripts/results.py -->", "<!-- end of campaign -->"


def with_part(text, part):
    """The README's text with a new part between its marks."""
    before, _, rest = text.partition(MARKS[0])
    return f"{before}{MARKS[0]}\n{part}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    found = read_records(RESULTS / "records")
    comparison = compare(found, SHOWN, cache=RESULTS / "diversity")
    records = Records(found)
    readme = (ROOT / "README.md").read_text()
    made = {
        ROOT / "RESULTS.md": report(records, comparison, RESULTS),
        ROOT / "README.md": with_part(readme, readme_part(records, comparison, RESULTS)),
        ROOT / "leaderboard" / "submissions" / "compare.json": comparison.to_json(),
    }
    if arguments.check:
        changed = [
            path.name for path, text in made.items() if not path.is_file() or path.read_text() != text
        ]
        if changed:
            sys.exit(f"{', '.join(changed)} would change: run python scripts/results.py")
        return
    for path, text in made.items():
        path.write_text(text)
    save_headline(records, ROOT / "docs" / "campaign.png")
    save_comparison(comparison, ROOT / "docs" / "compare.png", metric="force_rmse", k=50)
    save_ratios(records, ROOT / "docs" / "campaign-ratios.png")


if __name__ == "__main__":
    main()
