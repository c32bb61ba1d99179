"""Colours and the few lines of CSS that make the app look like itself. System fonts, no external assets."""

from __future__ import annotations

from html import escape

__all__ = ["CSS", "INK", "LINE", "MUTED", "PALETTE", "badge", "header", "note", "tiles"]

INK, MUTED, LINE = "#16302e", "#5d7370", "#dfe7e5"
# Okabe-Ito without yellow, then darker relatives: told apart with any colour vision.
PALETTE = (
    *("#0f766e", "#d55e00", "#0072b2", "#cc79a7", "#e69f00"),
    *("#56b4e9", "#7b5ea7", "#8a5a2b", "#3f8f3f", "#b0413e"),
)
_TONES = {
    "verified": ("#0f766e", "#e0f2ef"),
    "recomputed": ("#31518f", "#e7edf8"),
    "reproducible": ("#54457f", "#eeeaf6"),
    "refuted": ("#a3262a", "#fbe6e6"),
    "warn": ("#8a5a00", "#fdf1d8"),
    "line": ("#5d7370", "#eef2f1"),
}

CSS = """
.stMainBlockContainer, .block-container {padding-top: 4.2rem; max-width: 1280px;}
h1, h2, h3 {letter-spacing: -0.01em;}
h3 {font-size: 1.15rem !important; padding-top: 0.6rem !important;}
.mf-head {display: flex; align-items: baseline; gap: 0.9rem; flex-wrap: wrap; margin-bottom: 0.2rem;}
.mf-word {font-size: 1.9rem; font-weight: 750; letter-spacing: -0.03em; color: #0f766e;}
.mf-word span {color: #16302e;}
.mf-sub {color: #5d7370; font-size: 1.02rem;}
.mf-tiles {display: flex; gap: 0.8rem; flex-wrap: wrap; margin: 0.2rem 0 0.4rem;}
.mf-tile {border: 1px solid #dfe7e5; border-radius: 0.6rem; padding: 0.55rem 0.9rem; min-width: 8.5rem;
  background: linear-gradient(180deg, #ffffff, #f7faf9);}
.mf-tile b {display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; line-height: 1.35;}
.mf-tile span {color: #5d7370; font-size: 0.82rem;}
.mf-tile i {font-style: normal; color: #5d7370; font-size: 0.82rem; font-weight: 400;}
.mf-wrap {overflow-x: auto;}
table.mf {border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric:
  tabular-nums;}
table.mf th {text-align: left; font-weight: 600; color: #5d7370; font-size: 0.8rem; padding: 0.35rem
  0.7rem;
  border-bottom: 2px solid #16302e; vertical-align: bottom; white-space: nowrap;}
table.mf th small {display: block; font-weight: 400;}
table.mf td {padding: 0.42rem 0.7rem; border-bottom: 1px solid #e8eeec; vertical-align: middle;}
table.mf tr:hover td {background: #f5f9f8;}
table.mf tr.line td {background: #f7f9f8; color: #5d7370;}
table.mf tr.best td:first-child {box-shadow: inset 3px 0 0 #0f766e;}
table.mf td.num, table.mf th.num {text-align: right;}
table.mf a {color: #0f766e; font-weight: 650; text-decoration: none;}
table.mf a:hover {text-decoration: underline;}
table.mf small {color: #5d7370; font-size: 0.78rem;}
.mf-v {font-weight: 650;} .mf-v.flag {color: #a3262a;}
.mf-ci {color: #5d7370; font-size: 0.78rem; white-space: nowrap;}
.mf-bar {position: relative; height: 8px; min-width: 110px; margin-top: 2px; border-radius: 4px;
  background: #eef3f2;}
.mf-bar i {position: absolute; top: 2px; height: 4px; border-radius: 2px; background: #8fc4bd;}
.mf-bar b {position: absolute; top: -1px; width: 3px; height: 10px; border-radius: 2px; background:
  #0f766e;}
tr.line .mf-bar i {background: #c4cfcd;} tr.line .mf-bar b {background: #8a9a97;}
.mf-badge {display: inline-block; border-radius: 0.7rem; padding: 0 0.55rem; font-size: 0.76rem;
  font-weight: 600;
  line-height: 1.25rem; white-space: nowrap; margin: 0.06rem 0.2rem 0.06rem 0;}
.mf-note a {color: #0f766e;}
.mf-note {color: #5d7370; font-size: 0.86rem; line-height: 1.45; margin: 0.15rem 0;}
.mf-empty {border: 1px dashed #b9c8c5; border-radius: 0.8rem; padding: 2.2rem 1.5rem; text-align:
  center; color: #5d7370;}
.mf-empty b {display: block; color: #16302e; font-size: 1.1rem; margin-bottom: 0.4rem;}
.mf-empty code {background: #eef3f2; border-radius: 0.3rem; padding: 0.1rem 0.4rem; color: #16302e;}
dl.mf {display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.1rem; font-size: 0.92rem;
  margin: 0;}
dl.mf dt {color: #5d7370;} dl.mf dd {margin: 0; overflow-wrap: anywhere;}
"""


def header() -> str:
    """The wordmark, on every page."""
    return (
        '<div class="mf-head"><div class="mf-word">mf<span>bench</span></div><div class="mf-sub">How few '
        "quantum-mechanical labels does a learned force field need for a new protein family?</div></div>"
    )


def badge(text: str, tone: str, title: str = "") -> str:
    """A small coloured label; ``tone`` is a key of the palette of tones. Text is escaped."""
    ink, paper = _TONES[tone]
    look = f"color:{ink};background:{paper}"
    return (
        f'<span class="mf-badge" style="{look}" title="{escape(title, quote=True)}">{escape(text)}</span>'
    )


def note(text: str) -> str:
    """Small print; the text is escaped."""
    return f'<div class="mf-note">{escape(text)}</div>'


def tiles(items: list[tuple[str, str, str]]) -> str:
    """A row of figures: (number, unit or addition, what it is); all escaped."""
    cells = (
        f'<div class="mf-tile"><b>{escape(number)} <i>{escape(unit)}</i></b>'
        f"<span>{escape(what)}</span></div>"
        for number, unit, what in items
    )
    return f'<div class="mf-tiles">{"".join(cells)}</div>'
