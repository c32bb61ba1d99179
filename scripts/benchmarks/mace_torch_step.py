"""mace-torch's own training step on the same configurations: its model, loss, data loader and Adam.

python scripts/benchmarks/mace_torch_step.py '{"channels": 8, "batch": 4, "steps": 8}'
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

import mfbench
from mfbench.learned.training.prepare import config_for
from mfbench_torch.models.network import build


def main() -> None:
    """CPU seconds per configuration-gradient, one number per line that comes in on standard input."""
    from mace.data import AtomicData, Configuration, KeySpecification, config_from_atoms  # noqa: F401
    from mace.modules import WeightedEnergyForcesLoss
    from mace.tools import AtomicNumberTable, torch_geometric

    wanted = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    split = mfbench.load_split("cath-mini")
    config = config_for(split, "mace", channels=wanted["channels"])
    table = AtomicNumberTable(list(config.elements))
    rng = np.random.default_rng(0)
    chosen = [split.train_configurations[i] for i in rng.permutation(len(split.train_configurations))[:200]]
    data = [AtomicData.from_config(_labelled(c), z_table=table, cutoff=config.r_max) for c in chosen]
    model, loss = build(config, torch.float32), WeightedEnergyForcesLoss(1.0, 1.0)
    adam = torch.optim.Adam(model.parameters(), 1e-4)
    loader = torch_geometric.dataloader.DataLoader(
        data, batch_size=wanted["batch"], shuffle=True, drop_last=True
    )

    def step(batch) -> None:
        adam.zero_grad(set_to_none=True)
        out = model(batch.to_dict(), training=True, compute_force=True)
        loss(pred=out, ref=batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        adam.step()

    batches = iter(())

    def following():
        nonlocal batches
        found = next(batches, None)
        if found is None:
            batches = iter(loader)
            found = next(batches)
        return found

    for _ in range(3):
        step(following())
    for _ in sys.stdin:
        began = time.process_time()
        for _ in range(wanted["steps"]):
            step(following())
        spent = time.process_time() - began
        print(json.dumps(spent / (wanted["steps"] * wanted["batch"])), flush=True)


def _labelled(configuration):
    from mace.data import Configuration

    return Configuration(
        atomic_numbers=np.asarray(configuration.atomic_numbers),
        positions=np.asarray(configuration.positions, float),
        properties={"energy": configuration.energy, "forces": configuration.forces},
        property_weights={"energy": 1.0, "forces": 1.0},
        cell=None,
        pbc=None,
    )


if __name__ == "__main__":
    main()
