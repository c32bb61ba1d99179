"""scratch beside mace_run_train: the same labels for both, in pieces, and ratios of what both have run."""

import json

import numpy as np
import pytest

import mfbench
from benchmarks import scratch_peer as peer
from mfbench.protocol.energy_baseline import fit_baseline


def test_molecules_are_fragments_of_different_families():
    split = mfbench.load_split("levels-mini")
    found = peer.molecules_of([split, split], 3, 5, 0)
    assert len(found) == 3
    assert found[0].name == found[1].name != found[2].name  # in turn
    for molecule in found:
        assert len(molecule.support) == 5
        assert {c.fragment_id for c in (*molecule.support, *molecule.query)} == {
            molecule.name.split("/")[-1]
        }
        assert not {c.trajectory_id for c in molecule.support} & {c.trajectory_id for c in molecule.query}


def test_both_learn_centred_energies():
    split = mfbench.load_split("levels-mini")
    molecule = peer.molecules_of([split], 1, 5, 0)[0]
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    support, query = peer.centred(list(molecule.support), list(molecule.query), baseline)
    assert sum(c.energy for c in support) == pytest.approx(0.0, abs=1e-6)
    assert np.ptp([c.energy for c in query]) == pytest.approx(np.ptp([c.energy for c in molecule.query]))
    np.testing.assert_array_equal(query[0].forces, molecule.query[0].forces)
    true = [c.energy for c in query]
    assert peer.errors(np.array(true) + 3.0, [c.forces for c in query], query)["energy_rmse_within"] == 0.0


def test_a_record_in_pieces(tmp_path, monkeypatch):
    asked = []

    def run(error):
        def made(split, support, query, steps, seed):
            asked.append((len(support), steps))
            return {"force_rmse": error, "energy_rmse_within": 2 * error, "gradients": 1}

        return made

    monkeypatch.setattr(peer, "ours", run(1.0))
    monkeypatch.setattr(peer, "theirs", run(2.0))
    path = tmp_path / "record.json"
    call = [
        "--splits",
        "levels-mini",
        "--molecules",
        "2",
        "--ks",
        "3,5",
        "--steps",
        "7",
        "--json",
        str(path),
    ]
    assert peer.main([*call, "--minutes", "-1"]) == 3
    assert peer.main(call) == 0
    assert peer.main(call) == 0
    assert asked == [(3, 7), (3, 7), (5, 7), (5, 7)] * 2  # each once
    record = json.loads(path.read_text())
    assert len(record["rows"]) == 8
    assert record["ratios"]["force_rmse@5"] == 0.5
