"""RESULTS.md says what the committed records say, and its verdicts follow from intervals."""

import json
import sys

import numpy as np
import pytest

import mfbench
from mfbench.compare.comparison import Comparison
from mfbench.compare.matrix import power
from mfbench.compare.record import read_records
from mfbench.metrics.statistics import Interval
from mfbench_campaign.folders import CAMPAIGN, PLAN, RESULTS, ROOT
from mfbench_campaign.plan import read_campaign
from mfbench_campaign.records import SECOND_METHODS, Records
from mfbench_campaign.reference.runs import RUNS
from mfbench_campaign.reference.tables import long_table
from mfbench_campaign.report import command
from mfbench_campaign.report.advice import what_to_use
from mfbench_campaign.report.answers.answer import verdict
from mfbench_campaign.report.answers.five import advice_in_words, answers
from mfbench_campaign.report.findings import families_finding, rows_that_beat, start_finding
from mfbench_campaign.report.level_aims import level_aims
from mfbench_campaign.report.level_finding import level_findings
from mfbench_campaign.report.meta_finding import meta_findings
from mfbench_campaign.report.outer_costs import inner_share
from mfbench_campaign.report.public_finding import public_findings
from mfbench_campaign.report.tables import force_ranks, ratios_table


@pytest.fixture(scope="module")
def committed():
    return read_records(CAMPAIGN / "records")


def test_every_text_regenerates_identically(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["results.py", "--check"])
    command.main()


def test_the_result_page_fits_one_screen_and_begins_with_what_to_use():
    lines = (ROOT / "RESULTS.md").read_text().splitlines()
    assert len(lines) <= 150
    assert "What should I use tomorrow?" in "\n".join(lines[:10])


@pytest.mark.parametrize("name", ["cath-mini", "chemistry-mini"])
def test_the_tables_are_what_the_stored_runs_say(name):
    split = mfbench.load_split(name)
    found = json.loads((RESULTS / f"{name}.json").read_text())
    assert {run["data_hash"] for run in found.values()} == {split.manifest.data_hash}
    stored = (RESULTS / f"{name}.md").read_text()
    assert stored == long_table(found, split)
    for run in RUNS[name]:
        assert run.name in found or f"`{run.name}`" in stored.partition("Not run yet:")[2]


def test_the_readmes_part_is_written_between_its_marks_and_nowhere_else():
    start, end = command.MARKS
    text = f"before\n{start}\nold\n{end}\nafter\n"
    assert command.with_part(text, "new") == f"before\n{start}\nnew\n{end}\nafter\n"
    for broken in ("no marks", f"{end} {start}", f"{start} {end} {start}"):
        with pytest.raises(SystemExit, match="needs these two lines"):
            command.with_part(broken, "new")


def test_records_are_of_the_data_that_is_here_and_of_runs_in_the_plan(committed):
    hashes = {name: mfbench.load_split(name).manifest.data_hash for name in {r.split for r in committed}}
    planned = {run.name for run in read_campaign(PLAN).expand()}
    for record in committed:
        assert record.data_hash == hashes[record.split]
        assert record.name in planned
        assert record.fold == "test"


def test_what_was_not_run_is_named(committed):
    text = (ROOT / "docs" / "results" / "open.md").read_text().partition("## Not run")[2]
    ran = {record.name for record in committed}
    for run in read_campaign(PLAN).expand():
        assert (f"`{run.name}`" in text) == (run.name not in ran)


def variant(record, method, factor):
    """The record under another name, its errors times ``factor`` [n families]."""
    errors = {
        m: {"all": {k: (np.array(v) * factor).tolist() for k, v in of["all"].items()}}
        for m, of in record.errors.items()
    }
    return record.model_copy(update={"name": f"cath/{method}/seed0", "method": method, "errors": errors})


def test_a_learner_is_named_only_where_it_beats_both_lines(committed):
    base = next(r for r in committed if r.name == "cath/pretrain/seed0")
    n = len(base.families)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, n))
    lines = [variant(base, "pretrain", np.ones(n)), variant(base, "offset", np.ones(n))]
    for factor, named in ((0.7 * noise, True), (noise / np.exp(np.log(noise).mean()), False)):
        found = rows_that_beat(
            Records([*lines, variant(base, "maml", factor)]), "cath", 50, ("pretrain", "offset")
        )
        assert bool(found) == named
    # Better than one of the lines alone is not enough.
    better_line = [lines[0], variant(base, "offset", np.full(n, 0.5))]
    found = rows_that_beat(
        Records([*better_line, variant(base, "maml", 0.7 * noise)]), "cath", 50, ("pretrain", "offset")
    )
    assert not found


