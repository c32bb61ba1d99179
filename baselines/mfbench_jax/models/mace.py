"""MACE in JAX: the network of mace-torch's ScaleShiftMACE, with the same weights under the same names.

Supported: RealAgnosticResidualInteractionBlock in every layer (mace's default for ScaleShiftMACE),
harmonics up to l = 2, hidden scalars and vectors, correlation 2, two or more interactions, scalars only
after the last one, silu. The symmetric contraction uses mace's full coupling basis (its default).

Layout: node arrays are [B, feature, atom], pair arrays [B, feature, pair]. A pair is evaluated once and
serves both directions; gathers and scatters are products with 0/1 matrices, which are fast on CPUs at
the size of molecules and remain products under any number of derivatives.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from mfbench_jax.models.irreps import harmonics_2, quadrupole_of, vector_of
from mfbench_jax.models.radial import SILU_NORM, mix, radial_basis, radial_weights

__all__ = ["MaceConfig", "energy", "energy_forces", "init", "parameter_shapes"]

ROOT3 = float(np.sqrt(3.0))


@dataclass(frozen=True)
class MaceConfig:
    """Architecture of one model; plain numbers and tuples, so ``dataclasses.asdict`` is JSON.

    Attributes:
        elements: atomic numbers that the model knows, ascending.
        r_max: cutoff radius, Å.
        num_bessel, cutoff_power: radial basis size; exponent p of the polynomial cutoff.
        channels: multiplicity of hidden scalars and of hidden vectors.
        max_l_hidden, max_ell, correlation: only 1, 2 and 2 are implemented.
        num_interactions: message-passing layers, at least 2.
        radial_mlp: widths of the hidden layers of the radial network.
        readout_width: scalars in the last readout (mace's MLP_irreps).
        avg_num_neighbors: messages are divided by it.
        scale, shift: eV; node energy = scale * output + shift.
    """

    elements: tuple[int, ...] = (1, 6, 7, 8, 16)
    r_max: float = 4.5
    num_bessel: int = 8
    cutoff_power: int = 5
    channels: int = 8
    max_l_hidden: int = 1
    max_ell: int = 2
    correlation: int = 2
    num_interactions: int = 2
    radial_mlp: tuple[int, ...] = (32, 32)
    readout_width: int = 16
    avg_num_neighbors: float = 14.0
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(int(z) for z in self.elements))
        object.__setattr__(self, "radial_mlp", tuple(int(w) for w in self.radial_mlp))
        if (self.max_l_hidden, self.max_ell, self.correlation) != (1, 2, 2):
            raise ValueError("only max_l_hidden=1, max_ell=2, correlation=2 are implemented")
        if self.num_interactions < 2:
            raise ValueError("num_interactions must be at least 2")
        if list(self.elements) != sorted(set(self.elements)):
            raise ValueError("elements must be ascending and distinct")

    @classmethod
    def from_dict(cls, values: dict) -> MaceConfig:
        """Inverse of ``dataclasses.asdict``, also after a trip through JSON; unknown keys are errors."""
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fields in a MACE configuration: {', '.join(unknown)}")
        return cls(**values)


def parameter_shapes(config: MaceConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight. Raveled in C order, each is mace-torch's tensor of that name."""
    c, z = config.channels, len(config.elements)
    shapes: dict[str, tuple[int, ...]] = {"node_embedding.linear.weight": (z, c)}
    for t in range(config.num_interactions):
        first, last = t == 0, t == config.num_interactions - 1
        paths, irreps = (3 if first else 7), (1 if last else 2)
        i, p = f"interactions.{t}", f"products.{t}"
        shapes[f"{i}.linear_up.weight"] = (1 if first else 2, c, c)
        widths = (config.num_bessel, *config.radial_mlp, paths * c)
        for k, (w_in, w_out) in enumerate(zip(widths, widths[1:], strict=False)):
            shapes[f"{i}.conv_tp_weights.layer{k}.weight"] = (w_in, w_out)
        shapes[f"{i}.linear.weight"] = (paths, c, c)
        shapes[f"{i}.skip_tp.weight"] = (1 if first else irreps, c, z, c)
        for l in range(irreps):
            s = f"{p}.symmetric_contractions.contractions.{l}"
            shapes[f"{s}.weights_max"] = (z, 3 + l, c)
            shapes[f"{s}.weights.0"] = (z, 1, c)
        shapes[f"{p}.linear.weight"] = (irreps, c, c)
        if not last:
            shapes[f"readouts.{t}.linear.weight"] = (c, 1)
    r = f"readouts.{config.num_interactions - 1}"
    shapes[f"{r}.linear_1.weight"] = (c, config.readout_width)
    shapes[f"{r}.linear_2.weight"] = (config.readout_width, 1)
    return shapes


def init(config: MaceConfig, seed: int) -> dict[str, jax.Array]:
    """Random float32 weights, distributed as mace-torch draws them.

    Unit normals, with every normalisation in the network; contraction weights are divided by their number
    of paths. NumPy draws them, so a seed means the same weights in every backend.
    """
    rng = np.random.default_rng(seed)
    params = {}
    for name, shape in parameter_shapes(config).items():
        value = rng.standard_normal(shape)
        if ".symmetric_contractions." in name:
            value = value / shape[1]
        params[name] = jnp.asarray(value, jnp.float32)
    return params


def _first_paths(radial, h, u, y2):
    """Messages from scalars. radial [B, 3, c, T], h [B, c, T]: [B, 9, c, T], ordered l = 0, 1, 2."""
    w = radial * h[:, None]
    return jnp.concatenate(
        [
            w[:, 0:1],
            (ROOT3 * w[:, 1:2]) * u[:, :, None],
            w[:, 2:3] * y2[:, :, None],
        ],
        1,
    )


def _paths(radial, h, u, y2):
    """Messages from scalars and vectors. radial [B, 7, c, T], h [B, 4, c, T]: [B, 21, c, T].

    The order is mace's: (0,0,0) (1,1,0) | (0,1,1) (1,0,1) (1,2,1) | (0,2,2) (1,1,2), as (sender, edge, out).
    """
    h0, h1 = h[:, 0], h[:, 1:]
    u = u[:, :, None]
    w = radial
    scalar = w[:, 0] * h0, w[:, 2] * h0 * ROOT3, w[:, 5] * h0
    along = h1[:, 0] * u[:, 0] + h1[:, 1] * u[:, 1] + h1[:, 2] * u[:, 2]
    w4 = float(3.0 / np.sqrt(2.0)) * w[:, 4]
    return jnp.concatenate(
        [
            scalar[0][:, None],
            (w[:, 1] * along)[:, None],
            scalar[1][:, None] * u,
            w[:, 3:4] * h1,
            (w4 * along)[:, None] * u - (w4 * (1.0 / 3.0))[:, None] * h1,
            scalar[2][:, None] * y2[:, :, None],
            quadrupole_of((ROOT3 * w[:, 6])[:, None] * h1, u, 1),
        ],
        1,
    )


def _message_mixer(weight, config: MaceConfig):
    """The channel mixing of all paths, [paths, c, c], as one matrix [M * c, 9 * c] (M = 9 or 21 components)."""
    paths, c, _ = weight.shape
    degrees = (0, 1, 2) if paths == 3 else (0, 0, 1, 1, 1, 2, 2)
    selector = np.zeros((paths, sum(2 * l + 1 for l in degrees), 9))
    row = 0
    for p, l in enumerate(degrees):
        norm = 1.0 / (np.sqrt(degrees.count(l) * c) * config.avg_num_neighbors)
        for m in range(2 * l + 1):
            selector[p, row, l * l + m] = norm
            row += 1
    matrix = jnp.einsum("pcd,pxy->xcyd", weight, jnp.asarray(selector, weight.dtype))
    return matrix.reshape(selector.shape[1] * c, 9 * c)


def _by_element(table, elements):
    """Rows of ``table`` [Z, ...] for each atom: ``elements`` [B, Z, n] one-hot -> [B, ..., n]."""
    z, rest = table.shape[0], table.shape[1:]
    out = mix(table.reshape(z, -1), elements)
    return out.reshape(out.shape[0], *rest, out.shape[-1])


def _contract(params, prefix, a, elements, vectors: bool):
    """The product basis of order 2. ``a`` [B, 9, c, n] -> scalars [B, c, n], vectors [B, 3, c, n] or None."""
    name = f"{prefix}.symmetric_contractions.contractions"
    a0, a1, a2 = a[:, 0], a[:, 1:4], a[:, 4:9]
    tables = [params[f"{name}.0.weights.0"], params[f"{name}.0.weights_max"]]
    if vectors:
        # The couplings (0,1) and (1,0) are the same product, and so are (1,2) and (2,1).
        pair = params[f"{name}.1.weights_max"]
        tables += [params[f"{name}.1.weights.0"], pair[:, 0::2] + pair[:, 1::2]]
    w = _by_element(jnp.concatenate(tables, 1), elements)
    b0 = (w[:, 0] + w[:, 1] * a0) * a0
    b0 += float(3.0**-0.5) * w[:, 2] * jnp.sum(a1 * a1, 1)
    b0 += float(5.0**-0.5) * w[:, 3] * jnp.sum(a2 * a2, 1)
    if not vectors:
        return b0, None
    b1 = (w[:, 4] + w[:, 5] * a0)[:, None] * a1
    b1 += (float(np.sqrt(0.6)) * w[:, 6])[:, None] * vector_of(a2, a1, 1)
    return b0, b1


def _mix_vectors(weight, x):
    """``mix`` for [B, 3, c, n]."""
    b, three, c, n = x.shape
    return mix(weight, x.reshape(b * three, c, n)).reshape(b, three, weight.shape[1], n)


def _network(params, config: MaceConfig, vectors, batch):
    """Interaction energies [B] (eV) from pair vectors [B, 3, T] (receiver minus sender, Å)."""
    dtype = vectors.dtype
    c, z = config.channels, len(config.elements)
    elements, sender, receiver = batch.one_hots(z, dtype)
    r = jnp.sqrt(jnp.sum(vectors * vectors, 1))
    u = vectors / r[:, None]
    y2 = harmonics_2(u, 1)
    u, y2 = jnp.concatenate([u, -u], -1), jnp.concatenate([y2, y2], -1)
    basis = radial_basis(r, config.r_max, config.num_bessel, config.cutoff_power)
    b, _, n = elements.shape
    root_c = float(np.sqrt(c))

    def gather(x):  # [B, F, n] -> [B, F, 2T]: the sender's features on each directed edge
        return jax.lax.dot_general(x, sender, (((2,), (1,)), ((0,), (0,))))

    def scatter(x):  # [B, F, 2T] -> [B, F, n]: sums over the edges that arrive at each atom
        return jax.lax.dot_general(x, receiver, (((2,), (2,)), ((0,), (0,))))

    outputs = 0.0
    f0 = f1 = None
    for t in range(config.num_interactions):
        first, last = t == 0, t == config.num_interactions - 1
        i, p = f"interactions.{t}", f"products.{t}"
        layers = [params[f"{i}.conv_tp_weights.layer{k}.weight"] for k in range(len(config.radial_mlp) + 1)]
        radial = radial_weights(layers, basis)
        radial = radial.reshape(b, -1, c, radial.shape[-1])
        radial = jnp.concatenate([radial, radial], -1)
        up = params[f"{i}.linear_up.weight"] / root_c
        skip = params[f"{i}.skip_tp.weight"] / float(np.sqrt(c * z))
        if first:
            # Features that depend on the element alone: mix the table of elements, not the atoms.
            table = params["node_embedding.linear.weight"] / float(np.sqrt(z))
            h = gather(_by_element(table @ up[0], elements))
            messages = _first_paths(radial, h, u, y2)
            residual = _by_element(jnp.einsum("zc,czd->zd", table, skip[0]), elements)
            residual_vectors = None
        else:
            h = jnp.concatenate([mix(up[0], f0)[:, None], _mix_vectors(up[1], f1)], 1)
            h = gather(h.reshape(b, 4 * c, n)).reshape(b, 4, c, -1)
            messages = _paths(radial, h, u, y2)
            own = _by_element(jnp.moveaxis(skip, 2, 0), elements)  # [B, l, c, c', n]
            residual = jnp.sum(own[:, 0] * f0[:, :, None], 1)
            residual_vectors = None if last else jnp.sum(own[:, 1, None] * f1[:, :, :, None], 2)
        received = scatter(messages.reshape(b, -1, messages.shape[-1]))
        a = mix(_message_mixer(params[f"{i}.linear.weight"], config), received)
        b0, b1 = _contract(params, p, a.reshape(b, 9, c, n), elements, not last)
        weight = params[f"{p}.linear.weight"] / root_c
        f0 = mix(weight[0], b0) + residual
        if last:
            hidden = mix(params[f"readouts.{t}.linear_1.weight"] / root_c, f0)
            final = params[f"readouts.{t}.linear_2.weight"] / float(np.sqrt(config.readout_width))
            outputs += mix(final, SILU_NORM * jax.nn.silu(hidden))[:, 0]
        else:
            f1 = _mix_vectors(weight[1], b1)
            if residual_vectors is not None:
                f1 = f1 + residual_vectors
            outputs += mix(params[f"readouts.{t}.linear.weight"] / root_c, f0)[:, 0]
    node_energy = config.scale * outputs + config.shift
    return jnp.sum(jnp.where(batch.atom_mask.reshape(b, n), node_energy, 0.0), 1)


def energy(params, config: MaceConfig, batch):
    """Interaction energy of each configuration, eV, [B] (zero where a slot of the batch is empty).

    ``batch`` is a ``GraphBatch``; differentiable in ``params`` and in ``batch.positions``, any number of times.
    Energies of isolated atoms are not included.
    """
    return _network(params, config, batch.pair_vectors(), batch)


def energy_forces(params, config: MaceConfig, batch):
    """Energies [B] in eV and forces [N, 3] in eV/Å (N = slots for atoms; zero where empty).

    Forces come from the derivative in the pair vectors and one scatter: cheaper under further derivatives
    than a derivative in the positions.
    """
    vectors = batch.pair_vectors()
    total, pull = jax.vjp(lambda v: _network(params, config, v, batch), vectors)
    (slope,) = pull(jnp.ones_like(total))
    return total, batch.scatter_pairs(-slope)
