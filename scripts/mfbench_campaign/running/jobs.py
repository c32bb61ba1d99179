"""Jobs that several processes share: each is done once, and whoever starts later goes on."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.work.lock import claimed

__all__ = ["Job", "run_jobs"]


@dataclass(frozen=True)
class Job:
    """Something that makes one file.

    Attributes:
        name: shown, and that of its lock.
        product: a file whose presence means that it is done.
        needs: files that it starts from.
        do: makes the product.
    """

    name: str
    product: Path
    needs: tuple[Path, ...]
    do: Callable[[], None]

    @property
    def done(self) -> bool:
        """Whether the product is there."""
        return self.product.is_file()

    @property
    def ready(self) -> bool:
        """Whether everything that it needs is there."""
        return all(path.is_file() for path in self.needs)


def run_jobs(jobs: Sequence[Job], locks: Path) -> list[str]:
    """Do what can be done; returns the names of jobs that failed. Other processes may do the same.

    A failed job is named with its traceback and tried again in the next session.
    """
    failed: list[str] = []
    while True:
        left = [u for u in jobs if not u.done and u.name not in failed]
        moved = waiting = False
        for job in left:
            if not job.ready:
                continue
            with claimed(locks / f"{job.name.replace('/', '~')}.lock") as mine:
                if not mine:
                    waiting = True
                    continue
                if job.done:
                    continue
                _do(job, failed)
                moved = True
                break
        if not left or not (moved or waiting):
            return failed
        if not moved:
            time.sleep(3.0)


def _do(job: Job, failed: list[str]) -> None:
    began = time.monotonic()
    print(f"{time.strftime('%H:%M:%S')}  {job.name}", flush=True)
    try:
        job.do()
        print(f"{time.strftime('%H:%M:%S')}  {job.name}: {time.monotonic() - began:.0f} s", flush=True)
    except Exception:  # one failure must not end hours of other work
        traceback.print_exc()
        failed.append(job.name)
