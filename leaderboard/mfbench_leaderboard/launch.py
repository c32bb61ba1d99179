"""Starting the app: Streamlit on a local port, light or dark as the browser prefers, nothing sent out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import plotly  # noqa: F401  # missing packages are named before a server starts
import streamlit.web.cli

from mfbench_leaderboard.css import DARK, LIGHT

__all__ = ["arguments", "launch"]

SHARED = {"baseRadius": "0.5rem", "showWidgetBorder": "true"}


def _theme(colours: Mapping[str, str]) -> dict[str, str]:
    """Streamlit's own widgets, in the colours of the pages."""
    return {
        "primaryColor": colours["accent"],
        "backgroundColor": colours["paper"],
        "secondaryBackgroundColor": colours["soft"],
        "textColor": colours["ink"],
        "linkColor": colours["accent"],
        "borderColor": colours["line"],
    }


def arguments(store: str, port: int, *, headless: bool = True) -> list[str]:
    """Command line of ``streamlit``: the app on ``localhost:port``."""
    options = {
        "server.port": port,
        "server.address": "localhost",
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": 256,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        **{f"theme.{name}": value for name, value in SHARED.items()},
        **{f"theme.light.{name}": value for name, value in _theme(LIGHT).items()},
        **{f"theme.dark.{name}": value for name, value in _theme(DARK).items()},
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return ["run", str(Path(__file__).with_name("app.py")), *flags, "--", store]


def launch(store: str, port: int) -> int:
    """Serve until interrupted; returns the exit code."""
    print(f"leaderboard of {store} on http://localhost:{port}   (Ctrl-C ends it)", file=sys.stderr)
    try:
        streamlit.web.cli.main(arguments(store, port), standalone_mode=False)
    except KeyboardInterrupt:
        return 130
    return 0
