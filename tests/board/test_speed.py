"""A thousand submissions: the board stays within twice its bounds (scripts/bench_board.py states them)."""

import pytest

pytest.importorskip("streamlit")


def test_a_thousand_submissions_within_twice_the_bounds():
    from benchmarks import board as bench

    found = bench.measure(1000)
    assert found["submissions"] == 1000
    for name, bound in bench.BOUNDS.items():
        # Processor time where there is one: other tests share the cores, and waiting for them is not ours.
        assert found.get(f"{name}_cpu", found[name]) <= 2 * bound, found
