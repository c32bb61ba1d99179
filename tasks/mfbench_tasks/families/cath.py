"""Families: CATH topologies and their proteins, from the tables beside the structures.

Only chains that CATH itself classifies (``cath_how`` is ``direct``) and that hold one topology count:
classes carried over through sequence clusters are a guess for chains of several domains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.families.read_table import read_table
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.recipes.recipe import CuttingPlan, FamilyChoice

__all__ = ["Family", "Protein", "Quality", "chains_by_topology", "choose_families", "resolved"]

_UNKNOWN_RESOLUTION = 9.9
TABLES = ("index.tsv", "chain_cath_cluster.tsv.gz")
"""Beside the structures."""
_INDEX_COLUMNS = ("pdb_id", "tier", "resolution", "membrane")
_CHAIN_COLUMNS = ("pdb_id", "chain", "cath_how", "bc30_cluster", "cath_superfamilies")


Quality = tuple[str, float, str, str]
"""Tier, resolution in Å, entry and chain: the smaller, the better."""


@dataclass(frozen=True)
class Protein:
    """A chain of an entry, and the 30 % sequence cluster it belongs to."""

    pdb_id: str
    chain: str
    cluster30: str

    @classmethod
    def named(cls, name: str) -> Protein:
        """From its name; its cluster is not known then."""
        pdb_id, _, chain = name.partition("_")
        return cls(pdb_id, chain, "")

    @property
    def name(self) -> str:
        """``<entry>_<chain>``."""
        return f"{self.pdb_id}_{self.chain}"


@dataclass(frozen=True)
class Family:
    """A task's family: proteins of one topology, each from its own 30 % cluster, best first."""

    family_id: str
    fold: str
    family_class: str
    title: str
    proteins: tuple[Protein, ...]


def resolved(quality: Quality, plan: CuttingPlan) -> bool:
    """Whether an entry is sharp enough; one that states no resolution is taken too."""
    return quality[1] <= plan.resolution or quality[1] == _UNKNOWN_RESOLUTION


def choose_families(folder: Path, choices: Sequence[FamilyChoice], plan: CuttingPlan) -> list[Family]:
    """Give each chosen family its proteins; no entry and no 30 % cluster serves two folds.

    Args:
        folder: holds ``index.tsv`` and ``chain_cath_cluster.tsv.gz``.

    Raises:
        DataError: a table is missing or damaged, or a family has no protein left.
    """
    chains = chains_by_topology(folder)
    owner: dict[str, str] = {}  # entry or cluster → fold
    families = []
    for choice in choices:
        family = TopologyFamily.named(choice.id)
        proteins: dict[str, Protein] = {}
        for quality, protein, membrane in chains.get(family.topology, ()):
            keys = (f"entry {protein.pdb_id}", f"cluster {protein.cluster30}")
            if not resolved(quality, plan):
                continue
            if membrane != family.membrane or protein.cluster30 in proteins:
                continue
            if any(owner.get(key, choice.fold) != choice.fold for key in keys):
                continue
            proteins[protein.cluster30] = protein
            if len(proteins) == plan.proteins:
                break
        if not proteins:
            raise DataError(f"no protein is left for family {choice.id}: choose another")
        for protein in proteins.values():
            owner[f"entry {protein.pdb_id}"] = owner[f"cluster {protein.cluster30}"] = choice.fold
        title = choice.title or choice.id
        members = tuple(proteins.values())
        families.append(Family(choice.id, choice.fold, family.family_class, title, members))
    return families


def chains_by_topology(folder: Path) -> dict[str, list[tuple[Quality, Protein, bool]]]:
    """Topology → (quality, protein, is in a membrane), best first.

    Raises:
        DataError: a table is missing or damaged; names the line.
    """
    index, chains = (Path(folder) / name for name in TABLES)
    entries = {row["pdb_id"]: row for row in read_table(index, _INDEX_COLUMNS, key=("pdb_id",))}
    out: dict[str, list[tuple[Quality, Protein, bool]]] = defaultdict(list)
    for row in read_table(chains, _CHAIN_COLUMNS, key=("pdb_id", "chain")):
        entry = entries.get(row["pdb_id"])
        if entry is None or row["cath_how"] != "direct" or not row["bc30_cluster"]:
            continue
        superfamilies = row["cath_superfamilies"].split(";")
        topologies = {".".join(s.split(".")[:3]) for s in superfamilies}
        if len(topologies) != 1:
            continue
        resolution = _resolution(entry["resolution"])
        quality = (entry["tier"], resolution, row["pdb_id"], row["chain"])
        protein = Protein(row["pdb_id"], row["chain"], row["bc30_cluster"])
        out[topologies.pop()].append((quality, protein, entry["membrane"] == "1"))
    return {topology: sorted(found, key=lambda f: f[0]) for topology, found in out.items()}


def _resolution(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return _UNKNOWN_RESOLUTION
