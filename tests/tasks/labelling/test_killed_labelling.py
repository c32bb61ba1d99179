"""A labelling run that is killed loses nothing that was finished, and labels nothing twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from mfbench.work.journal import open_journal
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry, encode_entry
from mfbench_tasks.labelling.run_queue import run_queue

pytest.importorskip("ase")

STRUCTURES, KILLS = 30, 2
SLOW = """
import time
from ase.calculators.lj import LennardJones
class Slow(LennardJones):
    def calculate(self, atoms=None, *args, **kwargs):
        time.sleep(0.03)
        with open(LOG, "a") as log:
            log.write(f"{atoms.positions[1, 2]:.4f}\\n")
        super().calculate(atoms, *args, **kwargs)
"""


def test_an_entry_is_read_back_bit_by_bit():
    forces = np.random.default_rng(0).normal(size=(3, 3))
    entry = decode_entry(encode_entry(Entry("a/1", -1.1, forces, "", 3.5)))
    assert (entry.key, entry.energy, entry.seconds) == ("a/1", -1.1, 3.5)
    np.testing.assert_array_equal(entry.forces, forces)
    assert decode_entry(encode_entry(Entry("b", None, None, "no SCF"))).failure == "no SCF"


@pytest.fixture
def slow(tmp_path):
    """A level of 30 ms per label that notes what it computes, 30 structures, and how to label them."""
    from ase import Atoms
    from ase.io import write

    log = tmp_path / "log"
    (tmp_path / "slow_level.py").write_text(f"LOG = {str(log)!r}\n{SLOW}")
    write(tmp_path / "in.xyz", [Atoms("Ar2", [[0, 0, 0], [0, 0, 3 + 0.01 * i]]) for i in range(STRUCTURES)])
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    arguments = ["label", "in.xyz", "--level", "slow_level:Slow", "--out", "out.xyz", "--resume"]
    command = [sys.executable, "-m", "mfbench", *arguments]
    return command, {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": path}}, log


def test_a_run_killed_with_signal_9_resumes_without_a_lost_or_repeated_label(slow, tmp_path):
    from ase.io import read

    command, place, log = slow
    journal, out = tmp_path / "out.xyz.journal", tmp_path / "out.xyz"
    for kill in range(1, KILLS + 1):
        run = subprocess.Popen(command, **place)
        deadline = time.monotonic() + 300
        while len(list(journal.glob(f"*{SUFFIX}"))) < 6 * kill and time.monotonic() < deadline:
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not out.exists()
    subprocess.run(command, check=True, **place)
    assert len(read(out, ":")) == STRUCTURES
    assert all(np.isfinite(atoms.get_potential_energy()) for atoms in read(out, ":"))
    # Only what had not reached the journal when the process died is computed again.
    computed = Counter(log.read_text().split())
    assert len(computed) == STRUCTURES
    assert sum(computed.values()) <= STRUCTURES + 4 * KILLS
    assert not journal.exists()


def test_two_processes_on_one_queue_share_it(tmp_path, monkeypatch):
    from mfbench.data.configuration import Configuration
    from mfbench_tasks.labelling.registry import find_level

    level = find_level("ase.calculators.lj:LennardJones")
    queue = [
        Configuration(np.array([18, 18]), np.array([[0, 0, 0], [0, 0, 3 + 0.1 * i]]), config_id=str(i))
        for i in range(6)
    ]
    request = {"level": "lj"}
    done = []
    with (
        open_journal(tmp_path, request, resume=True, shared=True, suffix=SUFFIX) as one,
        open_journal(tmp_path, request, resume=True, shared=True, suffix=SUFFIX) as two,
    ):
        with two.claim("0"):  # another process is at the first one
            run_queue(level, queue, one, report=lambda e: done.append(("one", e.key)))
        run_queue(level, queue, two, report=lambda e: done.append(("two", e.key)))
        assert set(two.read(decode_entry)) == {str(i) for i in range(6)}
    assert done == [*(("one", str(i)) for i in range(1, 6)), ("two", "0")]


def test_a_dask_cluster_labels_what_a_killed_run_left(tmp_path, cluster, monkeypatch):
    """Half of the structures first in this process, the rest on a cluster of one worker."""
    pytest.importorskip("distributed")
    from ase import Atoms
    from ase.io import read, write

    from mfbench.cli import main
    from mfbench_tasks.labelling.entry import encode_entry
    from mfbench_tasks.labelling.label_file import structures_digest
    from mfbench_tasks.labelling.read_structures import read_structures
    from mfbench_tasks.labelling.registry import find_level
    from mfbench_tasks.labelling.run_queue import label_one, level_request

    frames = [Atoms("Ar2", [[0, 0, 0], [0, 0, 3 + 0.1 * i]]) for i in range(6)]
    write(tmp_path / "in.xyz", frames)
    command = ["label", str(tmp_path / "in.xyz"), "--level", "ase.calculators.lj:LennardJones"]
    command += ["--out", str(tmp_path / "out.xyz")]
    assert main(command) == 0
    here = [atoms.get_potential_energy() for atoms in read(tmp_path / "out.xyz", ":")]
    level = find_level("ase.calculators.lj:LennardJones")
    structures = read_structures(tmp_path / "in.xyz")
    request = level_request(level, structures_digest(structures))
    (tmp_path / "out.xyz").unlink()
    with open_journal(tmp_path / "out.xyz.journal", request, resume=False, suffix=SUFFIX) as journal:
        for c in structures[:3]:
            journal.add(c.config_id, encode_entry(label_one(level, c)))
    cluster.worker("one")
    assert main([*command, "--resume", "--scheduler", cluster.address]) == 0
    assert [atoms.get_potential_energy() for atoms in read(tmp_path / "out.xyz", ":")] == here
