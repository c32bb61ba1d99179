"""What pages share: the store of this server, its snapshot, and answers that are kept between reruns."""

from __future__ import annotations

import sys

import streamlit as st

from mfbench.errors import MfbenchError
from mfbench.store import open_store, read_store
from mfbench.store.store import Store
from mfbench_leaderboard.data.board import Board, Choice, Standings, standings
from mfbench_leaderboard.style import note

__all__ = ["current_board", "current_standings", "current_store", "show_broken"]


@st.cache_resource
def current_store() -> Store:
    """The store that the server was started with."""
    return open_store(sys.argv[1] if len(sys.argv) > 1 else "")


@st.cache_resource(ttl=60, max_entries=2, show_spinner="Reading the store ...")
def _board(url: str, state: int) -> Board:
    return Board(read_store(current_store()))


def current_board() -> Board:
    """The board of the store as it is now; whole again within a minute where a file was altered."""
    store = current_store()
    try:
        return _board(store.url, hash((*store.ids(), *_tests(store))))
    except (MfbenchError, OSError) as error:
        st.error("The store cannot be read.")
        st.text(str(error))
        st.stop()


def _tests(store: Store) -> list[str]:
    names = store.files.list("verifications")
    return [f"{name}/{file}" for name in names for file in store.files.list(f"verifications/{name}")]


def current_standings(board: Board, choice: Choice) -> Standings:
    """Standings of a board, computed once a choice."""
    kept = board.__dict__.setdefault("kept_standings", {})
    if choice not in kept:
        kept[choice] = standings(board, choice)
    return kept[choice]


def show_broken(board: Board) -> None:
    """Name every folder that could not be shown."""
    broken = board.snapshot.broken
    if broken:
        with st.expander(
            f"{len(broken)} folder(s) of this store cannot be shown", icon=":material/warning:"
        ):
            for item in broken:
                st.html(note(f"{item.name}: {item.reason}"))
