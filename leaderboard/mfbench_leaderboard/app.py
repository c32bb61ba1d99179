"""The app's entry: page frame, navigation, theme. Run by ``mfbench leaderboard``."""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image

from mfbench_leaderboard.css import CSS
from mfbench_leaderboard.style import header
from mfbench_leaderboard.views import about, compare, constructions, family, leaderboard, method, submit


def icon() -> Image.Image:
    """Three bars. A named icon would be fetched from elsewhere."""
    pixels = np.full((32, 32, 3), 255, np.uint8)
    for left, top in ((4, 16), (13, 6), (22, 11)):
        pixels[top:28, left : left + 6] = (15, 118, 110)
    return Image.fromarray(pixels)


st.set_page_config(page_title="mfbench leaderboard", page_icon=icon(), layout="wide")
st.html(f"<style>{CSS}</style>")
pages = [
    st.Page(leaderboard.show, title="Leaderboard", url_path="leaderboard", default=True),
    st.Page(method.show, title="Method", url_path="method"),
    st.Page(compare.show, title="Compare", url_path="compare"),
    st.Page(family.show, title="Family", url_path="family"),
    st.Page(constructions.show, title="Constructions", url_path="constructions"),
    st.Page(submit.show, title="Submit", url_path="submit"),
    st.Page(about.show, title="About", url_path="about"),
]
page = st.navigation(pages, position="top")
st.html(header())
page.run()
