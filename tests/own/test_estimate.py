"""What error to expect: from the most similar molecules, with intervals that hold for other families."""

import numpy as np
import pytest
from ase.build import molecule
from ase.io import write

import estimate_table
from mfbench.cli import main
from mfbench.errors import DataError
from mfbench.own.estimate import ErrorTable, estimate, load_table, measured_coverage
from mfbench.store import open_store
from mfbench.store.open import default_store
from mfbench.submission.card import Failure, read_card


def test_the_interval_of_the_table_that_ships_covers_what_it_says():
    table = load_table()
    for method, errors in table.errors.items():
        for number, k in enumerate(table.ks):
            for metric in ("force_rmse", "energy_rmse_within"):
                covered, count = measured_coverage(table, method, k, metric)
                assert count == np.isfinite(errors[:, number, 0]).sum()
                assert count == 0 or 0.85 <= covered <= 0.95, (method, k, metric)


def filed(**changes):
    """The card of a filed row that the table is made of, changed."""
    store = open_store(default_store())
    for name in store.ids():
        card = read_card(store.read_files(name)["submission.yaml"])
        if estimate_table.is_read(card):
            run = card.run.model_copy(update={k: v for k, v in changes.items() if k == "selector"})
            others = {k: v for k, v in changes.items() if k != "selector"}
            return card.model_copy(update={"run": run, **others})
    raise AssertionError("no row is filed")


def test_rows_of_chosen_supports_are_not_what_the_table_is_made_of():
    assert estimate_table.is_read(filed())
    assert not estimate_table.is_read(filed(selector="farthest"))


def test_the_table_is_not_made_without_the_episodes_that_failed():
    estimate_table.refuse_failures("row", filed())
    failed = [Failure(family="1.10.8", k=10, draw=0, reason="diverged")]
    with pytest.raises(DataError, match=r"row failed on 1\.10\.8 \(diverged\)"):
        estimate_table.refuse_failures("row", filed(failures=failed))
    estimate_table.refuse_failures("row", filed(failures=[failed[0].model_copy(update={"k": 3})]))


def test_a_molecule_gets_the_errors_of_its_likes():
    """Two kinds of molecules far apart, one ten times as hard."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 40)
    vectors = np.stack([10.0 * kind, rng.normal(size=80)], axis=1)
    errors = np.exp(rng.normal(scale=0.1, size=(80, 1, 2))) * np.where(kind, 10.0, 1.0)[:, None, None]
    names = np.array([f"f{i % 20}" for i in range(80)])
    table = ErrorTable(
        names, np.arange(80).astype(str), vectors, {"m": errors}, (5,), (1,), np.zeros(2), np.eye(2), ""
    )
    easy, hard = (estimate(table, np.array([x, 0.0]))[0] for x in (0.0, 10.0))
    assert 0.8 < easy.value < 1.2
    assert 8 < hard.value < 12
    assert easy.lo < 0.9 < 1.1 < easy.hi < 2
    assert easy.distance < 3 < estimate(table, np.array([60.0, 0.0]))[0].distance


def test_the_command_answers_or_says_that_it_cannot(tmp_path, capsys):
    write(tmp_path / "amide.xyz", molecule("CH3CONH2"))
    assert main(["estimate", str(tmp_path / "amide.xyz")]) == 0
    out = capsys.readouterr().out
    assert "pretrain" in out
    assert "90 % intervals" in out
    write(tmp_path / "silane.xyz", molecule("SiH4"))
    assert main(["estimate", str(tmp_path / "silane.xyz")]) == 2
    assert "no test molecule of the benchmark holds Si" in capsys.readouterr().err
    with pytest.raises(DataError, match="no table of errors"):
        load_table(tmp_path / "absent.npz")
