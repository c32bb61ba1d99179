"""What every architecture offers, whatever lies inside: energies, forces, and scalar features of atoms.

A module of an architecture has one function, ``network(params, config, vectors, batch)``: from pair
vectors [B, 3, T] in Å to energies of atoms [B, n] in eV (without isolated atoms) and scalar features
[B, F, n], those that its readouts see.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from mfbench.learned.architectures.composed import composed
from mfbench.learned.architectures.registry import Config, initial_weights, network_of

__all__ = ["atom_energies", "energy", "energy_forces", "feature_forces", "features", "init"]


def init(config: Config, seed: int) -> dict[str, jax.Array]:
    """Random float32 weights; the same in every backend."""
    return {k: jnp.asarray(v) for k, v in initial_weights(config, seed).items()}


def energy(params, config: Config, batch):
    """Interaction energy of each configuration, eV, [B]; zero for an empty configuration.

    ``batch`` is a ``GraphBatch``. Differentiable in ``params`` and ``batch.positions``, any number
    of times. Energies of isolated atoms are not included.
    """
    return jnp.sum(atom_energies(params, config, batch), 1)


def energy_forces(params, config: Config, batch, head=None):
    """Energies [B] in eV and forces [N, 3] in eV/Å (N = atom slots of the batch; zero where empty).

    Forces come from the derivative in the pair vectors and one scatter, which is cheaper under
    further derivatives than a derivative in the positions. ``head`` [F] adds its product with the features.
    """

    def total(vectors):
        atoms, seen = _network(params, config, vectors, batch)
        atoms = atoms if head is None else atoms + jnp.einsum("f,bfn->bn", head, seen)
        return jnp.sum(_masked(atoms, batch), 1)

    value, pull = jax.vjp(total, batch.pair_vectors())
    (slope,) = pull(jnp.ones_like(value))
    return value, batch.scatter_pairs(-slope)


def atom_energies(params, config: Config, batch):
    """What each atom contributes to the energy, eV, [B, n]; zero in empty slots."""
    return _masked(_network(params, config, batch.pair_vectors(), batch)[0], batch)


def features(params, config: Config, vectors, batch):
    """Scalar features of atoms [B, F, n], from pair vectors [B, 3, T] in Å; zero in empty slots."""
    return _masked(_network(params, config, vectors, batch)[1], batch)


def feature_forces(params, config: Config, batch, *, forces: bool = True):
    """Features summed over atoms [B, F], and minus their derivatives in the positions [F, N, 3].

    One backward pass per feature, one after another; None without ``forces``.
    """
    value, pull = jax.vjp(
        lambda vectors: jnp.sum(features(params, config, vectors, batch), 2), batch.pair_vectors()
    )
    if not forces:
        return value, None

    def one(index):
        (slope,) = pull(jnp.zeros_like(value).at[:, index].set(1.0))
        return batch.scatter_pairs(-slope)

    return value, jax.lax.map(one, jnp.arange(value.shape[1]))


def _network(params, config: Config, vectors, batch):
    return network_of(config, "jax").network(composed(params), config, vectors, batch)


def _masked(values, batch):
    mask = batch.atom_mask.reshape(values.shape[0], -1)
    return jnp.where(mask if values.ndim == 2 else mask[:, None], values, 0.0)
