"""Every page of the board opens: each family of each split that ships, each submission of the store."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest

from mfbench.data.split import available_splits, load_split
from mfbench.store import file_submission, open_store, read_store
from mfbench.store.open import default_store
from mfbench.submission.check import check

PAGES = ("leaderboard", "method", "compare", "family", "constructions", "submit", "about")
STORE = Path(__file__).parents[2] / "leaderboard" / "submissions"
MINIS = ("cath-mini", "chemistry-mini")


def page(name: str) -> None:
    """What the app does for one page; the text of this function is the script that is run."""
    import importlib

    importlib.import_module(f"mfbench_leaderboard.views.{name}").show()


@pytest.fixture(autouse=True)
def _main_stays():
    """A page in a test takes the place of the main module, which spawned processes would import."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def opened(monkeypatch, store, name, **query) -> AppTest:
    import streamlit as st

    monkeypatch.setattr(sys, "argv", ["app", str(store)])
    st.cache_resource.clear()
    app = AppTest.from_function(page, default_timeout=60, args=(name,))
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception[0].message
    return app


@pytest.fixture(autouse=True)
def reference_data(monkeypatch):
    monkeypatch.delenv("MFBENCH_DATA", raising=False)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_the_store_that_ships(name, monkeypatch):
    assert not opened(monkeypatch, STORE, name).error


def test_every_page_opens_on_an_empty_store(tmp_path, monkeypatch):
    for name in PAGES:
        opened(monkeypatch, tmp_path / "store", name)


def test_every_page_opens_on_rows_in_which_nothing_was_found(made_up_store, tmp_path, monkeypatch):
    made_up_store(tmp_path / "store")
    for name in set(PAGES) - {"family"}:
        opened(monkeypatch, tmp_path / "store", name)


def test_every_submission_opens(monkeypatch):
    snapshot = read_store(open_store(default_store()))
    assert len(snapshot.summaries) >= 20
    import streamlit as st

    monkeypatch.setattr(sys, "argv", ["app", str(STORE)])
    st.cache_resource.clear()
    app = AppTest.from_function(page, default_timeout=60, args=("method",))
    for name in snapshot.summaries:
        app.query_params["submission"] = name
        app.run()
        assert not app.exception, f"{name}: {app.exception[0].message}"
        assert not app.error, f"{name}: {app.error[0].value}"


@pytest.mark.parametrize("name", MINIS)
def test_every_family_opens(name, monkeypatch):
    import streamlit as st

    monkeypatch.setattr(sys, "argv", ["app", str(STORE)])
    st.cache_resource.clear()
    for task in load_split(name).tasks:
        app = AppTest.from_function(page, default_timeout=60, args=("family",))  # a link: a session each
        app.query_params["split"], app.query_params["family"] = name, task.family_id
        app.run()
        assert not app.exception, f"{task.family_id}: {app.exception[0].message}"
        assert app.selectbox(key="family").value == task.family_id


@pytest.mark.skipif("cath" not in available_splits(), reason="needs the split of a checkout")
def test_every_family_of_a_larger_split_can_be_shown():
    """As the page does it, without the page: larger splits have hundreds of families."""
    from mfbench_leaderboard.data.families import family_view

    split = load_split("cath", verify=False)
    assert {bool(task.larger) for task in split.tasks} == {True, False}
    for task in split.tasks:
        view = family_view(split, task.family_id)
        assert {f.name for f in view.fragments} == {c.fragment_id for c in task.everything}
        roles = {f.role for f in view.fragments}
        assert ("larger" in roles) == bool(task.larger)
        assert ("larger cuts" in view.energies) == bool(task.larger)


def test_a_split_without_train_families_opens_in_every_fold(make_split, maker, tmp_path, monkeypatch):
    make_split(tmp_path / "data" / "tests-only", name="tests-only", folds={"test": 2})
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path / "data"))
    for fold in ("train", "validation", "test"):
        opened(monkeypatch, tmp_path / "store", "family", split="tests-only", fold=fold)
    store = open_store(tmp_path / "store")
    monkeypatch.setenv("MFBENCH_DATA", str(Path(maker.folder).parent))
    file_submission(store, check(maker.files()))
    for name in PAGES:
        opened(monkeypatch, tmp_path / "store", name)
