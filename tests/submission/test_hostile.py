"""Whatever a stranger sends ends in a typed rejection or in the score it earns: never in a traceback.

hypothesis mutates 2,100 submissions: bytes of files, values of the card, cells and types of the table.
An accepted one is scored a second time by the few lines of ``earned``, which share nothing with the board.
"""

import io
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.data.strict_yaml import parse_yaml
from mfbench.errors import DataError, SubmissionError
from mfbench.submission.card_errors import MOST_LINES
from mfbench.submission.check import check

RUN = {"ks": [0, 5], "draws": 1}
EVIL = [
    "../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", "file:///etc/passwd", "javascript:alert(1)",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "**bold**",
    "!!python/object/apply:os.system [id]", "\x00", "\u202egnp", "a" * 5000, "", " ", "💥", "nan",
    "{{7*7}}", "' OR 1=1 --", "https://ok.example/\"onmouseover=\"x", "data:text/html", "\r\nX: y",
]  # fmt: skip
ODD = st.one_of(
    st.sampled_from(EVIL), st.text(max_size=30), st.none(), st.booleans(), st.integers(), st.floats(),
    st.just(10**400), st.just([]), st.just({}), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


def examples(count):
    """So many mutations, the same ones every time."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


@pytest.fixture(scope="module")
def sound(maker):
    """A submission that is fine, to be harmed."""
    return maker.files(run=RUN, error=0.3)


def earned(maker, table) -> float:
    """Force RMSE (kcal/mol/Å) at K = 5 over all test families, from the table and the split alone."""
    labels = {c.config_id: c.forces for t in maker.split.test for c in (*t.query, *t.heldout)}
    squares = defaultdict(list)
    for row in table.to_pylist():
        if row["k"] == 5:
            predicted = np.reshape(row["forces"], (-1, 3))
            squares[row["family_id"]].append((predicted - labels[row["config_id"]]) ** 2)
    errors = [np.sqrt(np.mean(np.concatenate(found))) for found in squares.values()]
    return float(np.mean(errors)) * EV_TO_KCAL_MOL


def accepts_or_refuses(maker, files) -> bool:
    """Whether it was accepted; then with the score it earned, and no better where an episode failed."""
    checked, refusal, most = None, "", 1
    try:
        checked = check(files)
    except SubmissionError as error:
        refusal, most = str(error), MOST_LINES if error.kind == "card" else 1
    lines = refusal.split("\n")
    assert len(lines) <= most
    assert all(line.isprintable() and len(line) < 600 for line in lines)
    if checked is None:
        return False
    table = pq.read_table(io.BytesIO(files["predictions.parquet"]))
    score = checked.results.value("force_rmse", 5)
    if checked.results.failures:
        assert score >= earned(maker, table) * (1 - 1e-3)
    else:
        assert score == pytest.approx(earned(maker, table), rel=1e-3, abs=5e-3)
    return True


def test_the_sound_one_is_accepted(maker, sound):
    assert accepts_or_refuses(maker, sound)


@examples(600)
@given(data=st.data())
def test_bytes_of_any_file(maker, sound, data):
    name = data.draw(st.sampled_from(sorted(sound)))
    content = bytearray(sound[name])
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "swap", "replace"]))
    at = data.draw(st.integers(0, len(content) - 1))
    if how == "flip":
        for place in [at, *data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4))]:
            content[place] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del content[at : at + data.draw(st.integers(1, 4000))]
    elif how == "insert":
        content[at:at] = data.draw(st.binary(min_size=1, max_size=200))
    elif how == "swap":
        content = content[at:] + content[:at]
    else:
        content = bytearray(data.draw(st.binary(max_size=400)))
    accepts_or_refuses(maker, sound | {name: bytes(content)})


@examples(800)
@given(data=st.data())
def test_values_of_the_card(maker, sound, data):
    card = yaml.safe_load(sound["submission.yaml"])
    for _ in range(data.draw(st.integers(1, 3))):
        inside = isinstance(card.get("run"), dict) and data.draw(st.booleans())
        part = card["run"] if inside else card
        key = data.draw(
            st.sampled_from([*sorted(part), "failures", "costs", "new", "paper", "weights_sha256"])
        )
        if data.draw(st.integers(0, 5)) == 0:
            part.pop(key, None)
        elif key in ("failures", "costs", "training"):
            fields = st.sampled_from(["family", "k", "draw", "reason", "name", "adapt_seconds", "x"])
            row = st.dictionaries(
                fields, st.one_of(ODD, st.sampled_from(["test-0", 5, 0, "why not"])), max_size=4
            )
            part[key] = data.draw(st.lists(row, max_size=2))
        else:
            part[key] = data.draw(ODD)
    text = yaml.safe_dump(card, allow_unicode=True).encode(errors="replace")
    accepts_or_refuses(maker, sound | {"submission.yaml": text})


@examples(700)
@given(data=st.data())
def test_cells_and_types_of_the_table(maker, sound, data):
    table = pq.read_table(io.BytesIO(sound["predictions.parquet"]))
    n = table.num_rows
    rows = list(range(n))
    how = data.draw(
        st.sampled_from(
            ["value", "duplicate", "drop", "shuffle", "dtype", "name", "force", "forces", "null", "id"]
        )
    )
    at = data.draw(st.integers(0, n - 1))
    number = st.one_of(
        st.floats(), st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e308, 1e-320]), st.floats(-1e4, 1e4)
    )
    columns = {name: table[name].to_pylist() for name in table.column_names}
    types = {field.name: field.type for field in table.schema}
    if how == "value":
        columns["energy"][at] = data.draw(number)
    elif how in ("force", "forces"):
        columns["forces"][at] = list(columns["forces"][at])
        if how == "force":
            columns["forces"][at][0] = data.draw(number)
        else:
            columns["forces"][at] = data.draw(st.lists(st.floats(-5, 5), max_size=40))
    elif how == "null":
        columns[data.draw(st.sampled_from(table.column_names))][at] = None
    elif how == "id":
        name = data.draw(st.sampled_from(["family_id", "config_id", "k", "draw"]))
        other = st.sampled_from(EVIL) if name.endswith("id") else st.integers(-40000, 40000)
        columns[name][at] = data.draw(
            st.one_of(st.just(columns[name][data.draw(st.integers(0, n - 1))]), other)
        )
    elif how == "duplicate":
        rows += data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5))
    elif how == "drop":
        gone = set(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=40)))
        rows = [i for i in rows if i not in gone]
    elif how == "shuffle":
        rows = data.draw(st.permutations(rows))
    elif how == "dtype":
        name = data.draw(st.sampled_from(["energy", "k", "draw", "family_id", "config_id"]))
        types[name] = data.draw(
            st.sampled_from(
                [pa.string(), pa.float32(), pa.float64(), pa.int8(), pa.int64(), pa.uint64(), pa.binary()]
            )
        )
    elif how == "name":
        old = data.draw(st.sampled_from(table.column_names))
        columns[data.draw(st.sampled_from(["energy", "x", "../x", ""]))] = columns.pop(old)
    try:
        made = {
            name: pa.array([values[i] for i in rows], types.get(name))
            for name, values in columns.items()
            if len(values) == n
        }
        harmed = pa.table(made)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, ValueError):
        return  # no such table can be written
    buffer = io.BytesIO()
    pq.write_table(harmed, buffer)
    accepts_or_refuses(maker, sound | {"predictions.parquet": buffer.getvalue()})


BOMB = (
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n"
)


@pytest.mark.parametrize(
    "text",
    [BOMB, "[" * 5000, "{x: " * 3000, "a: !!python/object/apply:os.system [id]", "a: 1\na: 2", "x" * 300000,
     "? [a, b]\n: 1", "<<: {a: 1}", "- a\n- b", "0", "", "a: 2020-01-01\n", "\xff\xfe"],
)  # fmt: skip
def test_yaml_bombs_and_tags(maker, sound, text):
    assert not accepts_or_refuses(maker, sound | {"submission.yaml": text.encode("latin-1")})


def test_aliases_are_named():
    with pytest.raises(DataError, match="aliases are not allowed"):
        parse_yaml(BOMB.encode(), "x")


def test_a_parquet_bomb_is_not_unpacked(maker, sound):
    rows = 3_000_000
    table = pa.table(
        {
            "family_id": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["test-0"]),
            "k": np.zeros(rows, np.int16),
            "draw": np.zeros(rows, np.int16),
            "config_id": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x"]),
            "energy": np.zeros(rows),
            "forces": pa.ListArray.from_arrays(np.zeros(rows + 1, np.int32), pa.array([], pa.float32())),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(SubmissionError, match="3,000,000 rows"):
        check(sound | {"predictions.parquet": buffer.getvalue()})


@pytest.mark.parametrize("name", ["model.pkl", "../submission.yaml", "/etc/passwd", "x\n.yaml", ""])
def test_files_that_do_not_belong_there(sound, name):
    with pytest.raises(SubmissionError, match="files: "):
        check(sound | {name: b"cposix\nsystem\n(S'true'\ntR."})


def test_a_pickle_is_no_weights(maker):
    import hashlib

    pickle = b"\x80\x04cposix\nsystem\n(S'true'\ntR."
    files = maker.files(run=RUN, weights_sha256=hashlib.sha256(pickle).hexdigest())
    with pytest.raises(SubmissionError, match="pickles are not accepted"):
        check(files | {"weights.safetensors": pickle, "weights.json": b"{}"})
    with pytest.raises(SubmissionError, match="is not the file of weights_sha256"):
        check(files | {"weights.safetensors": b"other", "weights.json": b"{}"})
    with pytest.raises(SubmissionError, match="with weights.json beside it"):
        check(files)
