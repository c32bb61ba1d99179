"""Colours and the CSS of the app, light and dark. System fonts, no external assets.

Every colour of the pages is a variable with two values: ``light-dark`` takes the one of the theme that
Streamlit shows, which follows the browser's preference. Figures draw their lines in colours that stand out
on both papers, and their text and grid are coloured by the same variables.
"""

from __future__ import annotations

__all__ = ["CSS", "DARK", "INK", "LIGHT", "LINE", "MUTED", "PALETTE", "TONES"]

LIGHT = {
    "ink": "#16302e", "muted": "#5d7370", "line": "#dfe7e5", "paper": "#ffffff", "soft": "#f3f6f5",
    "accent": "#0f766e", "band": "#8fc4bd", "bad": "#a3262a", "faint": "#c4cfcd",
    "verified": "#e0f2ef", "recomputed": "#e7edf8", "reproducible": "#eeeaf6", "refuted": "#fbe6e6",
    "warn": "#fdf1d8", "neutral": "#eef2f1",
    "verified-ink": "#0f766e", "recomputed-ink": "#31518f", "reproducible-ink": "#54457f",
    "refuted-ink": "#a3262a", "warn-ink": "#8a5a00", "neutral-ink": "#5d7370",
}  # fmt: skip
DARK = {
    "ink": "#e3ece9", "muted": "#9fb4af", "line": "#2d3c39", "paper": "#0f1716", "soft": "#182321",
    "accent": "#4cc2b3", "band": "#2f6d66", "bad": "#ff9a94", "faint": "#4a5a57",
    "verified": "#12352f", "recomputed": "#1d2d4b", "reproducible": "#2c2645", "refuted": "#472023",
    "warn": "#3d2e10", "neutral": "#22302d",
    "verified-ink": "#6fd6c8", "recomputed-ink": "#a5c0f5", "reproducible-ink": "#c6b9f2",
    "refuted-ink": "#ffaba6", "warn-ink": "#f0c46a", "neutral-ink": "#a9bcb8",
}  # fmt: skip
"""The same names as in ``LIGHT``."""
INK, MUTED, LINE = LIGHT["ink"], "#6b8480", "rgba(125,150,145,0.25)"
"""Of figures: text (which the CSS turns in the dark), what stands back, and the grid."""
PALETTE = (
    *("#128a80", "#d55e00", "#2f7fc1", "#c4669a", "#b88000"),
    *("#8f72bd", "#a0703f", "#7a8f1f", "#c9534f", "#6b8480"),
)
"""Lines of figures: contrast of at least 3 with both papers."""
TONES = ("verified", "recomputed", "reproducible", "refuted", "warn", "line")

_VARIABLES = ":root {" + "".join(f"--mf-{n}: light-dark({LIGHT[n]}, {DARK[n]});" for n in LIGHT) + "}"
_BADGES = "".join(
    f".mf-badge.{tone} {{color: var(--mf-{name}-ink); background: var(--mf-{name});}}\n"
    for tone in TONES
    for name in [{"line": "neutral"}.get(tone, tone)]
)

