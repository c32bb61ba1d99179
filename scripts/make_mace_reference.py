"""Writes weights, energies and forces of a small ScaleShiftMACE in float64: the reference of the tests.

Runs where mace-torch 0.3.16 (e3nn 0.4.4) is installed; mfbench itself is not needed:
    python scripts/make_mace_reference.py [--out tests/reference_values/mace_reference.npz]
The model is built by mace's own constructor. Molecules are random, several elements and sizes.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch

_before = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
# e3nn 0.4.4 loads a file that holds a slice when it is imported; mace turns safe loading off for
# the process.
with torch.serialization.safe_globals([slice]):
    from e3nn import o3
    from mace import modules
if _before is None:
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)

ELEMENTS = [1, 6, 7, 8, 16, 30]
CONFIG = {
    "elements": ELEMENTS,
    "r_max": 4.5,
    "num_bessel": 6,
    "cutoff_power": 5,
    "channels": 4,
    "num_interactions": 3,
    "radial_mlp": [12, 10],
    "readout_width": 16,
    "avg_num_neighbors": 9.7,
    "scale": 0.8,
    "shift": 0.13,
}


def build(config: dict) -> torch.nn.Module:
    """mace's ScaleShiftMACE with the pair of interaction blocks that run_train uses by default."""
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    c = config["channels"]
    return modules.ScaleShiftMACE(
        atomic_inter_scale=config["scale"],
        atomic_inter_shift=config["shift"],
        r_max=config["r_max"],
        num_bessel=config["num_bessel"],
        num_polynomial_cutoff=config["cutoff_power"],
        max_ell=2,
        interaction_cls=block,
        interaction_cls_first=block,
        num_interactions=config["num_interactions"],
        num_elements=len(config["elements"]),
        hidden_irreps=o3.Irreps(f"{c}x0e+{c}x1o"),
        MLP_irreps=o3.Irreps(f"{config['readout_width']}x0e"),
        atomic_energies=np.zeros(len(config["elements"])),
        avg_num_neighbors=config["avg_num_neighbors"],
        atomic_numbers=config["elements"],
        correlation=2,
        gate=torch.nn.functional.silu,
        radial_MLP=list(config["radial_mlp"]),
        use_reduced_cg=False,
    )


def molecule(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random atoms no closer than 0.9 Å, in a ball that leaves some pairs beyond the cutoff."""
    radius = 1.45 * n ** (1 / 3) + 0.8
    positions: list[np.ndarray] = []
    while len(positions) < n:
        x = rng.uniform(-radius, radius, 3)
        if np.linalg.norm(x) < radius and all(np.linalg.norm(x - y) > 0.9 for y in positions):
            positions.append(x)
    return rng.choice(ELEMENTS, n), np.array(positions)


def evaluate(model: torch.nn.Module, numbers: np.ndarray, positions: np.ndarray, config: dict):
    """Interaction energy (eV) and forces (eV/Å) of one molecule."""
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    edges = np.array(np.nonzero((distance < config["r_max"]) & ~np.eye(len(numbers), dtype=bool)))
    attributes = np.equal.outer(numbers, config["elements"]).astype(float)
    data = {
        # mace calls requires_grad_ on the positions it is given: hand it a fresh tensor.
        "positions": torch.tensor(positions),
        "node_attrs": torch.tensor(attributes),
        "edge_index": torch.tensor(edges),
        "shifts": torch.zeros(edges.shape[1], 3),
        "unit_shifts": torch.zeros(edges.shape[1], 3),
        "cell": torch.zeros(3, 3),
        "batch": torch.zeros(len(numbers), dtype=torch.long),
        "ptr": torch.tensor([0, len(numbers)]),
    }
    out = model(data)
    return out["interaction_energy"].item(), out["forces"].detach().numpy()


def main() -> None:
    """Builds, evaluates and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tests/reference_values/mace_reference.npz"))
    out = parser.parse_args().out
    torch.set_default_dtype(torch.float64)
    arrays: dict[str, np.ndarray] = {}
    rng = np.random.default_rng(7)
    molecules = [molecule(rng, n) for n in (2, 5, 9, 14)]
    for tag, layers in (("two", 2), ("three", 3)):
        torch.manual_seed(11)
        config = CONFIG | {"num_interactions": layers}
        model = build(config)
        arrays[f"{tag}/config"] = np.array(json.dumps(config))
        for name, value in model.state_dict().items():
            if value.numel() and "U_matrix" not in name and "output_mask" not in name:
                arrays[f"{tag}/state/{name}"] = value.numpy()
        for k, (numbers, positions) in enumerate(molecules):
            energy, forces = evaluate(model, numbers, positions, config)
            arrays[f"{tag}/energy/{k}"], arrays[f"{tag}/forces/{k}"] = np.array(energy), forces
    for k, (numbers, positions) in enumerate(molecules):
        arrays[f"numbers/{k}"], arrays[f"positions/{k}"] = numbers, positions
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
