"""The app as people meet it: a real server on the reference submissions, a real browser, every page.

Beside the reference submissions, the store holds a hostile one (markup in every text) and a corrupted one.
Screenshots go into the folder that $MFBENCH_SCREENSHOTS names, if it is set.
"""

import io
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mfbench.store import file_submission, open_store, read_store
from mfbench.submission.card import read_card, write_card
from mfbench.submission.check import check
from mfbench.submission.draft import read_folder
from mfbench.submission.predictions import canonical_bytes

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
expect = sync_api.expect

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "leaderboard" / "submissions"
CHROMIUM = shutil.which("chromium")
EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>**bold** [x](javascript:alert(3))'
COMPARISON = """{"schema": 1, "level_of_theory": "GFN2-xTB (gas phase)",
 "constructions": [{"name": "cath", "data_hash": "0", "n_test_families": 20, "diversity": {
  "train_families": 61, "train_fragments": 549, "train_graphs": 104, "train_configurations": 20679,
  "elements": 5, "effective_families": 1.49, "graphs_covered": 0.72, "distance": 0.095,
  "distance_ratio": 1.0, "new_elements": 0}}],
 "scores": [{"construction": "cath", "method": "maml", "k": 50, "metric": "force_rmse", "value": 3.25}],
 "transfer": [{"trained_on": "<b>x</b>", "tested_on": "cath", "method": "maml", "k": 50,
  "metric": "force_rmse", "value": 4.75, "lo": 4.5, "hi": 5.0, "n_families": 20,
  "ratio": 1.46, "ratio_lo": 1.4, "ratio_hi": 1.5}],
 "curves": [{"construction": "cath", "method": "maml", "over": "families", "n": 10, "k": 50,
  "metric": "force_rmse", "value": 5.0},
  {"construction": "cath", "method": "maml", "over": "families", "n": 61, "k": 50,
  "metric": "force_rmse", "value": 3.25, "lo": 3.0, "hi": 3.5}]}"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
PATIENT = 60_000
MINI = "?split=cath-mini"
"""The board opens on the construction with most rows; what is asserted here is of this one."""


WITH_PREDICTIONS = "maml-81b33be838852c08"
"""The reference row that keeps predictions beside its weights, as a stranger's does."""


@pytest.fixture(scope="module")
def reference():
    """Files of the reference submissions on cath-mini by method, and architecture if it is not MACE."""
    found = {}
    for folder in (REFERENCE / "submissions").iterdir():
        files = read_folder(folder)
        card = read_card(files["submission.yaml"])
        if card.run.split == "cath-mini":
            found[card.method + f"-{card.arch}" * (card.arch not in (None, "mace"))] = files
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory, reference):
    """A store: the reference submissions, a hostile one, a corrupted one."""
    target = tmp_path_factory.mktemp("browser") / "store"
    shutil.copytree(REFERENCE, target)
    store = open_store(target)
    said = {
        "method": EVIL[:60],
        "description": EVIL,
        "authors": [EVIL],
        "contact": EVIL,
        "code_version": EVIL,
    }
    files = reference["constant"]
    card = read_card(files["submission.yaml"]).model_copy(update=said)
    file_submission(store, check(files | {"submission.yaml": write_card(card).encode()}))
    broken = target / "submissions" / "broken-0123456789abcdef"
    broken.mkdir()
    (broken / "submission.yaml").write_text("a: [")
    return target


@pytest.fixture(scope="module")
def server(place, serving):
    """Address of the app."""
    read_store(open_store(place))  # indexes it: what is measured below is pages
    with serving(place) as address:
        yield address


@pytest.fixture
def page(open_page, server):
    return open_page(server)


def show(page, address, name=None):
    """Open a page and wait until the server is done with it."""
    page.goto(address)
    page.locator(".mf-word").wait_for(timeout=PATIENT)
    settle(page)
    shoot(page, name)


def settle(page):
    page.wait_for_timeout(400)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=PATIENT)
    page.wait_for_timeout(300)


def shoot(page, name):
    folder = os.environ.get("MFBENCH_SCREENSHOTS")
    if folder and name:
        page.wait_for_timeout(1500)
        height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": 1380, "height": max(700, min(height + 20, 3000))})
        page.wait_for_timeout(700)
        page.screenshot(path=Path(folder) / f"{name}.png")
        page.set_viewport_size({"width": 1380, "height": 1000})


def methods(page):
    return page.locator("table.mf tbody tr td:first-child a").all_inner_texts()


def maml_row(page):
    """The row of MAML on MACE."""
    return page.locator("table.mf tbody tr", has=page.get_by_text("maml", exact=True)).filter(
        has_text="mace"
    )


