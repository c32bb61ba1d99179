"""Tables whose cells can be copied: a row stays one line, however narrow the terminal is."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

__all__ = ["print_wide"]


def print_wide(console: Console, table: Table) -> None:
    """Print a table as wide as its longest cells need; the terminal wraps lines, and no name is broken."""
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    if needed > console.width:
        console = Console(file=console.file, width=needed, color_system=console.color_system)  # type: ignore[arg-type]
    console.print(table)
