"""A labelling run that is killed loses nothing that was finished, and labels nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from mfbench.errors import DataError
from mfbench_tasks.labelling.label_journal import Entry, LabelJournal

FORCES = np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]])


def test_what_was_added_is_read_back_bit_by_bit(tmp_path):
    LabelJournal(tmp_path, "d").add(Entry("a/1", -1.25, FORCES, "", 3.5), Entry("b", None, None, "no SCF"))
    entries = LabelJournal(tmp_path, "d").entries()
    assert entries["a/1"].energy == -1.25
    np.testing.assert_array_equal(entries["a/1"].forces, FORCES)
    assert entries["b"].failure == "no SCF"


def test_a_torn_last_line_is_not_a_label_and_harms_no_later_one(tmp_path):
    LabelJournal(tmp_path, "d").add(Entry("a", -1.0, FORCES))
    part = tmp_path / "labels-0000.jsonl"
    part.write_bytes(part.read_bytes() + b'{"key": "b", "energy": -2.0, "forc')
    journal = LabelJournal(tmp_path, "d")
    assert list(journal.entries()) == ["a"]
    journal.add(Entry("b", -2.0, FORCES))
    assert set(LabelJournal(tmp_path, "d").entries()) == {"a", "b"}


def test_the_journal_of_other_inputs_is_refused(tmp_path):
    LabelJournal(tmp_path, "d").add(Entry("a", -1.0, FORCES))
    with pytest.raises(DataError, match="another level or input"):
        LabelJournal(tmp_path, "other")
    with pytest.raises(DataError, match="--resume"):
        LabelJournal(tmp_path, "d", resume=False)


def test_an_item_is_claimed_by_one_process_at_a_time(tmp_path):
    one, two = LabelJournal(tmp_path, "d"), LabelJournal(tmp_path, "d")
    with one.claim("x") as mine, two.claim("x") as yours, two.claim("y") as other:
        assert (mine, yours, other) == (True, False, True)
    with two.claim("x") as mine:
        assert mine


SLOW = """
import time
from ase.calculators.lj import LennardJones
class Slow(LennardJones):
    def calculate(self, *args, **kwargs):
        time.sleep(0.03)
        open(LOG, "a").write(f"{float(self.atoms.positions[1, 2] if self.atoms else args[0].positions[1, 2]):.4f}\\n")
        super().calculate(*args, **kwargs)
"""


@pytest.mark.parametrize("kills", [2])
def test_a_run_killed_with_signal_9_resumes_without_a_lost_or_repeated_label(tmp_path, kills):
    pytest.importorskip("ase")
    from ase import Atoms
    from ase.io import read, write

    log, out = tmp_path / "log", tmp_path / "out.xyz"
    (tmp_path / "slow_level.py").write_text(f"LOG = {str(log)!r}\n" + SLOW)
    frames = [Atoms("Ar2", [[0, 0, 0], [0, 0, 1.0 + 0.01 * i]]) for i in range(30)]
    write(tmp_path / "in.xyz", frames)
    command = [sys.executable, "-m", "mfbench", "label", "in.xyz", "--level", "slow_level:Slow"]
    command += ["--out", "out.xyz", "--resume"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    journal = tmp_path / "out.xyz.journal"

    def finished():
        lines = [line for part in journal.glob("labels-*.jsonl") for line in part.read_bytes().splitlines()]
        return len(lines)

    for kill in range(kills):
        run = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True)
        deadline = time.monotonic() + 120
        while finished() < 6 * (kill + 1) and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not out.exists()
    before = finished()
    assert before >= 6 * kills
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    labelled = [a.get_potential_energy() for a in read(out, ":")]
    assert len(labelled) == 30
    assert np.isfinite(labelled).all()
    keys = Counter(
        json.loads(line)["key"]
        for part in journal.glob("labels-*.jsonl")
        for line in part.read_bytes().splitlines()
        if line.endswith(b"}")
    )
    assert set(keys) == {str(i) for i in range(30)}
    assert set(keys.values()) == {1}
    # What was in flight when the process died is computed again: at most one per process.
    computed = Counter(log.read_text().split())
    assert len(computed) == 30
    assert sum(computed.values()) <= 30 + 3 * kills
