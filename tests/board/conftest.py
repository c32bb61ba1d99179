"""A server of the board, a browser, and a store of made-up numbers: methods in two tracks on `levels`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mfbench.metrics.errors import METRICS
from mfbench.store.open import open_store
from mfbench.store.rows import ROWS, Summary, write_part
from mfbench.store.store import submission_id
from mfbench.submission.card import Card, Cost, DeclaredRun, Hardware, write_card

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
PATIENT = 60_000
KS = [0, 5, 10, 50]
FAMILIES = [f"pm7.family-{i:02d}" for i in range(16)]
METHODS = {  # error at K = 0, and what adaptation leaves of it in the standard and the converged track
    "scratch": (14.0, 0.75, 0.45, None),
    "ridge": (9.0, 0.70, 0.66, 500_000),
    "pretrain": (9.0, 0.60, 0.40, 500_000),
    "maml": (9.2, 0.58, 0.41, 2_000_000),
    "reptile": (9.5, 0.62, 0.42, 1_000_000),
}


@contextmanager
def _serving(store: Path):
    """Address of the app on a store, served by the command that people use."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(str(ROOT / part) for part in ("", "tasks", "baselines", "leaderboard"))
    command = [sys.executable, "-m", "mfbench", "leaderboard", "--store", str(store), "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=store.parent,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            break
        except OSError:
            time.sleep(0.3)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def serving():
    """A context manager: folder of a store → address of the app."""
    return _serving


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect.set_options(timeout=PATIENT)  # a busy machine is slow, and not wrong
    flags = [
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--ignore-gpu-blocklist",
    ]
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser):
    """(address of the app, width, theme) → a page. The test fails on a dialog, an exception box, or a
    request to anywhere else."""
    pages, foreign, dialogs = [], [], []

    def opened(server: str, width: int = 1380, theme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
        page.set_default_timeout(PATIENT)
        ours = (server, server.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(ours) else foreign.append(r.url))
        page.on("dialog", lambda d: (dialogs.append(d.message), d.dismiss()))
        pages.append(page)
        return page

    yield opened
    for page in pages:
        assert page.locator("[data-testid=stException]").count() == 0
        page.close()
    assert foreign == []
    assert dialogs == []


@pytest.fixture(scope="session")
def made_up_store():
    """(folder, split, tracks) → a store in that folder."""
    return _made_up_store


def _made_up_store(folder, split="levels", tracks=("standard", "converged")):
    """Write it; returns the store."""
    rng = np.random.default_rng(0)
    store = open_store(folder)
    difficulty = rng.lognormal(0, 0.3, size=len(FAMILIES))
    summaries, tables = [], []
    for name, (start, short, long, training) in METHODS.items():
        for track in tracks:
            left = short if track == "standard" else long
            summary, table = _row(store, split, name, track, start, left, training, difficulty, rng)
            summaries.append(summary)
            tables.append(table)
    order = np.argsort([s.id for s in summaries])
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    store.files.write("index.parquet", write_part([summaries[i] for i in order], table, {"records": {}}))
    return store


def _row(store, split, method, track, start, left, training, difficulty, rng):
    steps, batch = (20, 16) if track == "standard" else (2000, 4)
    run = DeclaredRun(
        split=split, split_version="1.0.0", data_hash="ab" * 32, level_of_theory="PM7", ks=KS, draws=5,
        steps=steps, batch=batch,
    )  # fmt: skip
    costs = [
        Cost(k=k, adapt_seconds=0.01 * steps * (k > 0), gradient_evaluations=steps * batch * (k > 0))
        for k in KS
    ]
    card = Card(
        method=method, implementation=method, track=track, arch="mace", backend="jax", parameters=10_136,
        description=f"A made-up row of {method}.", authors=["Ada Lovelace", "Émilie du Châtelet"],
        meta_gradients=training, code_version="0.9.0 (0123456789ab)", run=run, costs=costs,
        hardware=Hardware(processor="none", cores=2),
    )  # fmt: skip
    files = {"submission.yaml": write_card(card).encode(), "predictions.parquet": rng.bytes(200)}
    name = submission_id(method, files)
    store.files.add_folder(f"submissions/{name}", files, "")
    summary = Summary(
        id=name, card=card, families=FAMILIES, groups=list(range(len(FAMILIES))), findings=[], failed=0,
        episodes=len(KS) * 5 * len(FAMILIES), filed_at="2026-11-28T12:00:00Z",
        stamp=store.files.stamp(f"submissions/{name}"),
    )  # fmt: skip
    rows = []
    for metric in METRICS:
        for k in KS:
            level = start * (left + (1 - left) / (1 + k))
            errors = level * difficulty * rng.lognormal(0, 0.05, size=len(FAMILIES))
            for query in ("all", "seen", "unseen"):
                rows.append(_scores(name, split, k, query, metric, errors, start))
    for cost in costs:
        for metric in ("adapt_seconds", "gradient_evaluations"):
            rows.append(_cost(name, split, cost.k, metric, getattr(cost, metric)))
    return summary, pa.Table.from_pylist(rows, schema=ROWS)


def _scores(name, split, k, query, metric, errors, start):
    spread = 2 * errors.std() / len(errors) ** 0.5
    value = float(errors.mean())
    return _cost(name, split, k, metric, value) | {
        "query": query,
        "lo": value - spread,
        "hi": value + spread,
        "constant": 2.5 * start,
        "families": errors.astype(np.float32),
    }


def _cost(name, split, k, metric, value):
    return {
        "submission": name, "split": split, "k": k, "query": "all", "metric": metric, "value": value,
        "lo": None, "hi": None, "n_families": len(FAMILIES), "constant": None, "families": None,
        "sketch": None,
    }  # fmt: skip
