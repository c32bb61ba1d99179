"""``check_method`` finds in seconds what would otherwise show after hours, and says it in words."""

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import UnknownNameError
from mfbench.methods.constant import constant


class Springs:
    """Energies of a pair potential, with exact forces: a sound force field."""

    name = "springs"

    def adapt(self, support, *, budget, seed):
        return self

    def predict(self, configurations):
        return [self.one(c) for c in configurations]

    def one(self, c):
        vectors = c.positions[:, None] - c.positions[None]
        distances = np.linalg.norm(vectors, axis=-1) + np.eye(len(c))
        terms = np.exp(-distances) * (1 - np.eye(len(c)))
        forces = (terms[..., None] * vectors / distances[..., None]).sum(axis=1)
        return mfbench.Prediction(terms.sum() / 2, forces)


def faulty(name):
    """A sound force field with one fault."""

    class Faulty(Springs):
        def adapt(self, support, *, budget, seed):
            if name == "needs labels" and not support:
                raise ValueError("empty support")
            if name == "writes":
                support[0].positions.setflags(write=True)
                support[0].positions[:] += 0.1 if support else 0
            made = Faulty()
            made.shift = np.random.default_rng().normal() if name == "unseeded" else 0.0
            if name == "weights":
                made.params = {"readouts.weight": np.array([1.0, np.inf])}
            if name == "spends":
                made.usage = mfbench.Usage(gradient_evaluations=10_000)
            return made

        def predict(self, configurations):
            found = super().predict(configurations)
            mean = np.mean([p.energy for p in found])
            return [self.spoil(p, c, mean) for p, c in zip(found, configurations, strict=True)]

        def spoil(self, p, c, mean):
            match name:
                case "unseeded":
                    return mfbench.Prediction(p.energy + self.shift, p.forces)
                case "shape":
                    return mfbench.Prediction(p.energy, p.forces[1:])
                case "nan":
                    return mfbench.Prediction(float("nan"), p.forces)
                case "batch":
                    return mfbench.Prediction(p.energy - mean, p.forces)
                case "labels":
                    return mfbench.Prediction(c.energy, p.forces)
                case "sign":
                    return mfbench.Prediction(p.energy, -p.forces)
                case "rotation":
                    return mfbench.Prediction(p.energy + c.positions[0, 0] - c.positions[1, 0], p.forces)
                case "translation":
                    return mfbench.Prediction(p.energy + c.positions[0, 0], p.forces)
                case "order":
                    return mfbench.Prediction(
                        p.energy + np.linalg.norm(c.positions[0] - c.positions[1]), p.forces
                    )
            return p

    return Faulty()


FAULTS = {
    "needs labels": ("no labels, K = 0", "ValueError: empty support"),
    "unseeded": ("same seed", "draw all random numbers from the seed"),
    "shape": ("labels, K = 6", "forces have shape"),
    "nan": ("labels, K = 6", "not finite"),
    "batch": ("each on its own", "depend on the other query configurations"),
    "labels": ("labels, K = 6", "a query configuration has no 'energy'"),
    "weights": ("finite weights", "'readouts.weight' infinite or NaN"),
}
WARNINGS = {
    "sign": ("forces = -dE/dx", "multiply them by -1"),
    "translation": ("translation", "moves an energy"),
    "rotation": ("rotation", "moves an energy"),
    "order": ("order of atoms", "moves an energy"),
}


@pytest.mark.parametrize("method", ["springs", "constant"])
def test_a_sound_method_passes_every_check(method, split):
    made = Springs() if method == "springs" else constant(mfbench.MethodContext(split))
    report = mfbench.check_method(made)
    assert report.passed, str(report)
    # Zero forces are not the slope of a constant that follows the composition alone: they are.
    assert not report.warnings, str(report)


class OneModelPerMolecule:
    """The mean energy of each molecular graph, where the support holds it."""

    name = "one-model-per-molecule"

    def adapt(self, support, *, budget, seed):
        self.sizes = {}
        for c in support:
            assert self.sizes.setdefault(c.graph_id, len(c)) == len(c), "two molecules share a graph_id"
        return self

    def predict(self, configurations):
        assert all(self.sizes.get(c.graph_id, len(c)) == len(c) for c in configurations)
        return [mfbench.Prediction(0.0, np.zeros((len(c), 3))) for c in configurations]


def test_a_method_may_keep_one_model_per_molecule():
    assert mfbench.check_method(OneModelPerMolecule()).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_in_words(fault):
    report = mfbench.check_method(faulty(fault))
    assert not report.passed
    name, words = FAULTS[fault]
    (found,) = [check for check in report.checks if check.name == name]
    assert not found.passed
    assert words in found.finding
    assert f"FAIL  {name}" in str(report)


@pytest.mark.parametrize("fault", WARNINGS)
def test_what_is_no_force_field_is_a_warning(fault):
    report = mfbench.check_method(faulty(fault))
    assert report.passed
    name, words = WARNINGS[fault]
    assert words in {check.name: check.finding for check in report.warnings}[name]


def test_a_method_that_writes_into_its_labels_is_caught():
    report = mfbench.check_method(faulty("writes"))
    assert not report.passed
    assert "copy what you change" in report.checks[-1].finding


def test_a_method_that_spends_more_than_the_budget_is_told_its_track():
    report = mfbench.check_method(faulty("spends"))
    (found,) = [check for check in report.checks if check.name == "budget"]
    assert "open track" in found.finding


def test_something_that_is_no_method_is_refused():
    with pytest.raises(UnknownNameError, match="int is not a method"):
        mfbench.check_method(3)


def test_the_command_checks_a_users_own_class(tmp_path, monkeypatch, capsys):
    source = "import numpy as np\nimport mfbench\n\nclass Mine:\n    name = 'mine'\n"
    (tmp_path / "checked_method.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert main(["check-method", "checked_method:Mine"]) == 2
    assert "is not a method" in capsys.readouterr().err
    assert main(["check-method", "constant"]) == 0
    assert "constant: can be evaluated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (":X", "':X' names nothing: give module:Attribute"),
        (".near:X", "'.near:X' names nothing: give module:Attribute"),
        ("nofile:X", "no file nofile.py in {here}"),
        ("methods.nofile:X", "no file methods/nofile.py in {here}"),
        ("lies_here.py:X", "'lies_here.py' is a file's name, not a module's: give lies_here:X"),
        ("there/lies_here.py:X", "give lies_here:X, from the folder there"),
        (
            "there/lies_here:X",
            "'there/lies_here' is a path, not a module: give lies_here:X, from the folder there",
        ),
        ("needs_more:X", "needs the module 'no_such_package', which is not installed"),
    ],
)
def test_a_module_that_is_not_there_is_told_from_one_that_lacks_another(
    target, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / "lies_here.py").write_text("X = 3")
    (tmp_path / "needs_more.py").write_text("import no_such_package")
    monkeypatch.chdir(tmp_path)
    for command in (["check-method", target], ["evaluate", "-m", target, "-s", "cath-mini", "--k", "5"]):
        assert main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said.format(here=tmp_path) in line


def test_an_episode_whose_weights_are_not_finite_fails_though_its_predictions_are(split):
    results = mfbench.evaluate(faulty("weights"), split, ks=[5], draws=1)
    assert len(results.failures) == len(results.episodes)
    assert "'readouts.weight' infinite or NaN" in results.failures[0].failure
