"""``finetune``: any mace-torch network as a method, fine-tuned on the support by Adam.

Three strategies (their names as in the fine-tuning literature, e.g. arXiv 2606.12704, 2502.15582):

- ``naive``: all weights.
- ``frozen``: products and readouts; embeddings and interactions stay as they were.
- ``replay``: all weights, and half of every step's batch is meta-train configurations, so that the
  network stays right elsewhere.

The network's own isolated-atom energies belong to another level of theory: they are left out, and the
energy baseline is fitted to what the network leaves of meta-train's energies.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split
from mfbench.errors import MfbenchError, UnknownNameError
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.learned.methods.corrected import CorrectedPredictor
from mfbench.learned.training.sampling_order import adaptation_batches
from mfbench.protocol.correction_prior import prior_of
from mfbench.protocol.energy_baseline import EnergyBaseline, fit_baseline
from mfbench.protocol.method import Usage
from mfbench.protocol.protocol import Budget
from mfbench_torch.data import Batch, Dataset
from mfbench_torch.device import device
from mfbench_torch.meta.objective import LossWeights, batch_loss
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.network import heads_of, mace_inputs, read_model
from mfbench_torch.predictor import predictions

__all__ = ["FinetuneSettings", "FoundationModel"]

STRATEGIES = ("naive", "frozen", "replay")
_TRAINED = ("products.", "readouts.")
_CLIP = 10.0
_SAMPLE = 200
"""Meta-train configurations that the baseline is fitted on and that ``replay`` draws from."""


@dataclass(frozen=True)
class FinetuneSettings:
    """How a network is fine-tuned.

    Attributes:
        strategy: ``naive``, ``frozen`` or ``replay``.
        rate: Adam's.
        energy_weight, force_weight: of the loss, 1/eV² and Å²/eV².
    """

    strategy: str = "naive"
    rate: float = 1e-3
    energy_weight: float = 1.0
    force_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a strategy that does not exist."""
        if self.strategy not in STRATEGIES:
            raise UnknownNameError(
                f"unknown strategy '{self.strategy}': choose one of {', '.join(STRATEGIES)}"
            )


