"""Saving a figure that is kept in a repository: PNG with a palette, a third of the bytes."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mfbench.work.files import written

__all__ = ["save_small"]

_COLOURS = 128


def save_small(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write the figure as PNG of at most 128 colours: lines and text have few, smoothed edges more."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    image = Image.open(buffer).convert("RGB")
    few = image.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with written(path) as temporary:
        few.save(temporary, "PNG", optimize=True)
