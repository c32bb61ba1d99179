"""Water explored with real xTB labels, killed with SIGKILL: it goes on, and no label is made twice."""

import json
import signal
import subprocess
import sys
import time

import ase.io
import numpy as np
import pytest
from ase.build import molecule

from mfbench.cli import main
from mfbench.own.model import load_model

pytest.importorskip("torch")
pytest.importorskip("tblite")


def test_a_killed_expedition_goes_on_and_labels_nothing_twice(tmp_path):
    ase.io.write(tmp_path / "water.xyz", molecule("H2O"))
    out = tmp_path / "found"
    words = ["active", str(tmp_path / "water.xyz"), "--explore", "--level", "gfn2", "--out", str(out)]
    words += ["--budget", "3", "--threshold", "0.001", "--ps", "0.05", "--steps", "5"]
    words += ["--backend", "torch"]
    call = "import sys; from mfbench.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", call, *words]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    first = out / "journal" / "first-label-000.json"
    while not first.is_file():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 1 <= len(list((out / "journal").glob("*label*.json"))) < 3
    marked = json.loads(first.read_text())
    marked["energy"] += 1.0  # no level says so: a label that was made again would not
    first.write_text(json.dumps(marked))
    assert main(words) == 2, "a journal is gone on with only where that is asked for"
    assert main([*words, "--resume"]) == 0
    found = ase.io.read(out / "labelled.xyz", ":")
    assert len(found) == 3
    assert found[0].get_potential_energy() == pytest.approx(marked["energy"])
    assert np.abs(found[1].positions - found[0].positions).max() > 1e-3
    record = json.loads((out / "active.json").read_text())
    assert record["reason"] == "budget"
    assert record["rounds"][0]["force_rmse"] > 0
    assert load_model(out).card["selector"] == "explore"