class _Network:
    """A copy of a mace-torch network whose weights can be trained."""

    def __init__(self, module: torch.nn.Module, head: int = 0) -> None:
        self.module, self.head = copy.deepcopy(module), head
        self.config = graph_config(module)
        self.dtype = next(module.parameters()).dtype

    def energy_forces(self, batch: GraphBatch, training: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Interaction energies [B] in eV and forces [N, 3] in eV/Å."""
        found = self.module(mace_inputs(batch, self.head), training=training)
        return found["interaction_energy"], found["forces"]

    def predict(self, configurations: Sequence[Configuration]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Interaction energies [n] and forces, in NumPy."""

        def evaluate(batch: GraphBatch) -> tuple[torch.Tensor, torch.Tensor]:
            energies, forces = self.energy_forces(batch)
            return energies.detach(), forces.detach()

        return predictions(evaluate, self.config, configurations, self.dtype, device())


@dataclass(eq=False)
class FoundationModel:
    """A mace-torch network, fine-tuned.

    Attributes:
        path: of the ``.model`` file.
        trust_pickle: reading it runs the code in it.
        split: whose meta-train gives the baseline and what is replayed.
        settings: how it is fine-tuned.
        head: name of the head that is used, of a network with several levels of theory.
        dtype: of all computations.
    """

    path: Path
    trust_pickle: bool
    split: Split
    settings: FinetuneSettings = field(default_factory=FinetuneSettings)
    dtype: torch.dtype = torch.float32
    head: str | None = None
    name: str = "finetune"

    def __post_init__(self) -> None:
        """Read the network and fit the energy baseline to it.

        Raises:
            CheckpointError: the file is missing, damaged or not trusted.
            UnknownNameError: the network has several heads and none of them is named.
            UnknownElementError: the split holds an element that the network does not know.
        """
        module = read_model(self.path, trust_pickle=self.trust_pickle)
        heads = heads_of(module)
        self._index = _head(self.path, heads, self.head)
        self.module = module.to(device(), self.dtype).requires_grad_(True)
        pool = self.split.train_configurations
        chosen = np.random.default_rng(5).permutation(len(pool))[:_SAMPLE]
        self.sample = [pool[i] for i in sorted(chosen)]
        self.baseline = _baseline(_Network(self.module, self._index), self.sample, self.split)
        self.card = {"method": self.name, "model": self.path.name, "adaptation": asdict(self.settings)}
        if len(heads) > 1:
            self.card["head"] = heads[self._index]

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> CorrectedPredictor:
        """At most ``budget.steps`` gradient steps of at most ``budget.batch`` configurations."""
        network, gradients = _Network(self.module, self._index), 0
        if support and budget.steps:
            gradients = self._descend(network, support, budget, seed)
        return CorrectedPredictor(network.predict, self.baseline, support, Usage(gradients))

    def _descend(
        self, network: _Network, support: Sequence[Configuration], budget: Budget, seed: int
    ) -> int:
        replay = self.settings.strategy == "replay"
        own = self._dataset(network, support, corrected=True)
        size = budget.batch // 2 if replay else budget.batch
        rows = adaptation_batches(len(support), budget.steps, size, seed)
        batches = [[own.batch(row)] for row in rows]
        if replay:
            old = self._dataset(network, self.sample, corrected=False)
            again = adaptation_batches(len(old), budget.steps, rows.shape[1], seed + 1)
            batches = [[*b, old.batch(row)] for b, row in zip(batches, again, strict=True)]
        parameters = _trained(network.module, self.settings.strategy)
        optimizer = torch.optim.Adam(parameters, lr=self.settings.rate)
        for parts in batches:
            optimizer.zero_grad()
            total: Any = sum(self._loss(network, part) for part in parts)
            total.backward()
            torch.nn.utils.clip_grad_norm_(parameters, _CLIP)
            optimizer.step()
        return sum(len(graph) for parts in batches for graph, _ in parts)

    def _dataset(
        self, network: _Network, configurations: Sequence[Configuration], *, corrected: bool
    ) -> Dataset:
        where: dict[str, Any] = {"dtype": self.dtype, "place": device()}
        return Dataset(configurations, network.config, self.baseline, corrected=corrected, **where)

    def _loss(self, network: _Network, batch: Batch) -> torch.Tensor:
        weights = LossWeights(self.settings.energy_weight, self.settings.force_weight)
        return batch_loss({}, lambda _, graph: network.energy_forces(graph, training=True), *batch, weights)


def graph_config(module: Any) -> MaceConfig:
    """What graphs are made with: the network's elements and cutoff; the rest means nothing here.

    ``module``: of mace-torch, whose attributes have no types.
    """
    elements = tuple(int(z) for z in module.atomic_numbers)
    return MaceConfig(elements=elements, r_max=float(module.r_max))


def _trained(module: torch.nn.Module, strategy: str) -> list[torch.nn.Parameter]:
    frozen = strategy == "frozen"
    chosen = [p for name, p in module.named_parameters() if not frozen or name.startswith(_TRAINED)]
    if not chosen:
        raise MfbenchError("the network has no products and readouts to train: choose another strategy")
    return [p for p in chosen if p.requires_grad]


def _head(path: Path, heads: Sequence[str], wanted: str | None) -> int:
    """Index of the head to use: each was trained on another level of theory, and none is the default."""
    if wanted is None and len(heads) == 1:
        return 0
    if wanted is None or wanted not in heads:
        said = f"has no head '{wanted}'" if wanted is not None else f"has {len(heads)} heads"
        raise UnknownNameError(
            f"{path.name} {said}: choose one with --option head=NAME, of {', '.join(heads)}"
        )
    return list(heads).index(wanted)


def _baseline(network: _Network, sample: Sequence[Configuration], split: Split) -> EnergyBaseline:
    if not sample:
        return replace(fit_baseline([], split.isolated_atom_energies), prior=prior_of(split))
    modelled, _ = network.predict(sample)
    left = [replace(c, energy=c.energy - e) for c, e in zip(sample, modelled, strict=True)]
    return replace(fit_baseline(left, split.isolated_atom_energies), prior=prior_of(split))
