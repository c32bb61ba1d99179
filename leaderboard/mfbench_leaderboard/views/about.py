"""*About*: the protocol, units, how ranks and trust come about, how to cite."""

from __future__ import annotations

import streamlit as st

from mfbench import __version__
from mfbench.protocol.protocol import STANDARD_K, Track
from mfbench.store.fresh_test.record import RATIO_TOLERANCE
from mfbench.submission.detectors.leaks import ENERGY_NOISE, FORCE_NOISE
from mfbench_leaderboard.state import current_store

__all__ = ["show"]

TEXT = """
### What is measured
A *task* is a protein family: capped fragments cut from real PDB structures, thermally sampled and
labelled with energies and forces at one level of theory. A method sees **K labelled
configurations** of a family it has never met, K ∈ {{{ks}}}, and predicts the rest
blind: atoms, positions, charge and unpaired electrons only. Support sets are published; every
method gets the same ones.

### Three errors stand together
| | | unit |
|---|---|---|
| **Forces** | RMSE of all force components | kcal/mol/Å |
| **Energy within fragments** | RMSE less each fragment's mean error: the shape of the surface | kcal/mol |
| **Energy** | RMSE of total energies: an offset counts | kcal/mol |

Inside, energies are eV and forces eV/Å; 1 eV is 23.0605 kcal/mol. *Subsets* of the query: the
molecule is in the support (*seen*), it is not (*unseen*), or meta-train does not hold it (*novel*).

### Intervals and ranks
Families are the unit. Draws of a family are averaged, then families; intervals are 95 % bootstrap
intervals over families, those that share a 30 %-identity cluster move together. **A rank is a
range**: from 1 + the number of methods that are significantly better to all but those that are
significantly worse (log-ratios, Holm's correction), within a track. Methods whose ranges overlap are
not told apart; a rule in the table separates groups that are. Under ten test families there are no
ranks. *constant* (no force field at all) and *random* are lines, never ranked.

### Tracks
{tracks} Training from scratch has a rule of its own and is exempt. Rows are compared within a track.

### Failures count
A failed or missing episode scores the worse of the constant method and the method's own worst, and
stays visible.

### Trust
- **recomputed**: this board computed every error from the submitted predictions, as it does for
  whatever is submitted.
- **reproducible**: a row of the benchmark's own methods. Its errors per configuration are kept instead
  of predictions, with the weights or the recipe: `mfbench store verify --rerun ROW` runs them again.
- **verified**: somebody ran the deposited weights on configurations of the published fragments,
  sampled afresh under a secret seed, and the errors held: fresh ÷ claimed does not exceed
  {tolerance:.2f}, for all fragments together and for the typical one. A recomputed row never
  outranks a verified one at a tie.
- **refuted**: they did not hold.

Refused at the door: labels in the predictions (errors below {force:g} meV/Å or {energy:g} meV in
more configurations than chance explains, which is also what wrapping the labelling method gives),
copies of another submission, unit and sign mistakes, shuffled rows. Costs, descriptions and
training data are declared.

### Submitting
```
mfbench evaluate --method my_module:Method --split cath-mini --out runs/mine
mfbench submit runs/mine --draft mine     # say in mine/submission.yaml what the method does
mfbench submit mine --check
mfbench submit mine --to {store}
```

### How to cite
Name the split with its version and data hash, the level of theory, K, the subset, and this
software: *the mfbench developers, mfbench {version}*. Structures come from the Protein Data Bank
(CC0); data and checkpoints are CC-BY-4.0, code is Apache-2.0.
"""


def show() -> None:
    """The page."""
    left, _ = st.columns([4, 1])
    left.markdown(
        TEXT.format(
            ks=", ".join(map(str, STANDARD_K)),
            tracks=" ".join(f"*{track.capitalize()}*: {track.describe()}." for track in Track),
            tolerance=RATIO_TOLERANCE,
            force=1e3 * FORCE_NOISE,
            energy=1e3 * ENERGY_NOISE,
            store="STORE",
            version=__version__,
        )
    )
    left.caption(f"Store: {current_store().url}")
