"""Commands of ``mfbench data`` that make splits: each is a file, and needs the extra ``label``."""

from __future__ import annotations

import typer

from mfbench.cli.data.making import (
    audit,
    build,
    card,
    choose,
    choose_large,
    construct,
    fetch_entries,
    find_chemistry,
    label_queue,
    levels,
    levels_mini,
    pool,
    reaction,
)

__all__ = ["register"]

PANEL = "Making splits (extra: label)"


def register(group: typer.Typer) -> None:
    """Add the commands, in the order in which a split comes about."""
    group.command(rich_help_panel=PANEL)(fetch_entries.fetch_entries)
    group.command(rich_help_panel=PANEL)(build.build)
    group.command(rich_help_panel=PANEL)(find_chemistry.find_chemistry)
    group.command(rich_help_panel=PANEL)(choose.choose)
    group.command(rich_help_panel=PANEL)(choose_large.choose_large)
    group.command(rich_help_panel=PANEL)(pool.pool)
    group.command(rich_help_panel=PANEL)(audit.audit)
    group.command(rich_help_panel=PANEL)(construct.construct)
    group.command(rich_help_panel=PANEL)(reaction.reaction)
    group.command(rich_help_panel=PANEL)(label_queue.label_queue)
    group.command(rich_help_panel=PANEL)(levels.levels)
    group.command(rich_help_panel=PANEL)(levels_mini.levels_mini)
    group.command(rich_help_panel=PANEL)(card.card)
