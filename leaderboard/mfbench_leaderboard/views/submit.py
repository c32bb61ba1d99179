"""*Submit*: files in, checked and scored in front of you, then filed if you want."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from mfbench.errors import MfbenchError, SubmissionError
from mfbench.store import file_submission
from mfbench.store.files import LocalFiles
from mfbench.submission import Checked, check_files
from mfbench.submission.card import write_card
from mfbench_leaderboard.data.text import HEADLINES
from mfbench_leaderboard.state import current_store
from mfbench_leaderboard.style import empty, note
from mfbench_leaderboard.table import error_heads, html_table, value
from mfbench_leaderboard.views.findings import show_findings

__all__ = ["show"]


def show() -> None:
    """The page."""
    st.subheader("See your method scored, then file it")
    st.html(
        note(
            "Drop the files of a run folder (run.json, results.json, predictions.parquet), or a "
            "submission (submission.yaml, predictions.parquet, and weights.safetensors with weights.json "
            "if you deposit them). They are checked and scored here; nothing is stored before you say so."
        )
    )
    uploads = st.file_uploader(
        "Files",
        accept_multiple_files=True,
        key="files",
        type=["json", "yaml", "parquet", "safetensors", "png"],
    )
    if not uploads:
        how = (
            "On the command line the same is<br><br><code>mfbench submit runs/mine --draft mine</code><br>"
            "<code>mfbench submit mine --check</code>"
        )
        st.html(empty("Nothing here yet", how))
        return
    try:
        with st.spinner("Scoring ..."):
            checked = check_files({upload.name: upload.getvalue() for upload in uploads})
    except SubmissionError as error:
        st.error(f"**Refused: {error.kind}**", icon=":material/block:")
        st.text(error.reason)
        return
    except MfbenchError as error:
        st.error("This cannot be scored.", icon=":material/block:")
        st.text(str(error))
        return
    _show(checked)
    if not checked.refusals:
        _file(checked)


def _show(checked: Checked) -> None:
    for finding in checked.findings:
        if finding.refuses:
            st.error(f"**Refused: {finding.kind}**", icon=":material/block:")
            st.text(finding.message)
    show_findings([f for f in checked.findings if not f.refuses])
    if not checked.refusals:
        st.success("It can be filed. These are its scores, recomputed.", icon=":material/check_circle:")
    rows = (
        f'<tr><td class="num">{k}</td>'
        + "".join(f"<td>{_cell(checked.results.find(metric, k))}</td>" for metric in HEADLINES)
        + "</tr>"
        for k in checked.results.ks
    )
    st.html(html_table([("K", "labels"), *error_heads()], rows))
    st.html(
        note(
            f"{checked.card.method} on {checked.card.run.split}, "
            f"{len(checked.reference.episodes)} episodes."
        )
    )


def _cell(row) -> str:
    return "–" if row is None else value(row.value, *row.ci95)


def _file(checked: Checked) -> None:
    store = current_store()
    if not isinstance(store.files, LocalFiles):
        st.html(note(f"This store is remote: file it with 'mfbench submit DIR --to {store.url}'."))
        return
    if not checked.card.description.strip():
        st.html(
            note(
                "One step is missing: its card does not say what the method does. Download it, write a "
                "description, and drop it here beside the other files."
            )
        )
        st.download_button("submission.yaml", write_card(checked.card), "submission.yaml", "text/yaml")
        return
    if st.button("File it", type="primary", icon=":material/publish:"):
        try:
            name, said = file_submission(store, checked)
        except MfbenchError as error:
            st.error("**Not filed**", icon=":material/block:")
            st.text(str(error))
            return
        st.success(f"Filed as {name}{f' ({said})' if said else ''}", icon=":material/check_circle:")
        st.html(f'<a href="method?submission={quote(name)}" target="_self">See its page</a>')
