"""Views in a real browser, on made-up rows of `levels` in two tracks: light, dark, wide, narrow."""

import re
import shutil

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
expect = sync_api.expect
pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="Debian's chromium is not installed"
)
PATIENT = 60_000


@pytest.fixture(scope="module")
def server(made_up_store, serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("views") / "store"
    made_up_store(folder)
    with serving(folder) as address:
        yield address


@pytest.fixture
def visit(open_page, server):
    """(path, width, theme) → a page that the server is done with."""

    def visited(path="", width=1380, theme="light"):
        page = open_page(server, width, theme)
        page.goto(path if path.startswith(server) else f"{server}/{path}")
        page.locator(".mf-word").wait_for(timeout=PATIENT)
        return page

    return visited


def boxes(page, selector):
    """Boxes of the visible ones, in order."""
    found = [item.bounding_box() for item in page.locator(selector).all() if item.is_visible()]
    return [box for box in found if box]


def paper(page):
    return page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")


def ink(page, selector, name="color"):
    return page.evaluate("([s, n]) => getComputedStyle(document.querySelector(s))[n]", [selector, name])


def test_levels_opens_with_the_figure_first_then_the_table_and_links_to_itself(visit, server):
    page = visit()
    expect(page.locator("table.mf.cards tbody tr")).to_have_count(12)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    plots = boxes(page, ".js-plotly-plot")
    assert len(plots) == 3
    assert len({round(box["y"]) for box in plots}) == 1  # beside each other
    (table,) = boxes(page, "table.mf.cards")
    assert max(box["y"] + box["height"] for box in plots) <= table["y"]
    text = page.locator("table.mf.cards").inner_text()
    assert "Standard track" in text
    assert "Converged track" in text
    assert "1–2" in text
    assert "not told apart" in page.locator("body").inner_text()
    assert paper(page) == "rgb(255, 255, 255)"

    page.get_by_role("tab", name="Tracks side by side").click()
    expect(page.get_by_text("A line joins what one method reaches")).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.get_by_text("Converged ÷ standard")).to_be_visible()
    page.get_by_role("tab", name="Error against cost").click()
    expect(page.get_by_text("the front, whom nobody beats in both")).to_be_visible()

    page.get_by_role("radio", name="10", exact=True).click()
    expect(page).to_have_url(re.compile(r"[?&]k=10"), timeout=PATIENT)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
    page.get_by_text("Link to this view").click()
    code = page.locator("[data-testid=stPopoverBody] code")
    expect(code).to_contain_text("k=10")
    code.hover()
    page.get_by_label("Copy to clipboard").first.click()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == code.inner_text().strip()
    assert "split=levels" in address
    assert "by=Forces" in address
    again = visit(address)
    expect(again.get_by_role("radio", name="10", exact=True)).to_be_checked(timeout=PATIENT)


def test_a_narrow_dark_screen_shows_all_of_it(visit):
    page = visit(width=390, theme="dark")
    expect(page.locator("table.mf.cards tbody tr")).to_have_count(12)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert paper(page) == "rgb(15, 23, 22)"
    for selector, name in ((".mf-word span", "color"), (".js-plotly-plot .gtitle", "fill")):
        assert ink(page, selector, name) == "rgb(227, 236, 233)", selector
    plots = boxes(page, ".js-plotly-plot")
    assert len({round(box["x"]) for box in plots}) == 1  # stacked
    assert len({round(box["y"]) for box in plots}) == 3
    titles = boxes(page, ".js-plotly-plot .gtitle")
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in titles)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    cards = page.locator("table.mf.cards tbody tr:not(.group)")
    assert cards.first.evaluate("e => getComputedStyle(e).display") == "grid"
    box = cards.first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    label = cards.first.locator("td[data-label=Gradients]")
    assert "Gradients" in label.evaluate("e => getComputedStyle(e, '::before').content")


def test_two_rows_are_compared_by_a_link(visit, server):
    page = visit("compare")
    expect(page.locator(".mf-said")).to_contain_text("are not told apart on 16 families")
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.get_by_text("Link to this view").click()
    code = page.locator("[data-testid=stPopoverBody] code")
    expect(code).to_contain_text("a=pretrain-")
    address = code.inner_text().strip()
    names = re.search("a=(pretrain-[0-9a-f]+)&b=(maml-[0-9a-f]+)", address)
    swapped = f"compare?split=levels&k=50&a={names[2]}&b={names[1]}"
    again = visit(swapped)
    expect(again.locator(".mf-said")).to_contain_text("maml · converged and pretrain")
    gone = visit(f"compare?split=levels&a=nobody-0000000000000000&b={names[1]}")
    expect(gone.get_by_text("another one stands for it")).to_be_visible()


def test_a_row_is_cited_with_its_hashes(visit):
    page = visit("method")
    page.get_by_text("Cite this row").click()
    code = page.locator("[data-testid=stPopoverBody] code")
    expect(code).to_contain_text("@misc{mfbench:")
    for part in ("ab" * 32, "0123456789ab", "Ada Lovelace", "/method?submission="):
        expect(code).to_contain_text(part)


def test_the_frame_of_a_family_is_there_before_its_data(visit):
    page = visit("family?split=levels&family=pm7.1.10.8")
    expect(page.locator(".mf-wait").first).to_be_visible()
    expect(page.get_by_role("heading", name="Labels")).to_be_visible()
    expect(page.locator(".mf-title")).to_have_text("pm7.1.10.8", timeout=2 * PATIENT)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".mf-wait")).to_have_count(0)
