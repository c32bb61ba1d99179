"""Blocks as the lines of a pool's recipe."""

from __future__ import annotations

from collections.abc import Sequence

from mfbench_tasks.pool.recipe import Block

__all__ = ["blocks_yaml"]


def blocks_yaml(blocks: Sequence[Block]) -> str:
    """YAML of blocks, one line per group."""
    lines = ["blocks:"]
    for block in blocks:
        if block.split is not None:
            lines.append(f"  - {{name: {block.name}, split: {block.split}}}")
            continue
        lines += [f"  - name: {block.name}", "    groups:"]
        for group in block.groups:
            fields = group.model_dump(exclude_defaults=True)
            inner = ", ".join(f"{k}: {str(v).lower() if v is True else v}" for k, v in fields.items())
            lines.append(f"      - {{{inner}}}")
    return "\n".join(lines) + "\n"
