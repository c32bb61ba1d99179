"""Finding a campaign's records: by the names that plan.py gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mfbench.compare.record import Record

__all__ = [
    "CONSTRUCTIONS",
    "LEARNERS",
    "METHODS",
    "SECOND",
    "SECOND_LEARNERS",
    "SECOND_METHODS",
    "Records",
]

CONSTRUCTIONS = ("cath", "cluster30", "chemistry")
LEARNERS = ("maml", "fomaml", "reptile", "maml++", "anil", "maml, faster-outer", "reptile, faster-outer")
"""Behind the comma: a model of campaign.yaml, here the outer rate of ``pretrain``, ten times theirs."""
METHODS = ("constant", "scratch", "offset", "ridge", "pretrain", *LEARNERS)
SECOND = ", second"
"""Behind the name of a method: of the second campaign, whose starts were trained longer."""
SECOND_LEARNERS = tuple(method + SECOND for method in ("maml", "fomaml", "reptile", "maml++", "anil"))
SECOND_METHODS = (*(method + SECOND for method in ("scratch", "offset", "pretrain")), *SECOND_LEARNERS)


class Records:
    """All records, found by construction, method and what is special about a run."""

    def __init__(self, records: Iterable[Record]):
        self.by_name = {record.name: record for record in records}

    def seeds(self, where: str, method: str, special: str = "") -> list[Record]:
        """The meta-training seeds of one method, e.g. ``("cath", "maml", "wrong-family")``.

        ``where`` is a construction, or ``A-to-B`` in transfer.
        """
        method, _, model = method.partition(", ")
        wanted = sorted(mark for mark in (model, *special.split("/")) if mark)
        pattern = re.compile(rf"{re.escape(where)}/{re.escape(method)}/seed\d+((?:/[^/]+)*)")
        return [
            record
            for name, record in sorted(self.by_name.items())
            if (found := pattern.fullmatch(name)) and sorted(found[1].split("/")[1:]) == wanted
        ]

    def methods(self, where: str, among: Sequence[str] = METHODS) -> list[str]:
        """Methods that were run there, in a fixed order: of the first campaign, or others."""
        return [method for method in among if self.seeds(where, method)]
