"""What the tests of executors run in worker processes."""

import os

import numpy as np

from mfbench.errors import MfbenchError, ProtocolError


class Counter:
    """A setup's result: says how many calls it has seen."""

    def __init__(self):
        self.calls = 0


def count(counter, unit):
    counter.calls += 1
    return unit, counter.calls, os.getpid(), os.environ.get("OMP_NUM_THREADS")


def square(unit):
    if unit == 3:
        raise MfbenchError("three is refused")
    return unit**2


def norm(unit):
    return float(np.linalg.norm(np.random.default_rng(unit).normal(size=50)))


def die(unit):
    os._exit(9)


def broken():
    raise ProtocolError("it cannot be made")


def first(state, *arguments):
    return state
