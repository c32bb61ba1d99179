"""Public models that can stand on the board: what each knows, what it was trained on, how to get it.

One entry per family of models. The code that runs a family is a method of the same name
(``mfbench.protocol.catalogue``); nothing is imported here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from mfbench.protocol.named_entries import Registry

__all__ = ["PUBLIC_MODELS", "ModelCard", "PublicModel", "TrainingData"]


@dataclass(frozen=True)
class TrainingData:
    """A data set that a model was trained on.

    Attributes:
        name: of the data set; a name of a split here if it is one.
        configurations: how many, where it is known.
        note: what else is to be said.
    """

    name: str
    configurations: int | None = None
    note: str = ""


@dataclass(frozen=True)
class ModelCard:
    """What a model says about itself. Empty or None: its file does not say.

    Attributes:
        name: of the model.
        elements: atomic numbers that it was trained on; a molecule with another one is refused.
        charges: whether it is told the total charge; one that is not sees ions as if they were neutral.
        spins: whether it was trained on open shells; if it was not, a molecule with unpaired electrons is
            refused. None: unknown.
        level: of theory of its training labels.
        training: data that its weights have seen.
        licence: of the weights.
        citation: paper or address.
        parameters: number of weights.
    """

    name: str
    elements: tuple[int, ...] = ()
    charges: bool = False
    spins: bool | None = None
    level: str = ""
    training: tuple[TrainingData, ...] = ()
    licence: str = ""
    citation: str = ""
    parameters: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the card of a run."""
        lists = {"elements": list(self.elements), "training": [asdict(data) for data in self.training]}
        return asdict(self) | lists


@dataclass(frozen=True)
class PublicModel:
    """A family of models.

    Attributes:
        name: of the method that runs it.
        summary: a line.
        card: what is known before any file is read.
        modules: that have to be there.
        install: the command that brings them.
        weights: where the weights come from.
    """

    name: str
    summary: str
    card: ModelCard
    modules: tuple[str, ...] = ()
    install: str = ""
    weights: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that are not installed."""
        return tuple(name for name in self.modules if find_spec(name) is None)


PUBLIC_MODELS: Registry[PublicModel] = Registry(
    "public model",
    [
        PublicModel(
            "so3lr",
            "SO3krates with pairwise physics, for (bio)molecules (Kabylda et al. 2025)",
            ModelCard(
                "SO3LR",
                elements=(1, 6, 7, 8, 9, 15, 16, 17),
                charges=True,
                spins=False,
                level="PBE0+MBD",
                training=(
                    TrainingData(
                        "SO3LR training data (doi:10.5281/zenodo.14779793)",
                        note="About 4 million molecular complexes, neutral and charged; trained on forces, "
                        "so energies of different molecules have no common zero.",
                    ),
                ),
                licence="MIT",
                citation="https://doi.org/10.1021/jacs.5c09558",
                parameters=529_852,
            ),
            modules=("torch", "mace", "so3krates_torch"),
            install="pip install 'mfbench[so3lr]'",
            weights="in the package",
        ),
        PublicModel(
            "finetune",
            "MACE-OFF, MACE-MP and any other ScaleShiftMACE of mace-torch",
            ModelCard("a .model file"),
            modules=("torch", "mace"),
            install="pip install 'mfbench[torch]'",
            weights="a file of yours: --backend torch --model PATH --trust-pickle",
        ),
        PublicModel(
            "ani",
            "ANI-1x, ANI-1ccx, ANI-2x (Devereux et al. 2020)",
            ModelCard(
                "ANI",
                charges=False,
                spins=False,
                licence="MIT",
                citation="https://doi.org/10.1021/acs.jctc.0c00121",
            ),
            modules=("torch", "mace", "torchani"),
            install="pip install 'mfbench[ani]'",
            weights="a state-dict file of torchani 2: --model PATH --option model=ani2x",
        ),
        PublicModel(
            "torch-module",
            "any PyTorch module with energies",
            ModelCard("a PyTorch module"),
            modules=("torch", "mace"),
            install="pip install 'mfbench[torch]'",
            weights="your module's: --model module:make",
        ),
        PublicModel(
            "ase",
            "any model with an ASE calculator, as it is: AIMNet2, UMA, Orb, ...",
            ModelCard("an ASE calculator"),
            modules=("ase",),
            install="pip install 'mfbench[label]'",
            weights="your calculator's: --option calculator=module:Class",
        ),
        PublicModel(
            "mmff94",
            "a classical force field, as it is",
            ModelCard(
                "MMFF94", citation="https://doi.org/10.1002/(SICI)1096-987X(199604)17:5/6", charges=True
            ),
            modules=("rdkit", "ase"),
            install="pip install 'mfbench[label]'",
            weights="none: RDKit's parameters",
        ),
    ],
)
