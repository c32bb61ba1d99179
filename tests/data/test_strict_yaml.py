"""One reader for all YAML: a key given twice is refused wherever it stands, whoever wrote the file."""

from pathlib import Path

import pytest

from mfbench.cli.options import parse_options
from mfbench.data.strict_yaml import dump_yaml, parse_yaml, read_yaml
from mfbench.errors import DataError, ProtocolError, SubmissionError
from mfbench.submission.card import read_card

ROOT = Path(__file__).parents[2]
TWICE = "name: a\nplan:\n  - seed: 1\n    other: 2\n    seed: 3\n"


def test_a_key_given_twice_is_refused_with_its_line(tmp_path):
    (tmp_path / "own.yaml").write_text(TWICE)
    for read in (lambda: parse_yaml(TWICE.encode(), "x"), lambda: read_yaml(tmp_path / "own.yaml")):
        with pytest.raises(DataError, match="line 5: a key is given twice: 'seed'"):
            read()
    with pytest.raises(SubmissionError, match="a key is given twice: 'method'"):
        read_card(b"method: a\nmethod: b\n")
    with pytest.raises(ProtocolError, match="--option rate is given twice"):
        parse_options(["rate=0.1", "steps=3", "rate=0.2"])


def test_what_is_written_is_read_back_and_odd_words_stay_text():
    value = {"date": "2024-01-01", "no": False, "<<": "text", "deep": [{"a": [1, 2.5, None]}]}
    assert parse_yaml(dump_yaml(value).encode(), "x") == value
    assert parse_yaml(b"day: 2024-01-01", "x") == {"day": "2024-01-01"}


def test_aliases_are_for_our_own_files_only(tmp_path):
    text = "a: &x [1]\nb: *x\n"
    (tmp_path / "own.yaml").write_text(text)
    assert read_yaml(tmp_path / "own.yaml") == {"a": [1], "b": [1]}
    with pytest.raises(DataError, match="aliases"):
        parse_yaml(text.encode(), "x")


def test_a_merge_key_of_our_own_files_takes_over_what_is_not_given_again(tmp_path):
    (tmp_path / "own.yaml").write_text("a: &x {rate: 1, steps: 2}\nb:\n  <<: *x\n  rate: 3\n")
    assert read_yaml(tmp_path / "own.yaml")["b"] == {"rate": 3, "steps": 2}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"a: !!python/object:os.system x", b"[" * 3000])
def test_what_is_no_plain_yaml_is_one_line_that_names_the_file(content, tmp_path):
    (tmp_path / "odd.yaml").write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.yaml") as caught:
        read_yaml(tmp_path / "odd.yaml")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no file"):
        read_yaml(tmp_path / "none.yaml")


def test_every_committed_yaml_has_one_meaning():
    folders = ("tasks/recipes", "tasks/families", "scripts", ".github/workflows")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.y*ml")]
    assert len(paths) >= 5
    for path in paths:
        assert read_yaml(path)