def test_the_leaderboard_shows_every_row_with_costs_and_filters_live_in_the_url(page, server, reference):
    show(page, f"{server}/{MINI}", "leaderboard")
    expect(page.locator("table.mf tbody tr")).to_have_count(len(reference) + 1)
    shown = methods(page)
    wanted = {"maml", "maml++", "anil", "ridge", "pretrain", "offset", "fomaml", "reptile", "constant"}
    assert wanted < set(shown)
    assert shown.count("maml") == shown.count("pretrain") == 3  # on three architectures
    assert shown.index("pretrain") < shown.index("maml") < shown.index("constant")
    maml = maml_row(page)
    assert "2.27" in maml.inner_text()
    assert "kcal/mol/Å" in page.locator("table.mf thead").inner_text()
    assert "No ranks: rows share fewer than 10 test families" in page.locator("body").inner_text()
    assert "few draws" in maml.inner_text()
    expect(page.get_by_text("1 folder(s) of this store cannot be shown")).to_be_visible()
    page.get_by_text("1 folder(s) of this store cannot be shown").click()
    expect(page.get_by_text("broken-0123456789abcdef")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.get_by_role("tab", name="Error against cost").click()
    expect(page.get_by_text("costs are declared by the submitters").last).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All scores as CSV").click()
    text = Path(waiting.value.path()).read_text()
    assert text.startswith("submission,method,arch,backend,split,k,query,metric,value,lo,hi,trust\n")
    page.get_by_role("radio", name="10", exact=True).or_(
        page.get_by_role("button", name="10", exact=True)
    ).first.click()
    settle(page)
    expect(page).to_have_url(re.compile(r"[?&]k=10"))
    expect(maml_row(page)).to_contain_text("2.34")


def test_hostile_text_is_shown_as_text(page, server):
    show(page, f"{server}/{MINI}")
    table = page.locator("table.mf")
    expect(table).to_contain_text("<img src=x onerror=")
    assert table.locator("img, script").count() == 0
    link = table.locator("a", has_text="<img").get_attribute("href")
    show(page, f"{server}/{link}", "hostile")
    expect(page.locator("body")).to_contain_text("[x](javascript:alert(3))")
    page.get_by_role("tab", name="Provenance").click()
    expect(page.locator("dl.mf")).to_contain_text("<script>alert(2)</script>")
    assert page.locator("dl.mf script, dl.mf img, .mf-note b, .mf-note strong").count() == 0


def test_a_deep_link_opens_what_it_says(page, server, reference):
    show(page, f"{server}/{MINI}&k=0&by=Energy&find=maml&query=unseen+molecules", "deep_link")
    expect(page.locator("table.mf tbody tr")).to_have_count(6)
    assert sorted(methods(page)) == ["anil", "fomaml", "maml", "maml", "maml", "maml++"]
    assert "Energy ▾" in page.locator("table.mf thead").inner_text()
    assert f"{len(reference) - 5} more are filtered out" in page.locator("body").inner_text()
    assert "Queries: unseen molecules" in page.locator("body").inner_text()


def test_a_method_from_its_row(page, server):
    show(page, f"{server}/{MINI}")
    maml_row(page).locator("a").first.click()
    expect(page.get_by_text("draws a family and K")).to_be_visible()
    settle(page)
    shoot(page, "method")
    expect(page).to_have_url(re.compile("method.submission=maml-"))
    assert "7,496" in page.locator(".mf-tiles").inner_text()
    for tab, text in (
        ("Families", "Look at a family"),
        ("Cost", "1,459,840 configuration-gradients"),
        ("Fresh tests", "Fresh ÷ claimed"),
        ("Provenance", "deposited, SHA-256"),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator("body")).to_contain_text(text)
        settle(page)
        shoot(page, f"method_{tab.split()[0].lower()}")
    show(page, f"{server}/method?submission=nobody-0000000000000000")
    expect(page.get_by_text("The submission of this link is not in the store")).to_be_visible()


def test_a_family_with_its_fragments_in_3d(page, server):
    show(page, f"{server}/family{MINI}&family=2.30.42")
    expect(page.locator("body")).to_contain_text("protein chains")
    scene = page.locator(".js-plotly-plot .gl-container canvas").first
    scene.wait_for(timeout=PATIENT)
    page.wait_for_timeout(2500)
    plot = page.locator(".js-plotly-plot", has=page.locator(".gl-container")).first
    before = np.asarray(Image.open(io.BytesIO(plot.screenshot())).convert("RGB"))
    assert len(np.unique(before.reshape(-1, 3), axis=0)) > 500  # lit spheres have many shades
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 120, box["y"] + box["height"] / 2 + 40, steps=6)
    page.mouse.up()
    page.wait_for_timeout(1000)
    after = np.asarray(Image.open(io.BytesIO(plot.screenshot())).convert("RGB"))
    assert np.mean(np.any(before != after, axis=-1)) > 0.01  # it turned
    expect(page.get_by_text("Everyone's error")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    shoot(page, "family")


def test_constructions_show_the_shipped_comparison(page, server):
    show(page, f"{server}/constructions", "constructions_shipped")
    expect(page.locator(".js-plotly-plot")).to_have_count(10)
    tables = page.locator("table.mf")
    expect(tables.first).not_to_be_visible()  # behind an expander
    for name in ("cath", "cluster30", "chemistry", "shuffled"):
        expect(tables.nth(0)).to_contain_text(name)
    expect(tables.nth(1)).to_contain_text("reptile")
    expect(tables.nth(2)).to_contain_text("tested on reaction")


def test_constructions_are_empty_until_somebody_compares_them(page, server, place):
    (place / "compare.json").unlink()
    show(page, f"{server}/constructions", "constructions")
    expect(page.get_by_text("No comparison of constructions yet")).to_be_visible()
    (place / "compare.json").write_text(COMPARISON)
    try:
        show(page, f"{server}/constructions", "constructions_filled")
        tables = page.locator("table.mf")
        for number, text in enumerate(("72 %", "3.25", "<b>x</b>")):
            expect(tables.nth(number)).to_contain_text(text)
        expect(tables.nth(2)).to_contain_text("× 1.46 [1.40, 1.50]")
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        (place / "compare.json").write_text("{")
        show(page, f"{server}/constructions")
        expect(page.get_by_text("compare.json of this store is damaged")).to_be_visible()
    finally:
        (place / "compare.json").unlink()


def test_a_bad_upload_is_told_why_and_a_good_one_is_filed(page, server, place):
    good = read_folder(REFERENCE / "submissions" / WITH_PREDICTIONS)
    checked = check(good)
    for record in checked.records:
        vars(record).update(forces=(23.060548 * record.forces).astype(np.float32))
    bad = canonical_bytes(checked.reference.episodes, checked.records)
    show(page, f"{server}/submit", "submit")

    def upload(card: bytes, predictions: bytes, more=()):
        page.locator("input[type=file]").set_input_files(
            [
                {"name": "submission.yaml", "mimeType": "text/yaml", "buffer": card},
                {
                    "name": "predictions.parquet",
                    "mimeType": "application/octet-stream",
                    "buffer": predictions,
                },
                *({"name": n, "mimeType": "application/octet-stream", "buffer": good[n]} for n in more),
            ]
        )
        page.wait_for_timeout(1500)
        settle(page)

    weights = ("weights.safetensors", "weights.json")
    upload(good["submission.yaml"], bad, weights)
    expect(page.get_by_text("Refused: unit-mistake")).to_be_visible()
    expect(page.locator("body")).to_contain_text("forces look like kcal/mol/Å, not eV/Å")
    assert page.get_by_role("button", name="File it").count() == 0
    shoot(page, "submit_bad")

    show(page, f"{server}/submit")
    upload(b"a: &a [*a]", b"PAR1 no")
    expect(page.get_by_text("Refused: card")).to_be_visible()

    show(page, f"{server}/submit")
    rng = np.random.default_rng(0)
    checked = check(good)
    for record in checked.records:  # somebody's own, worse method
        noisy = record.forces + rng.normal(scale=0.2, size=record.forces.shape)
        vars(record).update(forces=noisy.astype(np.float32))
    card = read_card(good["submission.yaml"]).model_copy(update={"method": "mine", "weights_sha256": None})
    upload(write_card(card).encode(), canonical_bytes(checked.reference.episodes, checked.records))
    expect(page.get_by_text("It can be filed")).to_be_visible()
    shoot(page, "submit_good")
    before = set(open_store(place).ids())
    page.get_by_role("button", name="File it").click()
    expect(page.get_by_text("Filed as mine-")).to_be_visible()
    (name,) = set(open_store(place).ids()) - before
    page.get_by_text("See its page").click()
    expect(page.locator("body")).to_contain_text("draws a family and K")
    expect(page).to_have_url(re.compile(name))
    shutil.rmtree(place / "submissions" / name)


def test_about_says_how_to_read_it(page, server):
    show(page, f"{server}/about", "about")
    text = page.locator("body").inner_text()
    for said in ("K labelled configurations", "kcal/mol/Å", "significantly better", "How to cite"):
        assert said in text
