"""Heads with a prior from meta-train, and heads that say how sure they are."""

import importlib

import numpy as np
import pytest

from mfbench.learned.adaptation.head_prior import fit_with_prior, head_prior
from mfbench.learned.adaptation.laplace import fit_posterior
from mfbench.learned.adaptation.ridge import Design, RidgeSettings, fit_head
from mfbench.learned.architectures.mace import MaceConfig, initial_weights
from mfbench.learned.checkpoint import Checkpoint
from mfbench.learned.methods.laplace import Laplace
from mfbench.learned.methods.ridge_prior import RidgePrior
from mfbench.protocol.energy_baseline import fit_baseline
from mfbench.protocol.method import silent_predict
from mfbench.protocol.protocol import Budget

pytestmark = pytest.mark.usefixtures("short_compilations")

CONFIG = MaceConfig(elements=(1, 6, 7, 8), channels=2, radial_mlp=(4,), readout_width=2)
P = 8
MEAN, WAY = np.linspace(-2, 2, P), np.sin(np.arange(P))


def drawn_head(rng):
    """Heads of tasks differ from a mean along one direction."""
    return MEAN + rng.normal() * WAY


def design_of(head, rng, k=4, noise=0.5, atoms=3):
    features = rng.normal(size=(k, P))
    jacobians = [rng.normal(size=(3 * atoms, P)) for _ in range(k)]
    forces = [j @ head + noise * rng.normal(size=3 * atoms) for j in jacobians]
    energies = features @ head + noise * rng.normal(size=k)
    return Design(features, energies, np.zeros((k, k)), jacobians, forces, np.arange(k) // 2)


def test_a_prior_from_other_tasks_halves_the_error_of_a_head():
    rng = np.random.default_rng(0)
    prior = head_prior([drawn_head(rng) for _ in range(40)], np.ones(P))
    errors = []
    for _ in range(20):
        head = drawn_head(rng)
        design = design_of(head, rng, k=2)
        found = (
            fit_with_prior(design, prior, RidgeSettings()),
            fit_head(design, np.ones(P), RidgeSettings()),
        )
        errors.append([np.linalg.norm(w - head) for w in found])
    with_prior, without = np.mean(errors, axis=0)
    assert with_prior < 0.5 * without


def test_the_prior_has_the_moments_of_the_heads():
    rng = np.random.default_rng(1)
    heads, scales = rng.normal(size=(2000, P)) @ np.diag(np.arange(1.0, P + 1)), np.full(P, 2.0)
    prior = head_prior(list(heads), scales)
    np.testing.assert_allclose(prior.mean, heads.mean(0))
    covariance = np.cov(heads.T)
    extra = 0.1 * np.trace(covariance) / P
    np.testing.assert_allclose(
        prior.root @ prior.root.T, covariance + extra * np.eye(P), rtol=1e-6, atol=1e-9
    )


def test_labels_that_vouch_for_nothing_leave_the_mean_head():
    rng = np.random.default_rng(2)
    prior = head_prior([drawn_head(rng) for _ in range(10)], np.ones(P))
    one_group = design_of(drawn_head(rng), rng, k=1)
    np.testing.assert_allclose(fit_with_prior(one_group, prior, RidgeSettings()), prior.mean)


def test_the_posterior_is_the_gaussian_one_and_covers():
    """Mean and covariance by the explicit formula; 90 % intervals of unseen forces hold 90 %."""
    rng = np.random.default_rng(3)
    design = design_of(MEAN, rng, k=6)
    found = fit_posterior(design, np.ones(P), 1.0)
    rows = np.concatenate([*design.jacobians, design.features])
    targets = np.concatenate([*design.forces, design.energies])
    strength = np.linalg.solve(found.covariance / found.noise**2, np.eye(P)) - rows.T @ rows
    np.testing.assert_allclose(strength, np.eye(P) * strength[0, 0], atol=1e-6)
    precision = rows.T @ rows + strength[0, 0] * np.eye(P)
    np.testing.assert_allclose(found.mean, np.linalg.solve(precision, rows.T @ targets), rtol=1e-6)
    inside = []
    for _ in range(60):
        head = MEAN + rng.normal(size=P)
        sure = fit_posterior(design_of(head, rng, k=3), np.ones(P), 1.0)
        rows = rng.normal(size=(30, P))
        errors = rows @ (sure.mean - head) + 0.5 * rng.normal(size=30)
        inside.append(np.abs(errors) <= 1.645 * sure.force_deviation(rows))
    assert 0.86 < np.mean(inside) < 0.94


@pytest.mark.parametrize("kind", [RidgePrior, Laplace])
def test_both_backends_find_the_same_head(split, kind):
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    task, baseline = (
        split.validation[0],
        fit_baseline(split.train_configurations, split.isolated_atom_energies),
    )
    checkpoint = Checkpoint(CONFIG, initial_weights(CONFIG, 0), {}, {})
    query, found = [c.blind() for c in task.query], []
    for backend in ("jax", "torch"):
        engine = importlib.import_module(f"mfbench_{backend}.engine").ENGINE
        scaled_on = list(split.train[0].support[:6])
        more = {"tasks": split.train} if kind is RidgePrior else {}
        made = kind(engine, checkpoint, baseline, RidgeSettings(), scaled_on, **more)
        nothing = made.adapt([], budget=Budget(0), seed=0)
        assert (nothing.model.head is None) == (kind is Laplace)
        predictor = made.adapt(task.support, budget=Budget(0), seed=0)
        predictions = predictor.predict(query)
        arrays = [
            np.array([p.energy for p in predictions]),
            np.concatenate([p.forces for p in predictions]),
        ]
        if kind is Laplace:
            energies, forces = predictor.deviations(query)
            assert all(f.shape == (len(c), 3) for f, c in zip(forces, query, strict=True))
            assert np.isinf(nothing.deviations(query)[0]).all()
            assert all(p.energy_std is p.forces_std is None for p in nothing.predict(query))
            noise = predictor.posterior.noise / np.sqrt(RidgeSettings().energy_weight)
            silent = silent_predict(predictor)(query)
            assert [p.energy for p in silent] == [p.energy for p in predictions]
            assert all(p.energy_std is None for p in silent)
            stated = [p.energy_std for p in predictions]
            np.testing.assert_allclose(stated, np.hypot(energies, noise), rtol=1e-5)
            assert all(
                np.allclose(p.forces_std, f, rtol=1e-4) for p, f in zip(predictions, forces, strict=True)
            )
            arrays += [energies, np.concatenate(forces)]
        found.append(arrays)
    for here, there in zip(*found, strict=True):
        np.testing.assert_allclose(here, there, atol=3e-3)
