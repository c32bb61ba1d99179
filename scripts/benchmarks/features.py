"""What a force Jacobian of ``ridge`` costs, in gradients of the training loss: for BACKWARD_GRADIENTS.

python scripts/benchmarks/features.py      # CPU seconds, interleaved medians of 9; one thread
"""

import time

import jax
import numpy as np

import mfbench
from mfbench.learned.architectures.registry import ARCHITECTURES
from mfbench.learned.training.prepare import config_for
from mfbench.protocol.energy_baseline import fit_baseline
from mfbench_jax.data import Dataset
from mfbench_jax.meta.objective import LossWeights, batch_loss
from mfbench_jax.models.architecture import energy_forces, feature_forces, init

SIZE, REPEATS = 16, 9


def programs(config):
    """The gradient of the loss in all weights, and the forces of all features, of a batch."""

    def gradient(params, batch):
        model = lambda p, graph: energy_forces(p, config, graph)  # noqa: E731
        return jax.grad(batch_loss)(params, model, *batch, LossWeights())

    return jax.jit(gradient), jax.jit(lambda p, batch: feature_forces(p, config, batch[0], forces=True)[1])


def main():
    split = mfbench.load_split("cath-mini")
    baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    for arch in ARCHITECTURES.names():
        config = config_for(split, arch)
        params = init(config, 0)
        data = Dataset(split.train_configurations[:SIZE], config, baseline, corrected=False)
        batch = data.batch(np.arange(SIZE), SIZE)
        made = programs(config)
        count = [jax.block_until_ready(run(params, batch)) for run in made][1].shape[0]
        seconds = np.zeros((REPEATS, len(made)))
        for row in seconds:
            for k, run in enumerate(made):
                began = time.process_time()
                jax.block_until_ready(run(params, batch))
                row[k] = time.process_time() - began
        gradient, features = np.median(seconds, 0) / SIZE
        print(
            f"{arch}: gradient {1e3 * gradient:.2f} ms a configuration, {count} features "
            f"{1e3 * features:.2f} ms; a feature {features / count / gradient:.2f} of a gradient"
        )


if __name__ == "__main__":
    main()
