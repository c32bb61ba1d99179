"""A campaign's runs are filed whole, as compact rows that anybody can run again."""

import mfbench
from mfbench.store import open_store, read_store
from mfbench.store.rerun import rerun
from mfbench_campaign.filing.descriptions import description
from mfbench_campaign.filing.file_row import file_row


def test_a_finished_run_becomes_a_compact_row_with_its_scores(maker, tmp_path):
    run, store = tmp_path / "run", open_store(tmp_path / "store")
    results = mfbench.evaluate("random", "board-chains", ks=[0, 5], draws=2, out=run)
    text = file_row(run, store.url, {"description": "A coin.", "authors": ["us"]})
    (name,) = store.ids()
    assert text == f"{name}  filed"
    summary = read_store(store).summaries[name]
    assert summary.compact
    assert summary.card.description == "A coin."
    checked, _, _ = store.recompute(name)
    for k in (0, 5):
        kept = checked.results.value("force_rmse", k)
        assert abs(kept - results.value("force_rmse", k)) < 1e-3 * kept
    assert rerun(store, name, checked).reproduced


def test_descriptions_say_how_many_steps_adapt():
    assert description("maml", "mace", 2000).endswith("then 2,000 steps.")
    assert "NequIP" in description("pretrain", "nequip", 20)
