"""What a build hands to a worker, and what comes back: any kind of fragment may be made this way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from mfbench_tasks.recipes.recipe import Gates, Sampling
from mfbench_tasks.sampling.label_trajectory import LabelledFragment

__all__ = ["Job", "JobSettings", "Outcome"]


@dataclass(eq=False)
class Outcome:
    """What became of a job: the accepted fragment (None if all candidates failed), rejections, cost.

    Attributes:
        job: its name.
        rejections: rows of the build report: slot, fragment, kind, motif, gate and reason.
    """

    job: str
    family_id: str
    number: int
    heldout: bool
    labelled: LabelledFragment | None
    rejections: list[dict[str, Any]]
    wall_seconds: float
    cpu_seconds: float

    @property
    def accepted(self) -> LabelledFragment:
        """The accepted fragment, where there is one.

        Raises:
            ValueError: all candidates failed.
        """
        if self.labelled is None:
            raise ValueError(f"no candidate of {self.job} passed every gate")
        return self.labelled


class JobSettings(Protocol):
    """What a job needs of a recipe."""

    @property
    def seed(self) -> int:
        """Of all random streams."""

    @property
    def sampling(self) -> Sampling:
        """How configurations are made."""

    @property
    def gates(self) -> Gates:
        """What they must pass."""


class Job(Protocol):
    """One fragment to be made. It says itself how: a build knows no kind of job.

    Attributes:
        family_id, number: family or group, and which of its fragments.
        heldout: whether the fragment is held out of the support.
    """

    @property
    def family_id(self) -> str: ...  # noqa: D102

    @property
    def number(self) -> int: ...  # noqa: D102

    @property
    def heldout(self) -> bool: ...  # noqa: D102

    @property
    def name(self) -> str:
        """Names the job in the journal."""

    @property
    def atoms(self) -> int:
        """How large the fragment is: large ones go first."""

    def run(self, settings: JobSettings) -> Outcome:
        """Make the fragment; runs in a worker, and depends on the job and the settings alone."""
