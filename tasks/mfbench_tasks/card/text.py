"""The card's text: what the data are, how they were made, what they cost, what they are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mfbench.data.elements import symbol
from mfbench_tasks.card.facts import Construction
from mfbench_tasks.card.features import CONFIGURATIONS, SIDE_TABLES, Feature
from mfbench_tasks.card.front import PRETTY_NAME, licence_id
from mfbench_tasks.card.limits import limits
from mfbench_tasks.card.markdown import number, paragraph, share, table
from mfbench_tasks.card.reports import Cost, Projection, cost, dropped, rejections

__all__ = ["body"]


def body(
    constructions: Sequence[Construction],
    reports: dict[str, dict[str, Any]],
    projections: dict[str, Projection],
    stored: tuple[int, int],
    leakage: Sequence[str],
    gains: Sequence[str],
    levels: Sequence[str] = (),
    admission: Sequence[str] = (),
) -> str:
    """The card below its front matter.

    Args:
        projections: name of a larger recipe → what it would take.
        stored: configurations in the pool, and their bytes.
        leakage, gains, levels, admission: lines, empty where nothing was measured.
    """
    sections: list[tuple[str, Iterable[str]]] = [
        ("", _opening(constructions)),
        ("Load it", _loading(constructions)),
        ("What is in it", _counts(constructions)),
        ("Features", _features()),
        ("How it was made", _sampling(constructions)),
    ]
    if reports:
        sections += [
            ("What was rejected", _rejected(reports)),
            ("What it cost", _cost(reports, projections, stored)),
        ]
    if leakage:
        sections.append(("What test families share with train", [*_LEAKAGE, "", *leakage]))
    if admission:
        sections.append(("Which of them need adapting?", admission))
    if gains:
        sections.append(("Does own-family support help?", gains))
    if levels:
        sections.append(("Levels of theory", levels))
    sections += [
        ("Known limits", [f"- {line}" for line in limits(constructions)]),
        ("Licence and provenance", _provenance(constructions)),
        ("Cite", _citation(constructions)),
        ("Changelog", _changelog(constructions)),
    ]
    parts = ["\n".join([*([f"## {title}", ""] if title else []), *lines]) for title, lines in sections]
    return "\n\n".join(parts) + "\n"


def _opening(constructions: Sequence[Construction]) -> list[str]:
    levels = ", ".join(sorted({c.manifest.level_of_theory for c in constructions}))
    return [
        f"# {PRETTY_NAME}",
        "",
        paragraph(
            """Tasks for one question: how few quantum-mechanical labels does a learned force field need
            for a new protein family? Every *family* is a set of capped fragments cut from PDB
            structures, thermally sampled and labelled with energies and forces. A method sees K
            labelled configurations of a family it has never met, and predicts the rest. A
            *construction* says what a family is and which families are held out; all constructions
            share one pool of labels."""
        ),
        "",
        f"Level of theory: **{levels}**.",
    ]


def _loading(constructions: Sequence[Construction]) -> list[str]:
    name = constructions[0].name
    return [
        "```python",
        "from datasets import load_dataset",
        "",
        f'train = load_dataset("OWNER/NAME", "{name}", split="train")  # or the path of a local copy',
        f'roles = load_dataset("OWNER/NAME", "{name}.roles", split="roles")',
        "```",
        "",
        "```text",
        "pip install 'mfbench[hub]'",
        f"mfbench data download {name} --from hf://datasets/OWNER/NAME --revision COMMIT",
        f"mfbench evaluate --method constant --split {name}",
        "```",
        "",
        paragraph(
            """Each construction is a configuration with the splits train, validation and test;
            `<construction>.families`, `.roles` and `.draws` are its side tables, `fragments` describes
            the molecules of the whole pool. Roles and draws are part of the protocol: the support sets
            are published."""
        ),
    ]


def _counts(constructions: Sequence[Construction]) -> list[str]:
    rows = [
        (
            c.name,
            fold,
            f.families,
            f.fragments,
            f.configurations,
            f.atoms,
            f"{f.smallest}-{f.largest}",
            " ".join(symbol(z) for z in f.elements),
            ", ".join(f"{q:+d}: {n}" if q else f"0: {n}" for q, n in f.charges.items()),
            f"{f.open_shell[0]} / {f.open_shell[1]}",
        )
        for c in constructions
        for fold, f in c.folds.items()
    ]
    head = ("construction", "fold", "families", "fragments", "configurations", "atoms in all", "atoms each",
            "elements", "charge: fragments", "open-shell fragments / configurations")  # fmt: skip
    versions = [(c.name, c.manifest.version, f"`{c.manifest.data_hash}`") for c in constructions]
    return [*table(head, rows), "", *table(("construction", "version", "data hash (SHA-256)"), versions)]


def _features() -> list[str]:
    lines = ["Configurations (every construction):", "", *_feature_table(CONFIGURATIONS)]
    for name, features in SIDE_TABLES.items():
        lines += ["", f"`{name}`:", "", *_feature_table(features)]
    return lines


def _feature_table(features: Sequence[Feature]) -> list[str]:
    rows = [(f"`{f.name}`", f"[{f.shape}]" if f.shape else "", f.unit, f.meaning) for f in features]
    return table(("column", "shape", "unit", "meaning"), rows)


def _sampling(constructions: Sequence[Construction]) -> list[str]:
    rows = []
    for c in constructions:
        for fold, f in c.folds.items():
            shares = ", ".join(f"{name} {share(n, f.configurations)}" for name, n in f.samplers.items())
            rows.append((c.name, fold, shares, f"{f.temperatures[0]:.0f}-{f.temperatures[1]:.0f}"))
    return [
        paragraph(
            """Residues in their native backbone, side-chain contacts, backbone hydrogen-bond pairs, metal
            sites with their first shell, modified residues, bridges and ligands are cut from PDB
            entries, capped from their real neighbours, protonated, relaxed, sampled by GFN2-xTB
            molecular dynamics replicas and by displaced torsions, contacts and normal modes, rounded to
            the storage grid and labelled. A trajectory is one independently prepared start and one
            seed; support and query never share one. Each row of `fragments` holds the settings that
            made its configurations."""
        ),
        "",
        *table(("construction", "fold", "configurations by sampler", "temperatures (K)"), rows),
        "",
        paragraph(
            """Labels: tblite, accuracy 0.1, electronic temperature 300 K, cold SCF, one thread; spin
            polarisation where electrons are unpaired. Isolated-atom energies of the level of theory are
            in each manifest."""
        ),
    ]


def _rejected(reports: dict[str, dict[str, Any]]) -> list[str]:
    rows = [(kind, tried, f"{n} ({share(n, tried)})", text) for kind, tried, n, text in rejections(reports)]
    single = ", ".join(f"{gate} {n:,}" for gate, n in dropped(reports).items()) or "none"
    worst = max(r["worst_finite_difference_eV_per_A"] or 0.0 for r in reports.values())
    return [
        paragraph(
            """Every fragment passes gates: finite differences and rotation of its forces, intact bonds, no
            collapse, bounded strain and forces. Rejected fragments (build reports):"""
        ),
        "",
        *table(("kind", "tried", "rejected", "by gate"), rows),
        "",
        paragraph(
            f"""Single configurations dropped and drawn again: {single}. Largest finite-difference error of
            an accepted fragment: {number(worst)} eV/Å."""
        ),
    ]


def _cost(
    reports: dict[str, dict[str, Any]], projections: dict[str, Projection], stored: tuple[int, int]
) -> list[str]:
    parts: list[tuple[str, Cost | None]] = [
        ("protein fragments", cost(reports, "proteins")),
        ("sites, cofactors, modifications, ligands, larger cuts", cost(reports, "others")),
        ("deep pools", cost(reports, "deep")),
        ("all", cost(reports)),
    ]
    rows = [
        (name, c.configurations, f"{c.each:.3f}", f"{c.label:.4f}", f"{c.worker_seconds / 3600:.2f}")
        for name, c in parts
        if c is not None
    ]
    count, size = stored
    head = ("blocks", "configurations", "CPU s each", "of it the label, s", "core-hours")
    lines = [
        "As the builds measured it, one thread a worker:",
        "",
        *table(head, rows),
        "",
        f"Stored: {count:,} configurations in {size / 2**20:.1f} MiB, {size / count:.0f} bytes each.",
    ]
    if projections:
        head = ("recipe", "entries", "configurations", "core-hours, projected", "GiB, projected")
        projected = [
            (f"`{name}`", p.entries, p.configurations, f"{p.core_hours:,.0f}", f"{p.gibibytes:.2f}")
            for name, p in projections.items()
        ]
        lines += ["", "Larger, at the measured cost of protein fragments:", "", *table(head, projected)]
    return lines


_LEAKAGE = [
    paragraph(
        """Shares are means over families; *environments* is the median distance of an atom's environment
        to the nearest one of its element in train (0: the same), *÷ train* the same over its value for
        a train family that is left out (`mfbench data leakage`)."""
    ),
]


def _provenance(constructions: Sequence[Construction]) -> list[str]:
    entries = sorted({pdb for c in constructions for pdb in c.fragments["pdb_id"]})
    tools: Counter[str] = Counter()
    for c in constructions:
        tools.update(f"{name} {version}" for name, version in c.manifest.tools.items())
    seeds = ", ".join(str(seed) for seed in sorted({c.manifest.seed for c in constructions}))
    return [
        paragraph(
            f"""Licence: **{licence_id(constructions)}**. Geometries derive from {len(entries)} entries of
            the Protein Data Bank, whose data are in the public domain (CC0-1.0); each fragment names
            its entry, chain and residues. CATH and 30 % sequence clusters name the families."""
        ),
        "",
        paragraph(
            f"""Made with {", ".join(sorted(tools))}; seed {seeds}. Recipes, code and build reports are part
            of mfbench; `mfbench data verify` checks every promise made here, `--relabel N` labels
            again."""
        ),
    ]


def _citation(constructions: Sequence[Construction]) -> list[str]:
    first = constructions[0].manifest
    return [
        "```bibtex",
        "@misc{mfbench,",
        f"  title = {{{PRETTY_NAME}}},",
        "  author = {{the mfbench developers}},",
        f"  note = {{{first.name} {first.version}, data hash {first.data_hash[:12]}}}",
        "}",
        "```",
        "",
        "Name construction, version and data hash: results of different hashes do not compare.",
    ]


def _changelog(constructions: Sequence[Construction]) -> list[str]:
    return [f"- `{c.name}` {line}" for c in constructions for line in c.manifest.changelog]
