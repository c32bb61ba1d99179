"""Time and memory of meta-learning on MACE: ours against torchopt and higher, PyTorch against JAX.

    pip install -c constraints.txt -e '.[bench]'     # the peers, for part a
    OMP_NUM_THREADS=1 XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" \\
        python scripts/bench_meta.py --json bench.json

Peers compute the same gradient as ours (checked) on mace-torch's own model. Rounds are interleaved, the
median counts; time is CPU time of one thread, memory the growth of a forked process's peak resident size.
On a GPU: wall time and peak memory allocated.

    speedup_vs_best_peer   a  time of the fastest peer / ours, one MAML gradient, n = 5
    memory_vs_best_peer    a  memory of ours / the leanest peer, n = 5
    jax_over_torch         b  time of JAX (compiled before) / PyTorch, n = 5
    outer_seconds          c  MAML, FOMAML, Reptile in both, n = 1, 5, 20
    maml_over_fomaml       c  time of ours, n = 5
    memory_n20_over_n1     d  ours, 20 inner steps against 1; JAX's is the compiler's temporary memory
    adapt_speedup          e  K = 50 fine-tuning by mace_run_train / ours: its command over our adapt(), the
                              two processes with all they import and read, and the gradient steps alone
    gradient_flops         f  per configuration and loss gradient: PyTorch's matrix products; all, by XLA
    share_of_peak          f  of the matrix-product speed of this machine
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.meta.episode import OUTER, Episode, ours
from benchmarks.meta.measure import medians, memory
from benchmarks.meta.peers import PEERS, missing_peers
from mfbench.protocol.cost import hardware
from mfbench_torch.device import device
from mfbench_torch.meta.inner import gradient_of

STEPS = (1, 5, 20)
N = 5


def against_peers(episode: Episode, small: Episode, rounds: int) -> dict:
    """(a)"""
    functions = {"ours": ours("maml"), **PEERS}
    # Each in its own forked process, before this one has computed anything.
    memories = {
        name: memory(partial(f, episode, N, episode.mace()), partial(f, small, 1, small.mace()))
        for name, f in functions.items()
    }
    reference = ours("maml")(episode, N)
    for name, peer in PEERS.items():
        error = ((peer(episode, N, episode.mace()) - reference).norm() / reference.norm()).item()
        if error > 1e-3:
            raise SystemExit(f"{name} computes another gradient: {error:.1e} relative")
    makers = {n: lambda f=f: partial(f, episode, N, episode.mace()) for n, f in functions.items()}
    median = medians(makers, rounds)
    return {
        "speedup_vs_best_peer": min(median[p] for p in PEERS) / median["ours"],
        "memory_vs_best_peer": memories["ours"] / min(memories[p] for p in PEERS),
        "peer_seconds": median,
        "peer_memory_bytes": memories,
    }


def flat_memory(episode: Episode, small: Episode) -> dict:
    """(d), PyTorch"""
    run = ours("maml")
    found = {str(n): memory(partial(run, episode, n), partial(run, small, 1)) for n in STEPS}
    return {"memory_n20_over_n1": found["20"] / found["1"], "memory_bytes": found}


def both_backends(episode: Episode, methods: Sequence[str], steps: Sequence[int], rounds: int) -> dict:
    """(b), (c), and (d) of JAX, for some methods and numbers of inner steps; n = 5 is among them."""
    from benchmarks.meta.twin import Twin

    twin = Twin(episode)
    programs = {(m, n): twin.compiled(m, n) for m in methods for n in steps}
    program, arguments = programs["maml", N]
    there, here = twin.flat(program(*arguments)), ours("maml")(episode, N).cpu().numpy()
    if (error := np.linalg.norm(there - here) / np.linalg.norm(here)) > 1e-3:
        raise SystemExit(f"JAX computes another gradient: {error:.1e} relative")
    makers = {}
    for (method, n), (program, arguments) in programs.items():
        makers[f"torch {method} n={n}"] = lambda m=method, n=n: partial(ours(m), episode, n)
        makers[f"jax {method} n={n}"] = lambda p=program, a=arguments: lambda: _wait(p(*a))
    median = medians(makers, rounds)
    temporary = {n: programs["maml", n][0].memory_analysis().temp_size_in_bytes for n in steps}
    return {
        "jax_over_torch": median[f"jax maml n={N}"] / median[f"torch maml n={N}"],
        "outer_seconds": median,
        "jax_memory_bytes": temporary,
    }


def flops(episode: Episode, rounds: int) -> dict:
    """(f)"""
    from benchmarks.meta.twin import Twin

    run = partial(gradient_of, episode.loss, episode.params, episode.query)
    with FlopCounterMode(display=False) as counter:
        run()
    program, arguments = Twin(episode).one_gradient()
    size = 2048
    a, b = (torch.ones(size, size, device=device()) for _ in range(2))
    makers = {
        "torch": lambda: run,
        "jax": lambda: lambda: _wait(program(*arguments)),
        "product": lambda: lambda: a @ b,
    }
    median = medians(makers, rounds)
    peak = 2 * size**3 / median["product"]
    counts = {"torch": counter.get_total_flops(), "jax": program.cost_analysis()["flops"]}
    return {
        "gradient_flops": {k: v / episode.k for k, v in counts.items()},
        "gradient_seconds": {k: median[k] / episode.k for k in counts},
        "peak_flops_per_second": peak,
        "share_of_peak": {k: v / median[k] / peak for k, v in counts.items()},
    }


def adaptation(rounds: int) -> dict:
    """(e)"""
    from benchmarks.meta.finetuning import adaptation_seconds

    found = adaptation_seconds(rounds)
    median = {kind: {part: float(np.median(v)) for part, v in x.items()} for kind, x in found.items()}
    ours, mace = median["ours"], median["mace"]
    ratio = {
        "command_over_call": mace["whole"] / ours["steps"],
        "process_over_process": mace["whole"] / ours["whole"],
        "steps_over_steps": mace["steps"] / ours["steps"],
    }
    return {"adapt_speedup": ratio, "adapt_seconds": median}


def _wait(tree):
    return [leaf.block_until_ready() for leaf in tree.values()]


def main() -> None:
    """Measure the parts that were asked for, print them, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--parts", default="abcdef", help="which of (a) to (f); c holds b, and compiles 9 programs"
    )
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if "a" in arguments.parts and (missing := missing_peers()):
        install = "pip install -c constraints.txt -e '.[bench]'"
        print(f"error: part a needs {' and '.join(missing)}: {install}, or --parts bcdef", file=sys.stderr)
        raise SystemExit(2)
    torch.set_num_threads(1)
    episode, parts, rounds = Episode(arguments.channels, arguments.k), arguments.parts, arguments.rounds
    small = Episode(arguments.channels, 1)
    report = flat_memory(episode, small) if "d" in parts else {}
    if "a" in parts:
        report |= against_peers(episode, small, rounds)
    if "e" in parts:
        report |= adaptation(rounds)
    if "c" in parts:
        report |= both_backends(episode, tuple(OUTER), STEPS, rounds)
        of_n = [report["outer_seconds"][f"torch {m} n={N}"] for m in ("maml", "fomaml")]
        report["maml_over_fomaml"] = of_n[0] / of_n[1]
    elif "b" in parts:
        report |= both_backends(episode, ("maml",), (N,), rounds)
    if "f" in parts:
        report |= flops(episode, rounds)
    settings = {k: v for k, v in vars(arguments).items() if k != "json"}
    report |= {"settings": settings, "device": str(device()), "hardware": hardware()}
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
