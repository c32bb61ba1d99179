"""``mfbench submit`` in three visible steps: draft, check, file. Whatever a run recorded fits its card."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import mfbench
from mfbench.cli import main
from mfbench.data.printable_text import printable
from mfbench.errors import ProtocolError, SubmissionError
from mfbench.protocol.protocol import Track
from mfbench.store import open_store
from mfbench.store.open import default_store
from mfbench.submission import check_run, draft_submission
from mfbench.submission.card import read_card, write_card
from mfbench.submission.track import closed_form_advice, on_track

METHOD = '''
import numpy as np
import mfbench


class Nothing:
    """Fails at K = 5 with what its library says."""

    name = "nothing"

    def adapt(self, support, *, budget, seed):
        if len(support) == 5:
            raise RuntimeError(SAYS)
        return self

    def predict(self, configurations):
        return [mfbench.Prediction(0.0, np.zeros((len(c), 3))) for c in configurations]
'''
ANSI = "\x1b[31mout of memory\x1b[0m"
ODD = {
    "colours": ANSI,
    "a link and a title": "\x1b]8;;http://x\x07here\x1b]8;;\x07 \x1b]0;title\x07",
    "newlines and tabs": "first\n\tsecond\r\nthird",
    "zero bytes": "a\x00b\x07c",
    "half a surrogate pair": "file \udcff.dat",
    "right to left": "\u202egnp.exe",
    "huge": "x" * 100_000,
    "no text": "",
    "other scripts": "Ångström 力 💥 \ufeff \ufffe",
    "YAML": "a: [b, *c, !!python/object:os.system",
}


class Says:
    """A method whose errors and name are of its own making."""

    def __init__(self, text, name="says"):
        self.text, self.name = text, name

    def adapt(self, support, *, budget, seed):
        if len(support) == 5:
            raise RuntimeError(self.text)
        return self

    def predict(self, configurations):
        return [mfbench.Prediction(0.0, np.zeros((len(c), 3))) for c in configurations]


@pytest.fixture
def run(maker, tmp_path, monkeypatch):
    """A run of somebody's own method, by its name, in the folder where its module lies."""
    (tmp_path / "mymethods.py").write_text(METHOD.replace("SAYS", repr(ANSI)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mymethods", raising=False)
    monkeypatch.delenv("MFBENCH_STORE", raising=False)
    command = ["evaluate", "-m", "mymethods:Nothing", "-s", "board-chains", "--k", "0,5", "--draws", "1"]
    assert main([*command, "--out", "run"]) == 3
    return tmp_path / "run"


def describe(folder: Path) -> None:
    path = folder / "submission.yaml"
    card = read_card(path.read_bytes()).model_copy(update={"description": "It predicts nothing."})
    path.write_text(write_card(card), encoding="utf-8")


def last_line(capsys) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_draft_then_check_then_file(run, tmp_path, capsys):
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    assert main(["submit", "run", "--draft", "mine"]) == 0
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before
    assert {p.name for p in (tmp_path / "mine").iterdir()} == {"submission.yaml", "predictions.parquet"}
    for step in (["--check"], ["--to", "store"]):
        assert main(["submit", "mine", *step]) == 2
        assert "description is empty" in last_line(capsys)
    assert not list(tmp_path.glob("store/submissions/*"))
    describe(tmp_path / "mine")
    assert main(["submit", "mine", "--check"]) == 0
    assert main(["submit", "mine", "--to", "store"]) == 0
    [name] = open_store(str(tmp_path / "store")).ids()
    assert name.startswith("Nothing-")


def test_a_method_in_closed_form_is_asked_for_its_track_and_needs_no_second_run(run, capsys):
    """Whether a stranger's method takes gradient steps is not to be seen: a line asks."""
    said = ["--description", "It predicts nothing."]
    assert main(["submit", "run", "--draft", "asked", *said]) == 0
    assert "add --track closed-form" in capsys.readouterr().out
    assert main(["submit", "run", "--draft", "mine", "--track", "closed-form", *said]) == 0
    assert "--track" not in capsys.readouterr().out
    card = read_card(Path("mine/submission.yaml").read_bytes())
    assert (card.track, card.run.steps, card.description) == ("closed-form", 0, said[1])
    assert main(["submit", "mine", "--check"]) == 0
    assert main(["submit", "mine", "--check", "--track", "closed-form"]) == 2
    assert "are of --draft" in last_line(capsys)
    assert main(["submit", "run", "--draft", "other", "--track", "fast"]) == 2
    assert "unknown track 'fast'" in last_line(capsys)


def test_what_is_known_to_take_gradient_steps_is_not_filed_as_closed_form(run):
    """Registered methods are known; nobody is asked for those that count gradients, or have no budget."""
    card = check_run(run).card
    steps = card.model_copy(update={"implementation": "pretrain"})
    with pytest.raises(SubmissionError, match="takes gradient steps"):
        on_track(steps, Track.CLOSED_FORM)
    solved = card.model_copy(update={"implementation": "ridge"})
    assert on_track(solved, Track.CLOSED_FORM).run.steps == 0
    counted = [cost.model_copy(update={"gradient_evaluations": 7}) for cost in card.costs]
    spent = solved.model_copy(update={"costs": counted})  # as many force rows as the budget paid for
    with pytest.raises(SubmissionError, match="evaluate again with --track closed-form"):
        on_track(spent, Track.CLOSED_FORM)
    asked = {
        "a stranger's": card,
        "solved": solved,
        "solved, within a budget": spent,
        "steps": steps,
        "counted": card.model_copy(update={"costs": counted}),
        "open": card.model_copy(update={"track": Track.OPEN}),
        "a line of reference": card.model_copy(update={"implementation": "constant"}),
    }
    assert {name: advice.split()[0] for name, c in asked.items() if (advice := closed_form_advice(c))} == {
        "a stranger's": "if",
        "solved": "if",
        "solved, within a budget": "evaluate",
    }


def test_nothing_is_filed_without_a_place_to_file_it(run, tmp_path, capsys):
    main(["submit", "run", "--draft", "mine"])
    describe(tmp_path / "mine")
    tracked = Path(default_store())
    before = {p: p.stat().st_mtime_ns for p in tracked.rglob("*")}
    assert main(["submit", "mine"]) == 2
    assert "--to" in last_line(capsys)
    assert {p: p.stat().st_mtime_ns for p in tracked.rglob("*")} == before


def test_a_draft_overwrites_nothing_and_needs_a_run(run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert main(["submit", "run", "--draft", "mine"]) == 2
    assert "not empty" in last_line(capsys)
    assert main(["submit", "mine", "--draft", "other"]) == 2
    assert "no run" in last_line(capsys)
    assert main(["submit", "run", "--draft", "other", "--check"]) == 2
    assert "give one of them" in last_line(capsys)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_a_method_of_ones_own_is_said_to_have_no_architecture(run):
    card = check_run(run).card
    assert card.method == "Nothing"
    assert (card.arch, card.backend, card.parameters) == (None, None, None)
    assert "arch" not in yaml.safe_load(write_card(card))


def test_terminal_codes_of_a_method_reach_neither_the_record_nor_the_card(run, tmp_path):
    assert "\x1b" not in (run / "results.json").read_text()
    reasons = {row.reason for row in check_run(run).card.failures}
    assert reasons == {"adapt: RuntimeError: out of memory"}


@pytest.fixture(scope="module")
def finished(maker, tmp_path_factory):
    """A run whose episodes at K = 5 failed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    mfbench.evaluate(Says("no"), "board-chains", ks=[0, 5], draws=1, out=folder, seed=-3)
    return folder


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_whatever_a_run_records_fits_its_card(maker, finished, tmp_path, text):
    """As older versions, or other programs, wrote it: nothing made printable."""
    shutil.copytree(finished, tmp_path / "run")
    run = json.loads((finished / "run.json").read_text())
    results = json.loads((finished / "results.json").read_text())
    for row in results["episodes"]:
        row["failure"] = row["failure"] and text
    options = {text or "empty": text, "list": [1, {"a": 2}], "infinite": float("inf")}
    run["request"] |= {"method": text, "options": options}
    run["sessions"][-1] |= {"processor": text, "code": text}
    (tmp_path / "run" / "run.json").write_text(json.dumps(run))
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    checked = draft_submission(tmp_path / "run", tmp_path / "mine")
    card = read_card((tmp_path / "mine" / "submission.yaml").read_bytes())
    assert card == checked.card
    assert len(card.failures) == len(maker.split.test)
    assert all(3 <= len(row.reason) <= 400 for row in card.failures)
    assert card.run.options["list"] == '[1, {"a": 2}]'


@pytest.mark.parametrize("name", [f"{ANSI}\n$x_{{1$", "力" * 1000])
def test_a_run_whose_method_has_an_odd_name_is_written_and_submitted(maker, tmp_path, name):
    found = mfbench.evaluate(Says("no", name), "board-chains", ks=[0], draws=1, out=tmp_path / "run")
    assert len(found.run["method"]) <= 80
    assert (tmp_path / "run" / "rmse_vs_k.png").stat().st_size > 1000
    assert check_run(tmp_path / "run").card.method == printable(name, 80)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_printable_text_is_one_line_that_encodes(text):
    found = printable(text, 60)
    assert len(found) <= 60
    assert found.isprintable() or "\ufeff" in text
    assert found == printable(found, 60)
    found.encode()


def test_characters_that_no_font_has_are_spelled_out():
    assert printable("a\U000bd16b\u200eb") == r"a\U000bd16b\u200eb"


def test_the_words_between_terminal_codes_stay():
    assert printable(ODD["colours"]) == "out of memory"
    assert printable(ODD["a link and a title"]) == "here"
    assert printable(ODD["zero bytes"]) == r"a\x00b\x07c"
    assert printable(ODD["half a surrogate pair"]) == r"file \udcff.dat"


def test_what_no_card_can_hold_is_one_line(finished, tmp_path):
    with pytest.raises(ProtocolError, match="seed"):
        mfbench.evaluate(Says(""), "board-chains", ks=[0], draws=1, seed=2**70)
    shutil.copytree(finished, tmp_path / "run")
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    run["request"]["split"] = "no/such split"
    (tmp_path / "run" / "run.json").write_text(json.dumps(run))
    with pytest.raises(SubmissionError, match=r"of this run, split takes letters"):
        check_run(tmp_path / "run")


def test_a_card_of_a_stranger_with_half_a_surrogate_pair_is_refused(maker):
    files = maker.files()
    text = files["submission.yaml"].decode().replace("Labels with noise.", '"\\ud800"')
    with pytest.raises(SubmissionError, match="card"):
        read_card(text.encode())


def test_a_run_at_one_level_of_theory_is_a_submission_of_its_tasks_and_a_run_of_some_families_is_none(
    tmp_path,
):
    asked = {"ks": [0, 5], "draws": 1}
    mfbench.evaluate("constant", "levels-mini", level="wb97x-d", out=tmp_path / "dft", **asked)
    card = check_run(tmp_path / "dft").card
    assert card.run.level == "wb97x-d"
    assert read_card(write_card(card).encode()).run.level == "wb97x-d"
    some = [task.family_id for task in mfbench.load_split("levels-mini").test if task.level == "wb97x-d"][
        :2
    ]
    mfbench.evaluate("constant", "levels-mini", families=some, out=tmp_path / "some", **asked)
    with pytest.raises(SubmissionError, match="coverage"):
        check_run(tmp_path / "some")