CSS = (
    f"""
{_VARIABLES}
{_BADGES}"""
    + """
.stMainBlockContainer, .block-container {padding: 4.2rem 2.5rem 3rem; max-width: 1400px;}
h1, h2, h3 {letter-spacing: -0.01em;}
h3 {font-size: 1.15rem !important; padding-top: 0.6rem !important;}
.mf-head {display: flex; align-items: baseline; gap: 0.2rem 0.9rem; flex-wrap: wrap; margin-bottom: 0.2rem;}
.mf-word {font-size: 1.9rem; font-weight: 750; letter-spacing: -0.03em; color: var(--mf-accent);}
.mf-word span {color: var(--mf-ink);}
.mf-sub {color: var(--mf-muted); font-size: 1.02rem;}
.mf-tiles {display: flex; gap: 0.8rem; flex-wrap: wrap; margin: 0.2rem 0 0.4rem;}
.mf-tile {border: 1px solid var(--mf-line); border-radius: 0.6rem; padding: 0.55rem 0.9rem;
  min-width: 8.5rem; background: linear-gradient(180deg, var(--mf-paper), var(--mf-soft));}
.mf-tile b {display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; line-height: 1.35;}
.mf-tile span {color: var(--mf-muted); font-size: 0.82rem;}
.mf-tile i {font-style: normal; color: var(--mf-muted); font-size: 0.82rem; font-weight: 400;}
.mf-title {font-size: 1.5rem; font-weight: 700; overflow-wrap: anywhere;}
.mf-said {font-size: 1.1rem; margin: 0.2rem 0;}
.mf-wrap {overflow-x: auto;}
table.mf {border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums;}
table.mf th {text-align: left; font-weight: 600; color: var(--mf-muted); font-size: 0.8rem;
  padding: 0.35rem 0.7rem; border-bottom: 2px solid var(--mf-ink); vertical-align: bottom;
  white-space: nowrap;}
table.mf th small {display: block; font-weight: 400;}
table.mf td {padding: 0.42rem 0.7rem; border-bottom: 1px solid var(--mf-line); vertical-align: middle;}
table.mf tr:hover td {background: var(--mf-soft);}
table.mf tr.line td {background: var(--mf-soft); color: var(--mf-muted);}
table.mf tr.best td:first-child {box-shadow: inset 3px 0 0 var(--mf-accent);}
table.mf tr.apart td {border-top: 1px solid var(--mf-muted);}
table.mf tr.group td {padding-top: 1rem; border-bottom: 2px solid var(--mf-ink);}
table.mf tr.group:hover td {background: none;}
table.mf td.num, table.mf th.num {text-align: right;}
table.mf td.rank {white-space: nowrap;}
table.mf a {color: var(--mf-accent); font-weight: 650; text-decoration: none;}
table.mf a:hover {text-decoration: underline;}
table.mf small {color: var(--mf-muted); font-size: 0.78rem;}
table.mf .bad, table.mf small.bad {color: var(--mf-bad);}
.mf-v {font-weight: 650;} .mf-v.flag {color: var(--mf-bad);}
.mf-ci {color: var(--mf-muted); font-size: 0.78rem; white-space: nowrap;}
.mf-bar {position: relative; height: 8px; min-width: 110px; margin-top: 2px; border-radius: 4px;
  background: var(--mf-neutral);}
.mf-bar i {position: absolute; top: 2px; height: 4px; border-radius: 2px; background: var(--mf-band);}
.mf-bar b {position: absolute; top: -1px; width: 3px; height: 10px; border-radius: 2px;
  background: var(--mf-accent);}
tr.line .mf-bar i {background: var(--mf-faint);} tr.line .mf-bar b {background: var(--mf-muted);}
.mf-badge {display: inline-block; border-radius: 0.7rem; padding: 0 0.55rem; font-size: 0.76rem;
  font-weight: 600; line-height: 1.25rem; white-space: nowrap; margin: 0.06rem 0.2rem 0.06rem 0;}
.mf-note a {color: var(--mf-accent);}
.mf-note {color: var(--mf-muted); font-size: 0.86rem; line-height: 1.45; margin: 0.15rem 0;}
.mf-legend {display: flex; flex-wrap: wrap; gap: 0.15rem 1.1rem; font-size: 0.86rem;}
.mf-legend span {white-space: nowrap;}
.mf-legend i {display: inline-block; width: 1.3rem; height: 0; border-top: 3px solid; margin-right: 0.4rem;
  vertical-align: middle;}
.mf-legend i.dashed {border-top-style: dashed; border-top-width: 2px;}
.mf-legend i.dotted {border-top-style: dotted;}
.mf-empty {border: 1px dashed var(--mf-faint); border-radius: 0.8rem; padding: 2.2rem 1.5rem;
  text-align: center; color: var(--mf-muted);}
.mf-empty b {display: block; color: var(--mf-ink); font-size: 1.1rem; margin-bottom: 0.4rem;}
.mf-empty code {background: var(--mf-neutral); border-radius: 0.3rem; padding: 0.1rem 0.4rem;
  color: var(--mf-ink);}
.mf-wait {border-radius: 0.6rem; background: var(--mf-soft); color: var(--mf-muted); display: flex;
  align-items: center; justify-content: center; font-size: 0.86rem;}
dl.mf {display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.1rem; font-size: 0.92rem;
  margin: 0;}
dl.mf dt {color: var(--mf-muted);} dl.mf dd {margin: 0; overflow-wrap: anywhere;}
.js-plotly-plot .main-svg text {fill: var(--mf-ink) !important;}
.js-plotly-plot .main-svg .hoverlayer text {fill: #ffffff !important;}
[class*="st-key-panels"] .stColumn {min-width: min(320px, 100%); flex: 1 1 320px;}
@media (max-width: 640px) {
.stMainBlockContainer, .block-container {padding: 4rem 0.8rem 3rem;}
.mf-sub {font-size: 0.9rem;}
.mf-tiles {gap: 0.4rem;}
.mf-tile {min-width: calc(50% - 0.2rem); padding: 0.4rem 0.6rem;}
.mf-tile b {font-size: 1.1rem;}
dl.mf {grid-template-columns: 1fr;} dl.mf dd {margin-bottom: 0.4rem;}
table.mf.cards, table.mf.cards tbody, table.mf.cards tr, table.mf.cards td {display: block; width: auto;}
table.mf.cards thead {display: none;}
table.mf.cards tr {border: 1px solid var(--mf-line); border-radius: 0.6rem; padding: 0.5rem 0.7rem;
  margin-bottom: 0.6rem; display: grid; grid-template-columns: 1fr 1fr; gap: 0.1rem 0.8rem;}
table.mf.cards tr.best {border-left: 3px solid var(--mf-accent);}
table.mf.cards tr.apart {margin-top: 1.4rem; position: relative;}
table.mf.cards tr.apart td {border-top: 0;}
table.mf.cards tr.group {border: 0; padding: 0;}
table.mf.cards td {border: 0; padding: 0.12rem 0; display: grid; grid-template-columns: 8rem 1fr;
  align-items: baseline; text-align: left !important; background: none !important;
  box-shadow: none !important;}
table.mf.cards td[data-label]::before {content: attr(data-label); color: var(--mf-muted);
  font-size: 0.8rem;}
table.mf.cards td {grid-column: 1 / -1;}
table.mf.cards td.num {grid-column: auto; grid-template-columns: 1fr auto;}
table.mf.cards td.num br, table.mf.cards td.num small:not(.bad) {display: none;}
table.mf.cards tr.group, table.mf.cards tr.group td, table.mf.cards td.name {display: block;}
table.mf.cards td.name {font-size: 1.02rem; grid-column: 1; grid-row: 1;}
table.mf.cards .mf-bar {grid-column: 2;}
}
"""
)