def test_families_mean_something_only_where_a_wrong_family_costs_more_than_in_the_null(committed):
    nothing = Comparison(schema=1, level_of_theory="x", constructions=[], scores=[])
    assert families_finding(Records(committed), nothing).short.startswith(
        "Labels of the family itself help more than those of another family on `chemistry`:"
    )
    own, wrong = (f"chemistry/pretrain/seed0{end}" for end in ("", "/wrong-family"))
    by_name = {r.name: r for r in committed}
    by_name[wrong] = by_name[own].model_copy(update={"name": wrong, "support": "wrong-family"})
    text = families_finding(Records(by_name.values()), nothing).short
    assert text.startswith("Labels of the family itself help more than those of another family on no")


def test_a_trained_start_pays_only_where_random_weights_have_the_larger_error(committed, tmp_path):
    by_name = {r.name: r for r in committed if r.name in ("cath/scratch/seed0", "cath/pretrain/seed0")}
    text = start_finding(Records(by_name.values()), tmp_path).short
    assert "does not show, on `cath`; on those that it shows, nowhere" in text
    by_name["cath/scratch/seed0"] = by_name["cath/pretrain/seed0"].model_copy(
        update={"name": "cath/scratch/seed0", "method": "scratch", "trained": None}
    )
    text = start_finding(Records(by_name.values()), tmp_path).short
    assert "does not show, nowhere; on those that it shows, nowhere" in text


def test_what_to_use_names_as_alike_only_what_a_paired_comparison_does_not_tell_apart(committed):
    base = next(r for r in committed if r.name == "cath/pretrain/seed0")
    n = len(base.families)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.005, n))

    def times(method, factor):
        errors = {
            m: {
                q: {k: (np.array(v) * factor).tolist() for k, v in of["all"].items()}
                for q in ("all", "seen", "unseen")
            }
            for m, of in base.errors.items()
        }
        return base.model_copy(update={"name": f"cath/{method}/seed0", "method": method, "errors": errors})

    text = what_to_use(
        Records(
            [
                times("pretrain", np.ones(n)),
                times("offset", 1.05 * noise),
                times("ridge", noise / np.exp(np.log(noise).mean())),
            ]
        ),
        {"rows": []},
    )
    assert "`offset`" not in text
    assert "not told apart" in text


def test_what_to_use_at_a_level_leaves_controls_out_and_compares_families_in_pairs():
    families = [f"f{i}" for i in range(12)]
    hard = np.random.default_rng(1).uniform(1.0, 3.0, len(families))

    def row(method, errors):
        of = {family: [error] for family, error in zip(families, errors.tolist(), strict=True)}
        found = {"force_rmse": {"seen": of, "unseen": of}}
        return {"level": "pm7", "k": 10, "method": method, "errors_of_families": found}

    wobble = np.where(np.arange(len(families)) % 2, 1.05, 0.96)
    rows = [row("pretrain", hard), row("maml", hard * wobble), row("offset", hard * 1.1)]
    rows += [row("pretrain, wrong-level", hard * 0.5)]
    levels = {"rows": rows, "groups": {"levels": {f: i for i, f in enumerate(families)}}}
    levels["rows"] += [{**r, "k": 40} for r in rows]
    first = what_to_use(Records([]), levels).splitlines()[2]
    assert first.startswith("| `levels`, PM7 | 10 | `pretrain`")
    assert "not told apart: `maml`" in first
    assert "`offset`" not in first


def test_more_seeds_are_no_advantage_in_ranks(committed):
    base = next(r for r in committed if r.name == "cath/pretrain/seed0")
    n = len(base.families)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.02, n))
    better = variant(base, "maml", 0.5 * noise)
    second = better.model_copy(update={"trained": base.trained.model_copy(update={"seed": 1})})
    found = {"pretrain": [base], "maml": [variant(base, "maml", noise), second]}
    assert force_ranks(found) == {"pretrain": 1, "maml": 1}
    assert force_ranks({**found, "maml": [better]}) == {"pretrain": 2, "maml": 1}


