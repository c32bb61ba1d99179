"""Starting the app: Streamlit on a local port, with our theme, and nothing sent anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import plotly  # noqa: F401  # missing packages are named before a server starts
import streamlit.web.cli

__all__ = ["arguments", "launch"]

THEME = {
    "base": "light",
    "primaryColor": "#0f766e",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f6f5",
    "textColor": "#16302e",
    "linkColor": "#0f766e",
    "borderColor": "#dfe7e5",
    "baseRadius": "0.5rem",
    "showWidgetBorder": "true",
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
        **{f"theme.{name}": value for name, value in THEME.items()},
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
