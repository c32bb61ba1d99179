"""A campaign's runs are filed whole, as compact rows that anybody can run again."""

import json

import mfbench
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.store import open_store, read_store
from mfbench.store.rerun import rerun
from mfbench_campaign.filing.descriptions import description
from mfbench_campaign.filing.file_row import file_row
from mfbench_campaign.filing.file_run import tuning_of
from mfbench_campaign.filing.finished_runs import card_of
from mfbench_campaign.folders import CAMPAIGN, PLAN, RUNS, STORE
from mfbench_campaign.plan import read_campaign
from mfbench_campaign.run_table.runs import Run
from mfbench_campaign.running.campaign_jobs import CampaignFolders


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


def test_a_finished_run_is_described_by_what_it_went_through():
    asked = {
        "method": "so3lr",
        "arch": None,
        "options": {"strategy": "lora"},
        "split": "levels",
        "support": "own",
        "track": "standard",
    }
    asked["budget"] = {"steps": 20, "batch": 16}
    run = Run({"request": asked, "card": {"strategy": {"strategy": "lora", "moving": 50_113}}}, [], None)
    card = card_of(run)
    assert card["method"] == "so3lr, lora"
    assert "Fine-tuned on the support: strategy lora, 50,113 numbers move." in card["description"]
    assert "tuning" not in card
    phases = [
        {"name": "joint", "done": 75_000},
        {"name": "multihead", "done": 46_000},
        {"name": "fomaml", "done": 2000},
    ]
    asked |= {"method": "fomaml", "arch": "mace", "options": {}}
    card = card_of(Run({"request": asked, "card": {"phases": phases}}, [], None))
    assert card["method"] == "fomaml, behind multihead"
    assert card["description"].endswith(
        "Steps of training before: joint 75,000, multihead 46,000, fomaml 2,000."
    )
    asked |= {"method": "pretrain"}
    assert card_of(Run({"request": asked, "card": {}}, [], None))["tuning"].trials == 12


def test_a_card_says_where_its_recipe_was_searched():
    campaign = read_campaign(PLAN)
    folders = CampaignFolders(campaign, RUNS, CAMPAIGN)
    cards = {run.name: tuning_of(folders, run) for run in campaign.expand()}
    own = cards["chemistry/scratch/seed0/second"]
    assert (own.trials, own.note) == (6, "Validation families of levels-mini, for scratch.")
    assert cards["chemistry/pretrain/seed0/second"].note == "Validation families of the mini split."
    assert cards["chemistry/maml/seed0"].note == "Validation families."
    rows = read_store(open_store(str(STORE))).summaries.values()
    for name in ("chemistry/scratch/seed0/second", "chemistry/pretrain/seed0/second/2000-steps"):
        (filed,) = (row.card for row in rows if f"Campaign run {name}: " in row.card.description)
        assert filed.tuning == cards[name]
    searched = json.loads((EMBEDDED / "levels-mini" / "tuning.json").read_text())["mace-scratch"]["chosen"]
    (block,) = (block for block in campaign.runs if block.block == "second-scratch")
    assert block.options.items() <= searched.items()
