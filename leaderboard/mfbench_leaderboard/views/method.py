"""*Method*: one submission: its errors, every family, what it cost, where it comes from."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import streamlit as st

from mfbench.store.fresh_test.record import FreshTestRecord
from mfbench.store.rows import Summary
from mfbench.submission.card import write_card
from mfbench_leaderboard.data.board import Board, Choice, Row
from mfbench_leaderboard.data.citation import bibtex
from mfbench_leaderboard.data.curves import constant_line, curves
from mfbench_leaderboard.data.text import HEADLINES, TITLES, number, seconds, unit
from mfbench_leaderboard.figures.against_k import against_k
from mfbench_leaderboard.figures.families import per_family
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.state import current_board
from mfbench_leaderboard.style import empty, note, tiles
from mfbench_leaderboard.table import TRUST_NOTES, error_heads, html_table, method_badges, value
from mfbench_leaderboard.views.findings import show_findings
from mfbench_leaderboard.views.permalink import permalink

__all__ = ["show"]

SUBSETS = ("all", "seen", "unseen", "novel")


def show() -> None:
    """The page."""
    board = current_board()
    names = list(board.snapshot.summaries)
    if not names:
        st.html(empty("No submission yet", "The store is empty."))
        return
    wanted = st.query_params.get("submission")
    if wanted is not None and wanted not in names:
        st.warning("The submission of this link is not in the store; here is another one.")
    name = st.selectbox("Submission", names, key="submission", bind="query-params")
    summary, trust = board.snapshot.summaries[name], board.snapshot.trust(name)
    _headline(board, summary, trust)
    with st.container(horizontal=True):
        _cite(summary)
        permalink(submission=summary.id)
    tabs = st.tabs(["Errors", "Families", "Cost", "Fresh tests", "Provenance"])
    with tabs[0]:
        _errors(board, summary)
    with tabs[1]:
        _families(board, summary)
    with tabs[2]:
        _cost(summary)
    with tabs[3]:
        _fresh(board, summary)
    with tabs[4]:
        _provenance(summary)


def _cite(summary: Summary) -> None:
    """BibTeX with a button that copies it."""
    address = (st.context.url or "").partition("?")[0]
    with st.popover("Cite this row", icon=":material/format_quote:"):
        entry = bibtex(summary, f"{address}?submission={quote(summary.id)}")
        st.code(entry, language=None, wrap_lines=True)


def _headline(board: Board, summary: Summary, trust: str) -> None:
    card = summary.card
    row = Row(summary, trust, None, {}, 0)
    st.html(
        f'<div class="mf-title">{escape(card.method)}</div>'
        f"<div>{method_badges(row)}</div>"
        + (f'<div class="mf-note">{escape(card.description)}</div>' if card.description else "")
    )
    k = max((k for k in card.run.ks if k <= 50), default=max(card.run.ks))
    scores = board.select(card.run.split, k, query="all")
    scores = scores[scores["submission"] == summary.id].set_index("metric")
    items = [
        (number(scores.loc[m, "value"]), unit(m), f"{TITLES[m]}, K = {k}")
        for m in HEADLINES
        if m in scores.index
    ]
    parameters = f"{card.parameters:,}" if card.parameters else "–"
    st.html(
        tiles([*items, (parameters, "", "parameters"), (str(card.run.draws), "", "draws a family and K")])
    )
    show_findings(summary.findings)


def _errors(board: Board, summary: Summary) -> None:
    split = summary.card.run.split
    choice = Choice(split, max(summary.card.run.ks))
    with st.container(key="panels_method"):
        for column, metric in zip(st.columns(len(HEADLINES)), HEADLINES, strict=True):
            found = curves(board, choice, metric, [summary.id])
            line = constant_line(board, choice, metric)
            figure = against_k(metric, found, line, board.ks(split))
            column.plotly_chart(figure, config=CONFIG, key=f"method_{metric}", theme=None)
    frame = board.select(split)
    frame = frame[frame["submission"] == summary.id]
    body = []
    for k in sorted(summary.card.run.ks):
        for query in SUBSETS:
            part = frame[(frame["k"] == k) & (frame["query"] == query)].set_index("metric")
            if part.empty or not set(HEADLINES) & set(part.index):
                continue
            cells = "".join(f"<td>{_value(part, m)}</td>" for m in HEADLINES)
            body.append(
                f'<tr><td class="num">{k if query == "all" else ""}</td><td>{query}</td>{cells}</tr>'
            )
    st.html(html_table([("K", "labels"), ("Queries", "", "left"), *error_heads()], body))
    st.html(note("Mean over families, 95 % interval by bootstrap over families."))


def _value(part, metric: str) -> str:
    if metric not in part.index:
        return "–"
    row = part.loc[metric]
    return value(row["value"], row["lo"], row["hi"])


def _families(board: Board, summary: Summary) -> None:
    metric = st.segmented_control(
        "Error", list(HEADLINES), format_func=TITLES.get, default=HEADLINES[0], key="error", required=True
    )
    split = summary.card.run.split
    errors = {
        k: found
        for k in sorted(summary.card.run.ks)
        if (found := board.families(split, k, metric).get(summary.id)) is not None
    }
    if errors:
        figure = per_family(summary.families, errors, None, metric)
        st.plotly_chart(figure, config=CONFIG, key="per_family", theme=None)
    links = " ".join(
        f'<a href="family?family={escape(f, quote=True)}" target="_self">{escape(f)}</a>'
        for f in summary.families
    )
    st.html(f'<div class="mf-note">Look at a family: {links}</div>')


def _cost(summary: Summary) -> None:
    costs = sorted(summary.card.costs, key=lambda cost: cost.k)
    if not costs:
        st.html(empty("No costs declared"))
        return
    rows = (
        f'<tr><td class="num">{c.k}</td><td class="num">{number(c.gradient_evaluations)}</td>'
        f'<td class="num">{seconds(c.adapt_seconds)}</td><td class="num">{seconds(c.compile_seconds)}</td>'
        f'<td class="num">{seconds(c.predict_seconds)}</td>'
        f'<td class="num">{number(c.peak_memory_bytes / 2**20) if c.peak_memory_bytes else "–"}</td></tr>'
        for c in costs
    )
    heads = [
        ("K", "labels"),
        ("Gradients", "configurations"),
        ("Adaptation", "wall time"),
        ("Compilation", "wall time"),
        ("Prediction", "whole query"),
        ("Peak memory", "MiB, process"),
    ]
    st.html(html_table(heads, rows))
    hardware = summary.card.hardware
    where = f"{hardware.processor or 'unknown processor'}, {hardware.cores or '?'} cores"
    text = f"Medians over episodes, declared; {where}."
    before = summary.card.meta_gradients
    training = f" Training before adaptation: {before:,} configuration-gradients." if before else ""
    st.html(note(text + training + f" Timing harness {summary.card.timing_version}."))


def _fresh(board: Board, summary: Summary) -> None:
    records = board.snapshot.records.get(summary.id, [])
    if not records:
        how = (
            "Whoever has the data and tblite can make one:<br><br>"
            f"<code>mfbench verify {escape(summary.id)} --fresh</code>"
            if summary.card.weights_sha256 or summary.card.public_model
            else "No weights were deposited, so nobody can make one."
        )
        st.html(empty("No fresh test yet", how))
        return
    for record in records:
        st.html(
            f"<b>{record.verdict}</b>"
            + note(
                f"{record.verified_at}: {record.configurations:,} fresh configurations of "
                f"{record.fragments} fragments in {len(record.families)} families, "
                f"{_outside(record)}K = {', '.join(map(str, record.ks))}, {record.draws} draws. "
                f"Weights {record.weights_sha256[:12] or 'of the public model'}, "
                f"seed commitment {record.seed_commitment[:12]}."
            )
        )
        rows = "".join(
            f'<tr><td>{escape(TITLES.get(c.metric, c.metric))}</td><td class="num">{c.k}</td>'
            f'<td class="num">{number(c.claimed)}</td><td class="num">{number(c.fresh)}</td>'
            f"{_ratio(c.ratio, c.ratio_ci95)}{_ratio(c.typical, c.typical_ci95)}"
            f"<td>{escape(c.verdict)}</td></tr>"
            for c in record.comparisons
        )
        heads = [("Error", "", "left"), ("K", "labels"), ("Claimed", ""), ("Fresh", "")]
        heads += [("Fresh ÷ claimed", "95 %"), ("Typical fragment", "95 %"), ("Verdict", "", "left")]
        st.html(html_table(heads, rows))
    st.html(note(TRUST_NOTES[board.snapshot.trust(summary.id)]))


def _outside(record: FreshTestRecord) -> str:
    if record.outside is None:
        return ""
    found = record.outside
    return f"and {found.fragments} fragments cut from {len(found.entries)} entries outside of the split, "


def _ratio(value_: float, bounds: tuple[float, float]) -> str:
    low, high = bounds
    return (
        f'<td class="num"><span class="mf-v">{value_:.2f}</span> '
        f'<span class="mf-ci">{low:.2f} – {high:.2f}</span></td>'
    )


def _provenance(summary: Summary) -> None:
    card, run = summary.card, summary.card.run
    training = ", ".join(t.name for t in card.training) or "none declared"
    rows = [
        ("Submission", summary.id),
        ("Filed", summary.filed_at or "unknown"),
        ("Authors", ", ".join(card.authors) or "–"),
        ("Contact", card.contact or "–"),
        ("Track", f"{card.track}: {run.steps} steps of {run.batch}"),
        ("Support", f"selected: {run.selector}" if run.selector else "published draws"),
        ("Implementation", card.implementation or "–"),
        ("Training data", training),
        (
            "Tuning",
            f"{card.tuning.trials} trials on {card.tuning.families} families" if card.tuning else "–",
        ),
        (
            "Weights",
            f"deposited, SHA-256 {card.weights_sha256}" if card.weights_sha256 else "not deposited",
        ),
        ("Data", f"{run.split} {run.split_version}, {run.data_hash}"),
        ("Level of theory", f"tasks at {run.level} alone" if run.level else run.level_of_theory or "–"),
        ("Code", card.code_version or "–"),
        ("Seed", str(run.seed)),
    ]
    text = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in rows)
    for title, link in (("Paper", card.paper), ("Code at", card.code)):
        if link:
            safe = escape(link, quote=True)
            look = 'rel="noopener nofollow" target="_blank"'
            text += f'<dt>{title}</dt><dd><a href="{safe}" {look}>{safe}</a></dd>'
    st.html(f'<dl class="mf">{text}</dl>')
    for row in card.failures[:50]:
        st.html(note(f"failed: {row.family}, K = {row.k}, draw {row.draw}: {row.reason}"))
    st.download_button(
        "submission.yaml",
        write_card(card),
        file_name="submission.yaml",
        icon=":material/download:",
        on_click="ignore",
    )
