"""Speed of training: configuration-gradients per CPU second, against an earlier version and mace-torch.

    OMP_NUM_THREADS=1 python scripts/bench_train.py --json bench-train.json

A step is what the training loop does: data, gradient, clip, Adam. ``joint`` is one of joint training,
``maml`` an outer step (second order), counted in configuration-gradients as the cards count them. Every
measured thing is a process of its own; rounds are interleaved, medians count, on one thread, without
compilation.

    gradients_per_cpu_second   by backend, channels and kind of step
    vs_previous                the same / that of the version that --previous names (a commit, from git)
    vs_mace_torch              joint steps / mace-torch's own training step, same channels and batch
    share_of_peak              floating-point operations of the joint gradient that XLA counts, per second,
                               over those of a large matrix product on the same thread
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mfbench.protocol.cost import hardware

HERE = Path(__file__).resolve().parent
PREVIOUS = "271a9f2"
"""The last commit before training was made faster."""


class Measured:
    """A process that times itself when it is asked to."""

    def __init__(self, program: str, wanted: dict, root: Path) -> None:
        parts = [root, root / "tasks", root / "baselines", HERE]
        path = os.pathsep.join(map(str, parts))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, HERE / "benchmarks" / program, json.dumps(wanted)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self) -> float:
        """Of CPU per configuration-gradient, in one more round."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a measured process ended early: see its message above")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def checkout(commit: str, folder: Path) -> Path:
    """The packages of an earlier version, unpacked."""
    archive = subprocess.run(
        ["git", "-C", HERE.parent, "archive", commit, "mfbench", "baselines", "tasks"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["tar", "x", "-C", folder], input=archive.stdout, check=True)
    return folder


def peak() -> float:
    """Floating-point operations per CPU second of a large float32 matrix product."""
    size, times = 2048, []
    a = np.ones((size, size), np.float32)
    for _ in range(5):
        began = time.process_time()
        a @ a
        times.append(time.process_time() - began)
    return 2 * size**3 / float(np.median(times))


def operations(channels: int, batch: int) -> float:
    """That XLA counts in one joint gradient, per configuration."""
    import jax

    import mfbench
    from benchmarks.training_step import modules, settings_for
    from mfbench_jax.meta.steps import joint_gradient
    from mfbench_jax.models.architecture import init

    found, split = modules(), mfbench.load_split("cath-mini")
    baseline = found["fit_baseline"](split.train_configurations, split.isolated_atom_energies)
    config = found["config_for"](split, "mace", channels=channels)
    step = joint_gradient(split.train, config, baseline, settings_for("joint", batch)[0])
    lowered = jax.jit(step.function).lower(init(config, 0), step.data(0))
    return float(lowered.compile().cost_analysis()["flops"]) / batch


def measure(arguments: argparse.Namespace, previous: Path | None) -> dict:
    """Every number of the report."""
    root, report = HERE.parent, {}
    for channels in arguments.channels:
        for kind in arguments.kinds:
            wanted = {
                "channels": channels,
                "kind": kind,
                "batch": arguments.batch,
                "steps": arguments.steps,
            }
            running = {}
            for backend in arguments.backends:
                asked = {"backend": backend, **wanted}
                running[backend] = Measured("training_step.py", asked, root)
                if previous:
                    running[f"previous {backend}"] = Measured("training_step.py", asked, previous)
            if kind == "joint" and not arguments.without_mace:
                shape = {"channels": channels, "batch": arguments.batch, "steps": arguments.steps}
                running["mace-torch"] = Measured("mace_torch_step.py", shape, root)
            rounds = [{n: p.seconds() for n, p in running.items()} for _ in range(arguments.rounds + 1)]
            for process in running.values():
                process.close()
            medians = {n: float(np.median([r[n] for r in rounds[1:]])) for n in running}
            report[f"{kind} {channels} channels"] = medians
    return report


def summary(seconds: dict, backends: list[str]) -> dict:
    """The report from CPU seconds per configuration-gradient."""
    rates, previous, mace = {}, {}, {}
    for name, found in seconds.items():
        for backend in backends:
            key = f"{backend} {name}"
            rates[key] = 1.0 / found[backend]
            if (old := found.get(f"previous {backend}")) is not None:
                previous[key] = old / found[backend]
            if (other := found.get("mace-torch")) is not None:
                mace[key] = other / found[backend]
    return {"gradients_per_cpu_second": rates, "vs_previous": previous, "vs_mace_torch": mace}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--previous", default=PREVIOUS, help="commit to compare with; '' for none")
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--kinds", nargs="+", default=["joint", "maml"])
    parser.add_argument("--backends", nargs="+", default=["jax", "torch"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-mace", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        previous = checkout(arguments.previous, Path(folder)) if arguments.previous else None
        seconds = measure(arguments, previous)
    report = summary(seconds, arguments.backends)
    if "jax" in arguments.backends and "joint" in arguments.kinds:
        best = peak()
        shares = {c: operations(c, arguments.batch) for c in arguments.channels}
        rates = report["gradients_per_cpu_second"]
        report["share_of_peak"] = {
            f"{c} channels": n * rates[f"jax joint {c} channels"] / best for c, n in shares.items()
        }
        report["peak_flops_per_second"] = best
    settings = {k: v for k, v in vars(arguments).items() if k != "json"}
    report |= {"cpu_seconds_per_gradient": seconds, "settings": settings, "hardware": hardware()}
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
