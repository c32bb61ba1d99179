"""The address of what is on the screen, with a button that copies it."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

__all__ = ["permalink"]


def permalink(**state: object) -> None:
    """Show the address of this view: the URL's own state, and what the page stands on by default.

    Defaults move as a store grows; the link holds what they were.
    """
    shown = {name: str(value) for name, value in state.items()}
    for name in st.query_params:
        values = st.query_params.get_all(name)
        shown[name] = values if len(values) > 1 else values[0]
    address = (st.context.url or "").partition("?")[0]
    with st.popover("Link to this view", icon=":material/link:"):
        st.code(f"{address}?{urlencode(shown, doseq=True)}", language=None, wrap_lines=True)
