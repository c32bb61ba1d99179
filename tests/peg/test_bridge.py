"""The bridge to ml-peg, at the level of files.

ml-peg itself is not among the tests' packages, since its pins contradict theirs (SciPy). Stand-ins with the
names and signatures of 0.7.0 play its part.
"""

import importlib.util
import json
import sys
import types

import numpy as np
import pytest
import yaml

pytest.importorskip("ase")
from ase.calculators.calculator import Calculator

import mfbench
from mfbench.cli import main
from mfbench.peg.benchmark import write_benchmark
from mfbench.peg.numbers import read_numbers


class Springs(Calculator):
    """Every atom is pulled to the middle; carbon is refused on demand."""

    implemented_properties = ("energy", "forces")
    refuses = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        if self.refuses and len(atoms) == self.refuses:
            raise RuntimeError("too large")
        apart = atoms.positions - atoms.positions.mean(axis=0)
        self.results = {"energy": float(np.sum(apart**2)), "forces": -2 * apart}


class Model:
    """What ml-peg's ``load_models`` gives."""

    def __init__(self, calculator):
        self.calculator = calculator

    def get_calculator(self, *, precision):
        assert precision in ("low", "high")
        return self.calculator

    def add_d3_calculator(self, calc):
        return calc


@pytest.fixture(scope="module")
def benchmark(split, tmp_path_factory):
    out = tmp_path_factory.mktemp("peg") / "benchmark"
    write_benchmark(split, out)
    return out


def stand_ins(monkeypatch, root, models):
    """Modules that the scripts import."""
    decorators, utils = types.SimpleNamespace(), types.SimpleNamespace()

    def build_table(*, filename, metric_tooltips, thresholds, weights, mlip_name_map):
        return lambda function: function

    def get_struct_info(*, calc_path, out_path, write_structs):
        assert (calc_path / "springs").is_dir()
        return {}

    def load_metrics_config(path):
        metrics = yaml.safe_load(path.read_text())["metrics"]
        return metrics, {}, {}

    decorators.build_table = build_table
    utils.build_dispersion_name_map = dict
    utils.get_struct_info, utils.load_metrics_config = get_struct_info, load_metrics_config
    found = {
        "ml_peg": {},
        "ml_peg.models": {"current_models": None},
        "ml_peg.models.get_models": {
            "load_models": lambda _: models,
            "get_model_names": lambda _: list(models),
        },
        "ml_peg.calcs": {"CALCS_ROOT": root / "calcs"},
        "ml_peg.app": {"APP_ROOT": root / "app"},
        "ml_peg.analysis": {},
        "ml_peg.analysis.utils": {},
        "ml_peg.analysis.utils.decorators": vars(decorators),
        "ml_peg.analysis.utils.utils": vars(utils),
    }
    for name, content in found.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


def script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ran(benchmark, monkeypatch, tmp_path):
    """The calculation, as ml-peg's pytest runs it: one call per model."""
    models = {"springs": Model(Springs()), "picky": Model(Springs())}
    models["picky"].calculator.refuses = 8
    stand_ins(monkeypatch, benchmark, models)
    calc = script(benchmark / "calcs" / "mfbench" / "synthetic" / "calc_synthetic.py")
    calc.OUT_PATH = tmp_path / "outputs"
    calc.test_synthetic(("springs", models["springs"]))
    with pytest.warns(UserWarning, match="picky on .*too large"):
        calc.test_synthetic(("picky", models["picky"]))
    return tmp_path / "outputs"


def test_the_files_lie_where_ml_peg_looks_for_them(benchmark, split):
    assert {p.relative_to(benchmark).parts[0] for p in benchmark.rglob("*.py")} == {
        "calcs",
        "analysis",
        "app",
    }
    for part, name in (("calcs", "calc"), ("analysis", "analyse"), ("app", "app")):
        (path,) = (benchmark / part).glob(f"*/*/{name}_*.py")
        assert path.name == f"{name}_{path.parent.name}.py"
        compile(path.read_text(), path.name, "exec")
    metrics = yaml.safe_load((benchmark / "analysis/mfbench/synthetic/metrics.yml").read_text())["metrics"]
    assert all({"good", "bad", "unit", "tooltip"} <= set(m) for m in metrics.values())
    title = yaml.safe_load((benchmark / "app/mfbench/mfbench.yml").read_text())
    assert {"title", "description", "weight"} == set(title)
    credits = yaml.safe_load((benchmark / "calcs/mfbench/synthetic/citations.yml").read_text())
    assert credits["citations"][0]["role"] == "reference_data"
    assert len(list((benchmark / "calcs/mfbench/synthetic/data").glob("*.xyz"))) == len(split.test)
    assert "ml-peg 0.7.0" in (benchmark / "README.md").read_text()


def test_the_numbers_that_come_back_are_those_of_evaluate(ran, split):
    """The same calculator through both: errors that need no energy zero are equal."""
    (picky, springs) = read_numbers(split, ran)
    assert (picky.model, springs.model) == ("picky", "springs")
    ours = mfbench.evaluate(mfbench.from_ase(Springs(), split=split), split, ks=[0])
    for metric in ("energy_rmse_within", "force_rmse"):
        assert springs.values[metric] == pytest.approx(ours.value(metric, 0), rel=1e-6)
    assert (springs.families, springs.missing) == (len(split.test), {})
    assert picky.missing
    assert picky.families == len(split.test) - len(picky.missing)


def test_its_own_analysis_finds_the_same(ran, benchmark, split, monkeypatch):
    analysis = benchmark / "analysis" / "mfbench" / "synthetic" / "analyse_synthetic.py"
    monkeypatch.setattr(sys.modules["ml_peg.calcs"], "CALCS_ROOT", ran.parent)
    (ran.parent / "mfbench").mkdir()
    (ran.parent / "mfbench" / "synthetic").mkdir()
    (ran.parent / "mfbench" / "synthetic" / "outputs").symlink_to(ran)
    module = script(analysis)
    found = [module.family_errors(f) for f in sorted((ran / "springs").glob("*.xyz"))]
    (_, springs) = read_numbers(split, ran)
    wanted = [springs.values["energy_rmse_within"], springs.values["force_rmse"]]
    assert np.mean(found, axis=0) == pytest.approx(wanted, rel=1e-6)
    assert np.isnan([module.family_errors(f) for f in (ran / "picky").glob("*.xyz")]).any()


def test_the_command_line_writes_and_reads(ran, split_folder, tmp_path, capsys):
    out = tmp_path / "b"
    assert main(["export-peg", str(split_folder), "--out", str(out)]) == 0
    assert (
        main(["export-peg", str(split_folder), "--read", str(ran), "--json", str(tmp_path / "n.json")]) == 0
    )
    assert "springs" in capsys.readouterr().out
    rows = json.loads((tmp_path / "n.json").read_text())
    assert {row["model"] for row in rows} == {"springs", "picky"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--out"),
        (["--read", "EMPTY"], "no MODEL/predictions.json"),
        (["--read", "DAMAGED"], "is damaged"),
        (["--out", "FULL"], "is not empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(split_folder, tmp_path, capsys, arguments, says):
    for name in ("EMPTY", "FULL", "DAMAGED"):
        (tmp_path / name / "model").mkdir(parents=True)
    (tmp_path / "DAMAGED" / "model" / "predictions.json").write_text('{"a": 1}x')
    given = [str(tmp_path / a) if a.isupper() else a for a in arguments]
    assert main(["export-peg", str(split_folder), *given]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says in err
