"""How the families of the million-configuration recipe were chosen: run once; its result is committed.

Every CATH topology with two or more 30 % clusters of single-domain chains gives up to four families, each
of two proteins: one for the support pool, one held out. Structures need not be at hand: the two tables name
chains of the whole PDB, and ``download`` fetches them. A topology that ``cath`` knows keeps its fold there.
"""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.constructions.choosing.blocks_yaml import blocks_yaml
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.table import FamilyRow, read_families, write_families
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.pool.group_kinds import Group
from mfbench_tasks.pool.recipe import Block, load_pool_recipe
from mfbench_tasks.seeds import stream

__all__ = ["choose_large", "choose_large_and_write", "single_domain_chains"]

DOMAINS = "cath_v430_S100_domain_superfamily.tsv.gz"
"""CATH's domains (``1pugC00``) and their superfamilies."""
CLUSTERS = "bc30_cluster_chain.tsv.gz"
"""The PDB's 30 %-identity clusters and their chains (``4IML_H``)."""
_PAIRS = 4  # families of a topology
_SHARES = (("test", 0.2), ("validation", 0.1), ("train", 0.7))  # of new topologies
_BLOCK = 10  # pairs stored together


def choose_large_and_write(recipe: Path, *, structures: Path, known: Path, out: Path) -> str:
    """Write a table of families; returns the lines of blocks for the pool's recipe.

    Args:
        recipe: of the pool: its seed.
        structures: folder of CATH's domains and of the PDB's clusters.
        known: table of families whose topologies keep their folds.
        out: the table.

    Raises:
        DataError: a file is missing or wrong.
    """
    folds = {TopologyFamily.named(row.family_id).topology: row.fold for row in read_families(known)}
    blocks, rows = choose_large(Path(structures), folds, load_pool_recipe(recipe).seed)
    write_families(out, rows)
    return blocks_yaml(blocks)


def choose_large(folder: Path, known: Mapping[str, str], seed: int) -> tuple[list[Block], list[FamilyRow]]:
    """Blocks and families. No entry and no cluster is used twice.

    Args:
        folder: holds the two tables.
        known: topology → its fold, fixed before.
        seed: draws the folds of the others.

    Raises:
        DataError: a table is missing or damaged.
    """
    groups, rows = [], []
    used: set[str] = set()
    for topology, proteins in single_domain_chains(folder).items():
        fold = known.get(topology) or _draw(topology, seed)
        free: list[Protein] = []
        for protein in proteins:
            keys = {f"entry {protein.pdb_id}", f"cluster {protein.cluster30}"}
            if not keys & used and len(free) < 2 * _PAIRS:
                free.append(protein)
                used |= keys
        for number, (first, second) in enumerate(zip(free[::2], free[1::2], strict=False), start=1):
            family = topology if number == 1 else f"{topology}-{number}"
            both = (first, second)
            rows.append(
                FamilyRow(
                    family_id=family,
                    fold=fold,
                    family_class=TopologyFamily(topology).family_class,
                    title=f"CATH topology {topology}",
                    support_group=first.name,
                    heldout_group=second.name,
                    proteins=tuple(p.name for p in both),
                    clusters=tuple(p.cluster30 for p in both),
                )
            )
            reserved = fold == "test"
            groups.append(
                (
                    Group(id=first.name, reserved=reserved),
                    Group(id=second.name, heldout_only=True, reserved=reserved, beside=first.name),
                )
            )
    blocks = [
        Block(
            name=f"m{k // _BLOCK + 1:03d}", groups=tuple(g for pair in groups[k : k + _BLOCK] for g in pair)
        )
        for k in range(0, len(groups), _BLOCK)
    ]
    return blocks, rows


def single_domain_chains(folder: Path) -> dict[str, list[Protein]]:
    """Topology → one chain of each 30 % cluster, in order; only chains that are one domain, whole.

    Raises:
        DataError: a table is missing or damaged.
    """
    domains: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for domain, superfamily in _rows(Path(folder) / DOMAINS):
        domains[domain[:5]].append((domain[5:], superfamily))
    cluster_of = {chain: cluster for cluster, chain in _rows(Path(folder) / CLUSTERS)}
    found: dict[str, dict[str, Protein]] = defaultdict(dict)
    for chain in sorted(domains):
        numbers = domains[chain]
        cluster = cluster_of.get(f"{chain[:4].upper()}_{chain[4]}")
        if len(numbers) == 1 and numbers[0][0] == "00" and cluster and chain[4].isalnum():
            topology = ".".join(numbers[0][1].split(".")[:3])
            found[topology].setdefault(cluster, Protein(chain[:4], chain[4], cluster))
    return {
        topology: [clusters[c] for c in sorted(clusters, key=int)]
        for topology, clusters in sorted(found.items(), key=lambda item: [*map(int, item[0].split("."))])
    }


def _draw(topology: str, seed: int) -> str:
    at = stream(seed, "fold", topology).random()
    for fold, share in _SHARES:
        at -= share
        if at < 0:
            return fold
    return _SHARES[-1][0]


def _rows(path: Path) -> Iterator[list[str]]:
    number = 0
    try:
        with gzip.open(path, "rt") as file:
            for line in file:
                number += 1
                one, two = line.split()
                yield [one, two]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"{path}, line {number}: it cannot be read as a table of two columns ({error})"
        ) from None
