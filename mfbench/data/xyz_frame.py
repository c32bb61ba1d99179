"""One structure as the text of one frame of extended XYZ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol

__all__ = ["xyz_frame"]


def xyz_frame(
    c: Configuration, facts: Mapping[str, object], vectors: Mapping[str, np.ndarray], *, decimals: int = 13
) -> str:
    """The frame: the number of atoms, a line of facts, and a line per atom.

    Args:
        c: whose elements and positions (Å) are written.
        facts: name → value of the second line; text that needs quotes bears them already.
        vectors: name → [n, 3] of the atoms, e.g. forces in eV/Å.
        decimals: of all numbers of the atoms. 13 are exact for stored geometries and labels, which are
            multiples of 2^-n: what is read back is what was stored.
    """
    columns = "".join(f":{name}:R:3" for name in vectors)
    head = {"Properties": f"species:S:1:pos:R:3{columns}", **facts, "pbc": '"F F F"'}
    rows = np.concatenate([c.positions, *vectors.values()], axis=1)
    lines = [str(len(c)), " ".join(f"{name}={value}" for name, value in head.items())]
    for number, row in zip(c.atomic_numbers, rows, strict=True):
        lines.append(" ".join([f"{symbol(int(number)):<2}", *(f"{x:.{decimals}f}" for x in row)]))
    return "\n".join(lines) + "\n"