def test_the_share_of_inner_passes_is_what_grows_with_them():
    seconds = {n: 2.0 + 0.5 * n for n in (1, 5, 20)}
    assert inner_share(seconds) == pytest.approx(2.5 / 4.5)


def test_what_can_be_shown_depends_on_how_many_families_there_are(committed):
    found = {(p.construction, p.metric): p.ratio for p in power(committed) if p.k == 50}
    for metric in ("energy_rmse", "force_rmse"):
        assert found["chemistry", metric] > found["cath", metric] > 1.0  # 11 families, 27 families


def test_labels_of_a_new_level_help_only_where_the_interval_says_so():
    record = json.loads((RESULTS / "levels.json").read_text())
    assert all("labels help" in finding.short for finding in level_findings(record))
    for gain in record["gains"]:
        gain["force_ratio"] = [1.2, 0.9, 1.5]
    for said in level_findings(record):
        assert "labels do not help" in said.short
        assert "1.20 [0.90, 1.50]" in said.short


def test_the_best_start_leads_a_finding_on_levels():
    record = json.loads((RESULTS / "levels.json").read_text())
    starts = {"pretrain", "multihead", "maml", "fomaml", "cavia"}
    for level, said in zip(("wb97x-d", "pm7"), level_findings(record), strict=True):
        at_10 = {
            row["method"]: row["force_rmse"][0]
            for row in record["rows"]
            if (row["level"], row["k"]) == (level, 10) and row["method"].partition(",")[0] in starts
        }
        assert f"`{min(at_10, key=at_10.get)}`, the best of our starts" in said.short


def test_what_was_not_run_on_a_level_is_named():
    record = json.loads((RESULTS / "levels.json").read_text())
    for level, said in zip(("wb97x-d", "pm7"), level_findings(record), strict=True):
        ran = {row["method"] for row in record["rows"] if row["level"] == level}
        for name in ("scratch", "maml"):
            assert (f"`{name}`" in said.rest.partition("Not run")[2]) == (name not in ran)


def test_five_findings_answer_a_question_each_with_a_figure(committed):
    levels = json.loads((RESULTS / "levels.json").read_text())
    found = answers(Records(committed), levels)
    assert len(found) == 5
    text = (ROOT / "RESULTS.md").read_text()
    for answer in found:
        assert answer.question.endswith("?")
        assert answer.text in text
        assert (ROOT / "docs" / answer.figure).is_file()
        assert f"(docs/{answer.figure})" in text


def test_a_start_that_was_trained_longer_is_compared_within_its_own_campaign(committed):
    """A meta-learner behind a longer start would beat the first campaign's start by training alone."""
    records = Records(committed)
    for where in ("cath", "chemistry"):
        line = ("pretrain, second", "offset, second")
        for row in rows_that_beat(records, where, 10, line, ["fomaml, second"]):
            assert ", second` ÷ it" in row
        table = ratios_table(records, where, SECOND_METHODS)
        for row in table.splitlines()[2:]:
            first, _, second = row.partition("÷")
            assert first.strip(" |`").endswith(", second") == (", second" in second.partition("|")[0])


def test_random_weights_stand_beside_starts_with_the_same_loss_and_as_many_steps(committed):
    records = Records(committed)
    (scratch,) = records.seeds("chemistry", "scratch, second")
    (start,) = records.seeds("chemistry", "pretrain, second", "2000-steps")
    own = {
        "steps",
        "max_steps",
        "adapt",
        "recipe",
    }  # the track names a recipe; every setting of it is given
    shared = [{k: v for k, v in r.options.items() if k not in own} for r in (scratch, start)]
    assert shared[0] == shared[1]
    assert scratch.options["steps"] == start.options["max_steps"] == 2000


@pytest.mark.parametrize(
    ("lo", "hi", "said"), [(1.01, 1.2, "better"), (0.7, 0.99, "worse"), (0.9, 1.1, "not told apart")]
)
def test_a_verdict_of_a_finding_follows_from_its_interval(lo, hi, said):
    assert verdict(Interval((lo + hi) / 2, lo, hi)) == said


