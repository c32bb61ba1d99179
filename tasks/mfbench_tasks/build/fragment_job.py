"""The usual job: candidates cut from structures, of which the first that passes every gate is taken."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mfbench_tasks.build.job import JobSettings, Outcome
from mfbench_tasks.build.make_fragment import make_fragment
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.sampling.gates import Rejection

__all__ = ["FragmentJob"]


@dataclass(frozen=True, eq=False)
class FragmentJob:
    """One fragment of a family: the first of ``candidates`` that passes all gates becomes it.

    In a pool, ``family_id`` names the job's group.
    ``rejections`` lists what could not even be cut, with its reason, for the build report.
    """

    family_id: str
    number: int
    heldout: bool
    candidates: tuple[Fragment, ...]
    rejections: tuple[dict[str, str], ...] = ()

    @property
    def name(self) -> str:
        """``<family>-<number>``: names the job's file in the journal."""
        return f"{self.family_id}-{self.number}"

    @property
    def atoms(self) -> int:
        """Of the candidate that is tried first; 0 where there is none."""
        return len(self.candidates[0]) if self.candidates else 0

    def run(self, settings: JobSettings) -> Outcome:
        """Try the candidates in order; the first that passes every gate is taken.

        The outcome depends on the job and the settings alone, not on the worker or on other jobs.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        rejections, labelled = list(self.rejections), None
        for fragment in self.candidates:
            try:
                labelled = make_fragment(fragment, settings, self.family_id, heldout=self.heldout)
                break
            except Rejection as rejection:
                rejections.append(
                    {
                        "slot": self.name,
                        "fragment": id_in_family(fragment, self.family_id),
                        "kind": fragment.kind,
                        "motif": fragment.motif,
                        "gate": rejection.gate,
                        "reason": rejection.reason,
                    }
                )
        return Outcome(
            job=self.name,
            family_id=self.family_id,
            number=self.number,
            heldout=self.heldout,
            labelled=labelled,
            rejections=rejections,
            wall_seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu,
        )
