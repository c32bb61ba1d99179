"""The preflight of own labels as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from mfbench.own.preflight import Preflight

__all__ = ["print_preflight"]


def print_preflight(read: Preflight, console: Console) -> None:
    """One line per check: what was found, and how it is known."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column()
    for line in read.findings:
        table.add_row(Text(line.check, style="bold"), Text(line.found), Text(line.proof, style="dim"))
    console.print(table)
