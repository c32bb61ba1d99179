"""Radial basis and harmonics of the pairs of a batch, and the harmonics in the neighbour slots."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from mfbench.learned.architectures.mace import MaceConfig
from mfbench_jax.models.irreps import harmonics_2
from mfbench_jax.models.messages import Harmonics
from mfbench_jax.models.radial import cutoff, radial_basis
from mfbench_jax.models.slots import Slots

__all__ = ["pair_geometry"]


def pair_geometry(config: MaceConfig, vectors, slots: Slots):
    """Radial basis of the pairs [P, num_bessel], and the harmonics of the slots, towards their atom.

    ``vectors`` [B, 3, T] in Å: the first atom's position minus the second's. Both are computed once for a
    pair; seen from the other atom, harmonics of l = 1 change their sign. The basis of a pair beyond the
    cutoff is zero, and so is every radial weight made of it.
    """
    x, y, z = jnp.moveaxis(vectors, 1, 0).reshape(3, -1)
    r = jnp.sqrt(x * x + y * y + z * z)
    u = jnp.stack([x / r, y / r, z / r])
    envelope = cutoff(r, config.r_max, config.cutoff_power)
    basis = radial_basis(r[None], envelope[None], config.r_max, config.num_bessel)[0]
    both = jnp.concatenate([float(np.sqrt(3.0)) * u, harmonics_2(u, 0)])
    here = slots.sign * slots.sign
    in_slots = slots.from_pairs(both.T)
    return basis.T, Harmonics(here, slots.sign * in_slots[:, :3], here * in_slots[:, 3:])
