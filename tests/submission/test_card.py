"""A card's keys are explained to who writes one, and what is wrong in it is said in words."""

import re
from pathlib import Path

import pytest
import yaml

from mfbench.cli import main
from mfbench.errors import SubmissionError
from mfbench.submission.card import Card, read_card
from mfbench.submission.card_errors import MOST_LINES

PAGE = Path(__file__).parents[2] / "docs" / "submit.md"
SOUND = {"method": "m", "run": {"split": "s", "data_hash": "0" * 64, "ks": [5], "draws": 1}}


def keys_of(schema, node, at=""):
    """(dotted key, whether it is required) of every key of a JSON schema, parts of lists included."""
    for name, below in node["properties"].items():
        yield at + name, name in node.get("required", ())
        for inner in (below, below.get("items", {}), *below.get("anyOf", ()), *below.get("allOf", ())):
            if part := schema["$defs"].get(inner.get("$ref", "").removeprefix("#/$defs/"), {}):
                if "properties" in part:
                    yield from keys_of(schema, part, f"{at}{name}.")


def test_the_page_explains_every_key_of_the_card_and_no_other():
    schema = Card.model_json_schema(by_alias=True)
    wanted = dict(keys_of(schema, schema))
    table = PAGE.read_text().partition("## The card, key by key")[2].partition("\n## ")[0]
    said = {}
    for first, text, who in re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|$", table, re.M):
        for key in re.findall(r"`([\w.]+)`", first):
            assert key not in said, f"{key} is explained twice"
            said[key] = "(required)" in text
            assert set(who.split(", ")) <= {"you", "mfbench", "either"}, key
    assert said == {key: required and key != "run" for key, required in wanted.items()}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"descripton": "x"}, "descripton is no key of a card: is description meant?"),
        ({"hardware": {"core": 2}}, "hardware.core is no key of a card: is cores meant?"),
        ({"training": [{"nme": "x", "name": "x"}]}, "training[0].nme is no key of a card: is name meant?"),
        ({"method": None}, "method must be a text"),
        ({"method": " "}, "method must not be empty"),
        ({"description": "x" * 2001}, "description has more than 2,000 characters"),
        ({"description": "a\x85b"}, "description holds control characters"),
        ({"authors": "A. Chemist"}, "authors must be a list, e.g. [a, b]"),
        ({"paper": "doi.org/1"}, "paper must be an address that begins with http:// or https://"),
        ({"track": "fast"}, "track must be one of closed-form, standard, long, converged, open"),
        ({"parameters": 1.5}, "parameters must be a whole number"),
        ({"weights_sha256": "f00"}, "weights_sha256 must be a SHA-256: 64 digits of 0-9 and a-f"),
        ({"tuning": {}}, "tuning.trials is missing"),
        ({"tuning": 3}, "tuning must hold keys with values"),
        ({"costs": [{"k": 5, "stable_share": 2}]}, "costs[0].stable_share must be at most 1.0"),
        ({"costs": [{"k": 5, "dynamics_ps": 0}]}, "costs[0].dynamics_ps must be more than 0.0"),
        (
            {"costs": [{"k": 5, "adapt_seconds": float("nan")}]},
            "costs[0].adapt_seconds must be a finite number",
        ),
        ({"run": {**SOUND["run"], "ks": []}}, "run.ks must not be empty"),
        ({"run": {**SOUND["run"], "options": {"a": [1]}}}, "run.options.a takes true, false, a number or"),
        (
            {"run": {**SOUND["run"], "selected": {"f": {"5": "1"}}}},
            "run.selected.f.5 must be K/draw, e.g. 10/0",
        ),
    ],
)
def test_a_mistake_is_said_in_words_and_by_its_key(change, line):
    read_card(yaml.safe_dump(SOUND).encode())
    with pytest.raises(SubmissionError) as refused:
        read_card(yaml.safe_dump(SOUND | change).encode())
    (said,) = refused.value.reason.splitlines()
    assert said.removeprefix("submission.yaml: ").startswith(line)


def test_every_wrong_field_has_its_line_in_the_terminal_too(tmp_path, capsys):
    card = SOUND | {"track": "fast", "authors": "A", "code": "x"}
    (tmp_path / "submission.yaml").write_text(yaml.safe_dump(card))
    (tmp_path / "predictions.parquet").write_bytes(b"")
    assert main(["submit", str(tmp_path), "--check"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["code", "track"]
    assert lines[0].startswith("error: card: submission.yaml: authors must")


def test_very_many_mistakes_are_counted():
    card = SOUND | {f"key{i}": 1 for i in range(100)}
    with pytest.raises(SubmissionError) as refused:
        read_card(yaml.safe_dump(card).encode())
    lines = refused.value.reason.splitlines()
    assert len(lines) == MOST_LINES
    assert lines[-1] == f"... and {100 - MOST_LINES + 1} more"
