"""A Dask cluster builds what the process pool builds, also when one of its workers dies."""

import os
import shutil
import signal
import threading
import time

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")
pytest.importorskip("distributed")

from distributed import Client

from mfbench.cli import main
from mfbench.work.dask_cluster import ClusterError, DaskCluster


def test_killing_a_worker_loses_nothing(cluster, built, recipe_file, structures, tmp_path, run):
    """kill -9 on the worker that is making a fragment; the other one makes it, with the same bytes."""
    pids = {name: cluster.worker(name).pid for name in ("one", "two")}
    killed = []
    with DaskCluster(cluster.address) as pool, Client(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)

        def kill(done, total):
            if done < 1 or killed:
                return
            names = {address: w["name"] for address, w in client.scheduler_info()["workers"].items()}
            busy = [names[address] for address, keys in client.processing().items() if keys]
            if busy:
                os.kill(pids[busy[0]], signal.SIGKILL)
                killed.append((busy[0], done, total))

        manifest = run(recipe_file, structures, tmp_path, executor=pool, progress=kill)
        assert len(client.scheduler_info()["workers"]) == 1
    assert killed[0][1] < killed[0][2]
    assert manifest["data_hash"] == built[1]["data_hash"]
    for table in (built[0] / "out").iterdir():
        assert (tmp_path / "out" / table.name).read_bytes() == table.read_bytes()


def test_the_command_line_finishes_a_build_on_a_cluster(cluster, built, recipe_file, structures, tmp_path):
    """A journal begun by the process pool's builds lacks one fragment."""
    cluster.worker("one")
    journal = shutil.copytree(built[0] / "journal", tmp_path / "journal")
    min(journal.glob("*.npz")).unlink()
    command = [
        "data",
        "build",
        str(recipe_file),
        "--structures",
        str(structures),
        "--out",
        str(tmp_path / "out"),
    ]
    command += ["--journal", str(journal), "--resume", "--scheduler", cluster.address]
    assert main(command) == 0
    assert len(list(journal.glob("*.npz"))) == 6
    for table in (built[0] / "out").iterdir():
        assert (tmp_path / "out" / table.name).read_bytes() == table.read_bytes()


def test_workers_compute_with_one_thread_and_unwatched_also_those_that_join_later(cluster):
    def watches(dask_worker):
        return {"profile", "tick"} & set(dask_worker.periodic_callbacks)

    cluster.worker("one")
    with DaskCluster(cluster.address) as pool, Client(cluster.address) as client:
        assert pool.call(os.getenv, "OMP_NUM_THREADS") == "1"
        cluster.worker("two")
        client.wait_for_workers(2, timeout=60)
        assert list(client.run(os.getenv, "OPENBLAS_NUM_THREADS").values()) == ["1", "1"]
        assert list(client.run(watches).values()) == [set(), set()]


def test_a_cluster_that_cannot_be_used_is_one_line(cluster, recipe_file, structures, tmp_path, capsys):
    def line(address):
        command = [
            "data",
            "build",
            str(recipe_file),
            "--structures",
            str(structures),
            "--out",
            str(tmp_path / "o"),
        ]
        assert main([*command, "--scheduler", address]) == 2
        (found,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error:")]
        return found

    assert "no Dask scheduler answers at nonsense://" in line("nonsense://here")
    cluster.worker("wide", threads=2)
    assert "runs 2 threads" in line(cluster.address)


def test_a_scheduler_that_dies_is_one_line(cluster):
    cluster.worker("one")

    def lose():
        with DaskCluster(cluster.address) as pool:
            threading.Timer(1.0, cluster.processes[0].kill).start()
            pool.call(time.sleep, 30)

    with pytest.raises(ClusterError, match="continue with --resume"):
        lose()