def test_advice_follows_the_leader_and_names_a_public_model_only_where_it_is_ahead(committed):
    levels = json.loads((RESULTS / "levels.json").read_text())
    dft, pm7, known = advice_in_words(levels, Records(committed))
    assert "fine-tune a public model (`so3lr, " in dft
    assert "take a start that was trained over levels" in pm7
    assert "take a start that was trained long" in known
    for row in levels["rows"]:
        if row["method"].startswith("so3lr") and row["level"] == "wb97x-d":
            worse = row["errors_of_families"]["force_rmse"]["all"]
            worse |= {family: [9 * e for e in errors] for family, errors in worse.items()}
            row["force_rmse"] = [9 * e for e in row["force_rmse"]]
    assert "take a start that was trained over levels" in advice_in_words(levels, Records(committed))[0]


def test_a_public_model_is_better_only_where_the_interval_excludes_one():
    def row(method, k, forces):
        value = [forces, forces - 0.1, forces + 0.1]
        return {
            "method": method,
            "level": "wb97x-d",
            "k": k,
            "families": 12,
            "seeds": 1,
            "force_rmse": value,
        }

    def beside(method, k, *ratio):
        return {"method": method, "level": "wb97x-d", "k": k, "force_rmse": list(ratio)}

    rows = [row("so3lr", 0, 3.6), row("so3lr", 10, 3.6), row("pretrain", 10, 4.0)]
    rows += [row("so3lr, lora", 10, 2.0), row("so3lr, full", 10, 2.5)]
    ratios = [beside("so3lr", 10, 0.9, 0.8, 1.1), beside("so3lr, lora", 10, 0.5, 0.4, 0.6)]
    ratios += [beside("so3lr, full", 10, 0.6, 0.5, 0.7)]
    (said,) = public_findings({"rows": rows, "ratios": ratios})
    assert "K = 10: not told apart (`so3lr` ÷ `pretrain` 0.90 [0.80, 1.10])" in said.short
    assert "K = 10: better (`so3lr, lora` ÷ `pretrain` 0.50 [0.40, 0.60])" in said.short
    assert public_findings({"rows": rows, "ratios": []}) == []


def test_an_aim_on_levels_is_met_by_its_interval_not_by_its_mean():
    families = [f"f{i}" for i in range(12)]
    group = {f: i for i, f in enumerate(families)}

    def row(level, method, k, factor):
        errors = {family: [factor] for family in families}
        every = {q: errors for q in ("all", "seen", "unseen")}
        found = dict.fromkeys(("energy_rmse", "energy_rmse_within", "force_rmse"), every)
        value = [factor, 0.9 * factor, 1.1 * factor]
        said = {"level": level, "method": method, "k": k, "seeds": 3}
        return {**said, "force_rmse": value, "errors_of_families": found}

    rows = [row("pm7", m, 10, 1.9) for m in ("offset", "multihead", "pretrain")] + [
        row("pm7", "maml", 10, 1.85)
    ]
    gain = {"method": "pretrain", "level": "pm7", "k": 40, "force_ratio": [2.3, 2.1, 2.5]}
    table = level_aims({"rows": rows, "gains": [gain], "groups": {"levels": group}})
    verdicts = {title: verdict for title, _, verdict in table}
    assert (
        next(v for t, v in verdicts.items() if "PM7: forces of" in t)
        == "met, but the interval reaches below"
    )
    assert next(v for t, v in verdicts.items() if "at most 2.0" in t) == "not met"  # 1.85 [1.67, 2.04]
    assert next(v for t, v in verdicts.items() if "PM7: a meta-learner" in t) == "met"
    assert next(v for t, v in verdicts.items() if "PM7: `scratch`" in t) == "–"
    longer = [*rows, row("pm7", "multihead, longer", 10, 1.8)]
    table = level_aims({"rows": longer, "gains": [gain], "groups": {"levels": group}})
    assert next(v for t, _, v in table if "PM7: a meta-learner" in t) == "not met"
    start = {"method": "maml", "phases": [{"name": "maml", "done": 2000, "displacement": 0.1}]}
    record = {"rows": rows, "gains": [gain], "groups": {"levels": group}, "starts": [start]}
    (finding,) = meta_findings(record)
    assert "PM7: yes, `maml` (2,000 outer steps, 3 seeds) has 1.85" in finding.short
    assert finding.rest.startswith("PM7: a ratio of 1.00 would show")
    assert "---" not in finding.short
    assert meta_findings({**record, "rows": rows[:3]}) == []
