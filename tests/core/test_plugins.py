"""A user's own method, and an ASE calculator."""

import textwrap

import numpy as np
import pytest

import mfbench
from mfbench.errors import UnknownNameError

ase_calculator = pytest.importorskip("ase.calculators.calculator")

OWN_METHOD = '''
import numpy as np
import mfbench


class NearestNeighbour:
    """Energy of the most similar support configuration of the same size."""

    name = "nearest"

    def adapt(self, support, *, budget, seed):
        self.support = support
        return self

    def predict(self, configurations):
        return [mfbench.Prediction(self.energy(c), np.zeros((len(c), 3))) for c in configurations]

    def energy(self, query):
        near = [c for c in self.support if np.array_equal(c.atomic_numbers, query.atomic_numbers)]
        distance = [np.abs(c.positions - query.positions).sum() for c in near]
        return near[np.argmin(distance)].energy if near else 0.0
'''


def test_a_users_own_method_by_name(split, tmp_path, monkeypatch):
    assert len(OWN_METHOD.strip().splitlines()) <= 22  # two of them blank
    (tmp_path / "my_method.py").write_text(OWN_METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    results = mfbench.evaluate("my_method:NearestNeighbour", split, ks=[10], draws=1)
    assert results.exit_code == 0
    assert results.run["method"] == "my_method:NearestNeighbour"
    assert results.value("energy_rmse", 10, "seen") < 5
    assert results.value("energy_rmse", 10, "unseen") > 1000


def test_a_factory_that_wants_the_context(split, tmp_path, monkeypatch):
    source = """
    from mfbench.methods.constant import constant

    def make(context):
        return constant(context)
    """
    (tmp_path / "with_context.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    found = mfbench.evaluate("with_context:make", split, ks=[5], draws=1)
    assert found.value("energy_rmse", 5) == found.find("energy_rmse", 5, of="constant").value


def test_the_record_of_a_numpy_method_names_no_network(split, tmp_path, monkeypatch):
    """Asking for the context, e.g. for its baseline, is not having a network of ours."""
    source = """
    from mfbench.methods.constant import constant

    def numpy_only(context):
        return constant(context)

    def network(context):
        return constant(context)

    network.backends = ("torch",)
    """
    (tmp_path / "whose_network.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    run = {"ks": [5], "draws": 1}
    found = mfbench.evaluate("whose_network:numpy_only", split, **run).run
    assert (found["arch"], found["backend"]) == (None, None)
    found = mfbench.evaluate("whose_network:network", split, backend="torch", arch="nequip", **run).run
    assert (found["arch"], found["backend"]) == ("nequip", "torch")
    with pytest.raises(UnknownNameError, match="needs --backend torch"):
        mfbench.evaluate("whose_network:network", split, **run)
    for asked in ({"backend": "torch"}, {"arch": "nequip"}):
        with pytest.raises(UnknownNameError, match="names no backends"):
            mfbench.evaluate("whose_network:numpy_only", split, **asked, **run)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Mine = 3", "could not be made"),
        ("class Other: ...", "has no 'Mine'"),
        ("class Mine: ...", "is not a method"),
        ("class Mine:\n    def __init__(self):\n        raise TypeError('mine')", "TypeError: mine"),
        ("def Mine(context): ...\nMine.backends = 'torch'", "needs --backend torch"),
        ("def Mine(context): ...\nMine.backends = None", "is not a method"),
        ("import torch_that_is_not_there", "needs the module 'torch_that_is_not_there'"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_users_mistake_is_named(split, tmp_path, monkeypatch, source, message):
    (tmp_path / "mistaken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mistaken", raising=False)
    with pytest.raises(UnknownNameError, match=message):
        mfbench.evaluate("mistaken:Mine", split, ks=[5], draws=1)


def test_something_that_is_no_method(split):
    with pytest.raises(UnknownNameError, match="int is not a method"):
        mfbench.evaluate(3, split, ks=[5], draws=1)


class PairPotential(ase_calculator.Calculator):
    """The labels' pair potential with another energy zero."""

    implemented_properties = ("energy", "forces")

    def __init__(self, potential):
        super().__init__()
        self.potential, self.charges = potential, []

    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        self.charges.append((atoms.info["charge"], atoms.get_initial_charges().sum()))
        energy, forces = self.potential(atoms.numbers, atoms.positions)
        zero = sum({1: 3.0, 6: 1000.0, 7: 2000.0, 8: 2500.0}[z] for z in atoms.numbers)
        self.results = {"energy": energy + zero, "forces": forces}


@pytest.fixture
def calculator(label):
    return PairPotential(label)


def test_an_ase_calculator_is_a_zero_shot_method(split, calculator):
    method = mfbench.from_ase(calculator, split=split, name="pair")
    results = mfbench.evaluate(method, split, ks=[0, 5], draws=1)
    assert results.run["method"] == "pair"
    assert results.value("force_rmse", 0) < 1e-2
    # Per-element energies from meta-train close the gap of thousands of eV.
    assert results.value("energy_rmse", 0) < 0.5
    assert results.value("energy_rmse_within", 5) < 1e-2


def test_without_a_split_the_support_alone_aligns(split, calculator):
    results = mfbench.evaluate(mfbench.from_ase(calculator), split, ks=[0, 10], draws=1)
    assert results.value("energy_rmse", 0) > 1e4
    assert results.value("energy_rmse", 10, "seen") < 100
    assert results.value("energy_rmse_within", 0) < 1e-2


def test_without_alignment_energies_stay_as_they_are(split, calculator):
    predictor = mfbench.from_ase(lambda: calculator, align=False).adapt(
        split.test[0].support[:5], budget=mfbench.Budget(), seed=0
    )
    configuration = split.test[0].query[0]
    [found] = predictor.predict([configuration.blind()])
    zero = sum({1: 3.0, 6: 1000.0, 7: 2000.0, 8: 2500.0}[z] for z in configuration.atomic_numbers)
    assert found.energy == pytest.approx(configuration.energy + zero)
    assert found.forces == pytest.approx(configuration.forces, abs=2e-4)


def test_charge_and_spin_reach_the_calculator(calculator):
    ion = mfbench.Configuration(np.array([6, 1]), np.array([[0.0, 0, 0], [1.1, 0, 0]]), total_charge=-1)
    mfbench.from_ase(calculator, align=False).adapt((), budget=mfbench.Budget(), seed=0).predict(
        [ion.blind()]
    )
    assert calculator.charges[-1] == (-1, -1)
