"""What a dry run of ``mfbench label`` says a file would cost, against what labelling it then costs."""

import numpy as np
import pytest

from mfbench.cli.label import _time
from mfbench.data.configuration import Configuration
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.level import LevelError
from mfbench_tasks.labelling.projection import MORE_SECONDS, MOST_TIMED, project, size_of

START = 20.0


class Machine:
    """Labels take ``seconds(size)`` on its clock; the first one ever also what starting takes."""

    def __init__(self, seconds, fails=None):
        self.seconds, self.fails, self.now, self.labelled = seconds, fails, 3.0, []

    def label(self, c):
        self.now += self.seconds(size_of(c)) + (0.0 if self.labelled else START)
        self.labelled.append(c.config_id)
        return Entry(c.config_id, None, None, "no SCF" if c.config_id == self.fails else "")

    def project(self, configurations):
        return project(configurations, None, label=self.label, clock=lambda: self.now)

    def cost(self, configurations):
        """What a run in one new process takes, which has read the file in the first three seconds."""
        return 3.0 + START + sum(self.seconds(size_of(c)) for c in configurations)


def alkanes(lengths):
    found = []
    for i, n in enumerate(lengths):
        numbers = np.array([6] * n + [1] * (2 * n + 2), dtype=np.int32)
        found.append(Configuration(numbers, np.zeros((len(numbers), 3)), config_id=str(i)))
    return found


def test_size_goes_like_basis_functions():
    gto = pytest.importorskip("pyscf.gto")
    molecules = alkanes([1, 12])
    in_tzvp = [31 * n + 6 * (2 * n + 2) for n in (1, 12)]
    carbon, hydrogen = (gto.M(atom=a, basis="def2-tzvp", spin=None).nao for a in ("C 0 0 0", "H 0 0 0"))
    assert (carbon, hydrogen) == (31, 6)
    ratio = size_of(molecules[1]) / size_of(molecules[0])
    assert ratio == pytest.approx(in_tzvp[1] / in_tzvp[0], rel=0.02)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.6, 4.0])
def test_a_cost_that_is_a_power_of_the_size_is_projected_exactly(power):
    """Start-up included, which is most of it where labels are cheap."""
    molecules = alkanes([*range(1, 30)] * 3)
    machine = Machine(lambda size: (size / 200) ** power)
    found = machine.project(molecules)
    assert found.core_seconds == pytest.approx(machine.cost(molecules), rel=1e-3)
    assert found.start_up == pytest.approx(3.0 + START, rel=1e-3)
    assert found.bounds[0] <= found.core_seconds * (1 + 1e-9)
    assert found.core_seconds <= found.bounds[1] * (1 + 1e-9)
    assert found.timed == MOST_TIMED


def test_the_range_holds_any_cost_that_grows_with_size():
    """A step between two sizes, as where a faster algorithm ends: no power law, and within the range."""
    molecules = alkanes([*range(1, 40)])
    for step in range(10, 280, 30):
        machine = Machine(lambda size, step=step: 0.1 if size < step else 2.0)
        low, high = machine.project(molecules).bounds
        assert low - 1e-9 <= machine.cost(molecules) <= high + 1e-9


def test_frames_of_one_molecule_differ_as_those_do_that_were_timed():
    molecules = alkanes([5] * 30)
    times = {c.config_id: 1.0 + 0.1 * (i % 7) for i, c in enumerate(molecules)}
    machine = Machine(None)

    def label(c):
        machine.now += times[c.config_id]
        machine.labelled.append(c.config_id)
        return Entry(c.config_id, None, None, "")

    machine.label = label
    found = machine.project(molecules)
    assert found.bounds[0] < sum(times.values()) < found.bounds[1] + 3.0


def test_dear_labels_are_timed_at_both_ends_alone():
    molecules = alkanes([1, 2, 3, 4, 5])
    machine = Machine(lambda size: MORE_SECONDS * size)
    assert machine.project(molecules).timed == 2
    assert machine.labelled == ["0", "0", "4"]


def test_one_that_has_no_label_is_named():
    machine = Machine(lambda size: 1.0, fails="4")
    with pytest.raises(LevelError, match="structure 4 was to be timed and has no label: no SCF"):
        machine.project(alkanes([1, 2, 3, 4, 5]))


def test_times_are_read_at_a_glance():
    assert [_time(s) for s in (0.0123, 1.0, 119.0, 121.0, 7300.0, 7.2e6)] == [
        "0.012 s", "1 s", "120 s", "2 min", "2 h", "2,000 h",
    ]  # fmt: skip
