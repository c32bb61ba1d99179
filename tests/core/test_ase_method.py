"""``-m ase``: a calculator by its name."""

import pytest

from mfbench.cli import main
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext

pytest.importorskip("ase")


def test_a_calculator_is_named_by_an_option(split):
    options = {"calculator": "ase.calculators.lj:LennardJones", "vacuum": 5}
    method = load_method("ase", MethodContext(split, options=options))
    assert method.name == "lennardjones"
    assert method.vacuum == 5.0
    assert method.card["reference"]["configurations"] > 10


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "--option calculator=module:Class"),
        ("calculator=LennardJones", "--option calculator=module:Class"),
        ("calculator=no_such_module:A", "there is no module 'no_such_module'"),
        ("calculator=ase.calculators.lj:None1", "has no 'None1'"),
        ("calculator=math:pi", "is no calculator, but float"),
        ("calculator=math:sqrt", "'math:sqrt' cannot be made: TypeError"),
        ("calculator=builtins:dict", "makes no calculator, but dict"),
        ("calculator=ase.calculators.lj:LennardJones vacuum=deep", "a length in Å above zero, not 'deep'"),
        ("calculator=ase.calculators.lj:LennardJones vacuum=-1", "a length in Å above zero, not '-1'"),
        ("calculator=ase.calculators.lj:LennardJones head=1", "takes the options calculator and vacuum"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(split_folder, tmp_path, capsys, options, says):
    given = [part for option in options.split() for part in ("--option", option)]
    out = ["--out", str(tmp_path / "run")]
    assert main(["evaluate", "-m", "ase", "-s", str(split_folder), "--k", "0", *out, *given]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says in err
