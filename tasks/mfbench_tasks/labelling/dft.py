"""DFT labels: ωB97X-D/def2-SVP through PySCF, density fitting, one thread."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mfbench.work.keep_memory import keep_freed_memory
from mfbench_tasks.labelling.dispersion import DISPERSION_ELEMENTS, dispersion
from mfbench_tasks.labelling.level import Level, LevelError
from mfbench_tasks.labelling.tblite import HARTREE_TO_EV, Label, ScfFailure, load_openblas

__all__ = ["TIGHT", "WB97X_D", "DftSettings", "Wb97xD"]

_BOHR = 0.529177210903
_KERNELS = "OPENBLAS_CORETYPE"
_KCAL_PER_MOL = 0.0433641153087705
"""eV."""


@dataclass(frozen=True)
class DftSettings:
    """What a DFT label depends on.

    Attributes:
        functional: libxc's name; its own dispersion term is added.
        basis: of the orbitals.
        fitting_basis: of the density fitting; empty = four-centre integrals.
        grid_level: PySCF's; a coarse SCF at ``coarse_grid_level`` goes first.
        coarse_grid_level: PySCF's.
        energy_tolerance: of the SCF, Hartree.
        gradient_tolerance: of the SCF, norm of the orbital gradient, Hartree.
        cycles: SCF cycles before it counts as failed.
        net_force_limit: kcal/mol/Å. A finite grid leaves a net force; a larger one is a bad label.
    """

    functional: str = "HYB_GGA_XC_WB97X_D"
    basis: str = "def2-svp"
    fitting_basis: str = "def2-universal-jkfit"
    grid_level: int = 3
    coarse_grid_level: int = 0
    energy_tolerance: float = 1e-7
    gradient_tolerance: float = 1e-4
    cycles: int = 80
    net_force_limit: float = 1.0


TIGHT = DftSettings(fitting_basis="", grid_level=5, energy_tolerance=1e-9, gradient_tolerance=1e-5)
"""What a sample of the labels is compared with: a finer grid, no density fitting."""


def _pyscf() -> ModuleType:
    with _modern_blas():
        try:
            import pyscf.dft
            import pyscf.gto
            import pyscf.lib
        except ImportError:
            raise LevelError("wb97x-d runs on PySCF: pip install pyscf") from None
    keep_freed_memory()
    module: ModuleType = pyscf
    return module


@contextlib.contextmanager
def _modern_blas() -> Iterator[None]:
    """PySCF's wheel brings an OpenBLAS of 2018, which takes slow kernels on processors that it does not
    know (12 GFLOP/s; 33-52 with a newer one). Where the machine has none that is newer, the old one is told
    which kernels fit. Energies do not depend on it, seconds do. What is loaded later, here or in a child
    process, must not be told: its last digits would depend on who ran before."""
    before = os.environ.get(_KERNELS)
    if not load_openblas():
        with contextlib.suppress(OSError):
            flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
            kernels = "SkylakeX" if "avx512f" in flags else "Haswell" if "avx2" in flags else ""
            if kernels:
                os.environ.setdefault(_KERNELS, kernels)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_KERNELS, None)


class Wb97xD:
    """ωB97X-D of one molecule.

    Args:
        atomic_numbers: [n].
        total_charge: in units of e.
        n_unpaired: unpaired electrons; unrestricted where it is not zero.
        settings: functional, basis, grids, tolerances.

    Raises:
        LevelError: PySCF is not installed.
    """

    def __init__(
        self,
        atomic_numbers: np.ndarray,
        total_charge: int = 0,
        n_unpaired: int = 0,
        settings: DftSettings | None = None,
    ):
        self._numbers = np.asarray(atomic_numbers, dtype=int)
        self._charge, self._unpaired = int(total_charge), int(n_unpaired)
        self._settings = settings or DftSettings()
        self._pyscf = _pyscf()

    def label(self, positions: np.ndarray) -> Label:
        """Energy and forces of positions [n, 3] (Å) from a cold start; the grid's net force is taken
        out in equal parts.

        Raises:
            ScfFailure: no convergence, or a net force above the limit.
        """
        x = np.asarray(positions, dtype=np.float64)
        field = self._converged(x)
        gradient = field.nuc_grad_method()
        gradient.grid_response = False
        forces = -np.asarray(gradient.kernel()) * (HARTREE_TO_EV / _BOHR)
        net = float(np.linalg.norm(forces.sum(axis=0))) / _KCAL_PER_MOL
        if not (np.isfinite(field.e_tot) and np.all(np.isfinite(forces))):
            raise ScfFailure("energy or forces are not finite")
        if net > self._settings.net_force_limit:
            raise ScfFailure(f"the net force is {net:.2f} kcal/mol/Å: the grid is too coarse here")
        energy, pull = dispersion(self._numbers, x)
        return Label(float(field.e_tot) * HARTREE_TO_EV + energy, forces - forces.mean(axis=0) + pull)

    def _converged(self, positions: np.ndarray) -> Any:
        s = self._settings
        field = self._field(positions)
        field.grids.level, field.conv_tol, field.conv_tol_grad = s.coarse_grid_level, 1e-3, 1e-1
        field.kernel()
        guess = field.make_rdm1()
        field.grids.reset()
        field.grids.level = s.grid_level
        field.conv_tol, field.conv_tol_grad = s.energy_tolerance, s.gradient_tolerance
        field.kernel(dm0=guess)
        if not field.converged:
            raise ScfFailure(f"the SCF did not converge in {s.cycles} cycles")
        return field

    def _field(self, positions: np.ndarray) -> Any:
        from mfbench_tasks.labelling.orbital_cache import CachedNumInt

        s, pyscf = self._settings, self._pyscf
        molecule = pyscf.gto.M(
            atom=[(int(z), tuple(x)) for z, x in zip(self._numbers, positions, strict=True)],
            unit="Angstrom",
            basis=s.basis,
            charge=self._charge,
            spin=self._unpaired,
            verbose=0,
            max_memory=6000,
        )
        field = pyscf.dft.UKS(molecule) if self._unpaired else pyscf.dft.RKS(molecule)
        field.xc, field.max_cycle = s.functional, s.cycles
        field._numint = CachedNumInt()
        return field.density_fit(auxbasis=s.fitting_basis) if s.fitting_basis else field


WB97X_D = Level(
    name="wb97x-d",
    description="ωB97X-D/def2-SVP (gas phase)",
    make=Wb97xD,
    elements=DISPERSION_ELEMENTS,
    citation="Chai and Head-Gordon, Phys. Chem. Chem. Phys. 2008, 10, 6615",
    install="pip install pyscf",
    settings=asdict(DftSettings()),
    zero="atoms",
    energy_tolerance=5e-5,
    force_tolerance=3e-3,
    dear=True,
)
