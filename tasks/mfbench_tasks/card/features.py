"""What every column means: one list for the card and for the Croissant metadata."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CONFIGURATIONS", "SIDE_TABLES", "Feature"]


class Feature(NamedTuple):
    """A column: name, shape ("" for one value), unit ("" for none), meaning."""

    name: str
    shape: str
    unit: str
    meaning: str


CONFIGURATIONS = (
    Feature("config_id", "", "", "unique name: trajectory and frame"),
    Feature("fragment_id", "", "", "the molecule; its row is in `fragments`"),
    Feature("trajectory_id", "", "", "frames of one trajectory are kin: support and query share none"),
    Feature("atomic_numbers", "n", "", "elements"),
    Feature("positions", "n, 3", "Å", "centred; multiples of 2⁻¹³ Å, rounded before labelling"),
    Feature("energy", "", "eV", "total energy"),
    Feature("atomic_forces", "n, 3", "eV/Å", "minus the gradient of the energy; multiples of 2⁻¹² eV/Å"),
    Feature("total_charge", "", "e", "of the fragment"),
    Feature("n_unpaired", "", "", "unpaired electrons"),
    Feature("temperature_K", "", "K", "at which it was sampled"),
    Feature("sampler", "", "", "`md`: Langevin replica; `displaced`: torsions, contacts, normal modes"),
)
SIDE_TABLES = {
    "fragments": (
        Feature("fragment_id", "", "", "key"),
        Feature("graph_id", "", "", "hash of the molecular graph, charge and spin"),
        Feature("kind", "", "", "residue, contact, hbond, site, heme, modified, bridge, ligand, …"),
        Feature("pdb_id", "", "", "entry it was cut from"),
        Feature("chain", "", "", "chain of that entry"),
        Feature("residues", "", "", "motif and places; `built` where a modification was put there"),
        Feature("formula", "", "", "Hill order"),
        Feature("atomic_numbers", "n", "", "elements"),
        Feature("relaxed_positions", "3n", "Å", "loosely relaxed geometry, x y z of atom 0 first"),
        Feature("total_charge", "", "e", "formal charge"),
        Feature("n_unpaired", "", "", "unpaired electrons"),
        Feature("sampler", "", "", "JSON: every setting and seed that made its configurations"),
    ),
    "families": (
        Feature("family_id", "", "", "key"),
        Feature("fold", "", "", "train, validation or test"),
        Feature("stratum", "", "", "class of the family"),
        Feature("title", "", "", "in words"),
        Feature("proteins", "list", "", "`<entry>_<chain>`"),
        Feature("cluster30", "list", "", "30 % clusters: families that share one are resampled together"),
        Feature("pool_fragments", "list", "", "fragments of the support pool"),
        Feature("heldout_fragments", "list", "", "fragments that the support never holds"),
        Feature("larger_fragments", "list", "", "larger cuts, in constructions that have some"),
    ),
    "roles": (
        Feature("family_id", "", "", "family"),
        Feature("config_id", "", "", "configuration"),
        Feature("role", "", "", "support, query (same fragments, other trajectories), heldout or larger"),
    ),
    "draws": (
        Feature("family_id", "", "", "family"),
        Feature("draw", "", "", "number of the support set"),
        Feature("rank", "", "", "the first K ranks are the support at K"),
        Feature("config_id", "", "", "configuration"),
    ),
}  # fmt: skip
