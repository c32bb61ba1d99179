"""The record of a soak test: counts as JSON, and as a table for readers."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from mfbench.protocol.cost import hardware
from mfbench.work.files import write_text
from mfbench.work.version import __version__
from soak_parts.trials import EQUAL, KINDS, REFUSED, WRONG, Outcome

__all__ = ["minutes_of", "read_trials", "write_record"]

_INTRODUCTION = """# Soak test of long work

Every command was killed at random moments (`SIGKILL`, and `SIGINT` as by Ctrl-C) and run again, started
twice at once in one folder, given a disk that fills up at a random byte, and a disk that cannot be written.
The result must be that of an undisturbed run, or the refusal one line; Ctrl-C must end with one line and
exit code 130. Made by `{command}` ({version}, {minutes:.0f} minutes); every trial is in `soak.json`.

"""


def write_record(
    outcomes: Sequence[Outcome], folder: Path, *, command: str, minutes: float, skipped: Sequence[str]
) -> None:
    """Write ``soak.json`` and ``soak.md``; ``command`` made them."""
    content = {
        "version": __version__,
        "command": command,
        "minutes": round(minutes, 1),
        "hardware": hardware(),
        "system": platform.release(),
        "skipped": list(skipped),
        "counts": {
            name: {kind: _counts(outcomes, name, kind) for kind in KINDS} for name in _names(outcomes)
        },
        "wrong": [vars(o) for o in outcomes if o.verdict == WRONG],
        "trials": [[o.command, o.kind, o.at, o.hit, o.verdict] for o in outcomes],
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "soak.json", _lines(content))
    write_text(folder / "soak.md", _page(outcomes, command, minutes, skipped))


def read_trials(folder: Path, again: Collection[str]) -> list[Outcome]:
    """Trials of the record that is there, without those of commands that are tried again."""
    path = folder / "soak.json"
    rows = json.loads(path.read_text())["trials"] if path.is_file() else []
    kept = [row for row in rows if row[0] not in again]
    return [Outcome(command, kind, verdict, at, hit) for command, kind, at, hit, verdict in kept]


def minutes_of(folder: Path) -> float:
    """What the record that is there took."""
    path = folder / "soak.json"
    return json.loads(path.read_text())["minutes"] if path.is_file() else 0.0


def _page(outcomes: Sequence[Outcome], command: str, minutes: float, skipped: Sequence[str]) -> str:
    head = ["command", *KINDS, EQUAL, REFUSED, WRONG]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in _names(outcomes):
        mine = [o for o in outcomes if o.command == name]
        verdicts = Counter(o.verdict for o in mine)
        kinds = [_cell([o for o in mine if o.kind == kind]) for kind in KINDS]
        rows.append([name, *kinds, *(str(verdicts[v]) for v in (EQUAL, REFUSED, WRONG))])
    total = Counter(o.verdict for o in outcomes)
    rows.append(["**all**", *[""] * len(KINDS), *(f"**{total[v]}**" for v in (EQUAL, REFUSED, WRONG))])
    text = _INTRODUCTION.format(version=__version__, minutes=minutes, command=command)
    text += "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"
    text += (
        "`n/m`: `m` trials, of which `n` hit the command before it had ended (twice: one was refused).\n"
    )
    text += "The last columns count all trials.\n"
    return text + "".join(f"\nSkipped: {reason}.\n" for reason in skipped)


def _cell(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(o.hit for o in outcomes)}/{len(outcomes)}" if outcomes else "–"


def _counts(outcomes: Sequence[Outcome], name: str, kind: str) -> dict[str, int]:
    mine = [o for o in outcomes if (o.command, o.kind) == (name, kind)]
    return {"trials": len(mine), "hit": sum(o.hit for o in mine), **Counter(o.verdict for o in mine)}


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(o.command for o in outcomes))


def _lines(content: dict) -> str:
    """A line per key, and per trial."""
    parts = []
    for key, value in content.items():
        if key == "trials":
            rows = ",\n  ".join(json.dumps(row) for row in value)
            parts.append(f'"trials": [\n  {rows}\n ]')
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"
