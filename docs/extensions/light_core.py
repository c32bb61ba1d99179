"""The site is built by the light core: a backend that gets imported on the way fails the build."""

import sys

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

HEAVY = ("torch", "jax", "streamlit", "mfbench_jax", "mfbench_torch", "mfbench_leaderboard")


def check(app: Sphinx, exception: Exception | None) -> None:
    """Refuse a build that imported a backend."""
    if exception is None and (found := [name for name in HEAVY if name in sys.modules]):
        raise ExtensionError(f"the documentation imported {', '.join(found)}: the core must not need them")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the check."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
