"""Where work runs never changes what comes out of it."""

import os
import sys
from pathlib import Path

import pytest

from mfbench.errors import MfbenchError, ProtocolError
from mfbench.work.executor import Here, Processes
from mfbench.work.open_executor import open_executor

# Worker processes import what they run: by its own name, from this folder.
sys.path.insert(0, str(Path(__file__).parent))
from units_of_work import Counter, broken, count, die, first, norm, square


def test_here_is_lazy_and_makes_its_setup_once():
    with Here(Counter) as executor:
        results = executor.run(count, ["a", "b", "c"])
        assert next(results)[1][:2] == ("a", 1)
        assert executor.call(count, "x")[1] == 2  # not 4: the others have not run
        assert [calls for _, (_, calls, *_) in results] == [3, 4]


def test_processes_give_the_numbers_of_one_process_in_the_order_of_the_units():
    with Here() as here:
        expected = list(here.map(norm, range(9)))
    before = dict(os.environ)
    with Processes(2) as executor:
        assert list(executor.map(norm, range(9))) == expected
        assert dict(sorted((place, r) for place, r in executor.run(norm, range(9)))) == dict(
            enumerate(expected)
        )
    assert dict(os.environ) == before


def test_every_process_makes_the_setup_once_and_has_one_thread():
    with Processes(1, Counter) as executor:
        found = [result for _, result in executor.run(count, range(5))]
    assert sorted(calls for _, calls, *_ in found) == [1, 2, 3, 4, 5]
    assert {(pid != os.getpid(), threads) for *_, pid, threads in found} == {(True, "1")}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_unit_raises_ends_the_work_and_what_came_before_is_kept(workers):
    kept = []
    with open_executor(workers) as executor, pytest.raises(MfbenchError, match="three is refused"):
        kept.extend(result for _, result in executor.run(square, [1, 2, 3, 4, 5, 6, 7, 8, 9]))
    assert set(kept) <= {1, 4, 16, 25, 36, 49}
    assert len(kept) < 8


def test_a_worker_that_dies_and_a_setup_that_fails_are_one_line():
    with pytest.raises(MfbenchError, match="a worker process died .*--resume"), Processes(1) as executor:
        list(executor.run(die, [1]))
    with pytest.raises(ProtocolError, match="it cannot be made"), Processes(1, broken) as executor:
        executor.call(first)
    with pytest.raises(ProtocolError, match="--workers takes a number of processes, not 0"):
        open_executor(0)
