"""The command that turns a queue into tables of labels: in parts, resumable, nothing labelled twice."""

from pathlib import Path

import numpy as np
import pytest

from mfbench.cli import main
from mfbench.data.configuration import Configuration
from mfbench.data.levels import read_level, read_level_labels
from mfbench.errors import DataError
from mfbench.work.executor import Here

pytest.importorskip("ase")
from mfbench_tasks.labelling.label_queue import label_queue
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.levels.dft_tasks import queued_configurations, read_queue

COUNTED = '''
from ase.calculators.calculator import CalculatorError
from ase.calculators.lj import LennardJones

class Counted(LennardJones):
    """Notes what it labels, and fails where two atoms are closer than 0.6 Å."""

    def __init__(self):
        super().__init__(epsilon=1e-4, sigma=0.8)

    def calculate(self, atoms=None, *args, **kwargs):
        if len(atoms) > 1:
            with open({log!r}, "a") as log:
                log.write(f"{{atoms.positions[1, 2]:.1f}}\\n")
            if atoms.get_distance(0, 1) < 0.6:
                raise CalculatorError("too close")
        super().calculate(atoms, *args, **kwargs)
'''


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A fake level, by a name of its own, and what it has labelled."""
    log, name = tmp_path / "log", f"counted_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(COUNTED.format(log=str(log)))
    monkeypatch.syspath_prepend(str(tmp_path))
    return find_level(f"{name}:Counted"), lambda: log.read_text().split() if log.exists() else []


@pytest.fixture
def queue():
    return [
        Configuration(np.array([18, 18]), np.array([[0, 0, 0], [0, 0, z]]), config_id=f"ar/{i}")
        for i, z in enumerate((3.0, 0.5, 3.2, 3.4, 3.6, 3.8))
    ]


def run(level, queue, tmp_path, **options):
    with Here() as executor:
        return label_queue(
            level, queue, tmp_path / "labels", tmp_path / "journal", executor=executor, **options
        )


def test_a_queue_is_labelled_in_its_order_and_in_parts(counted, queue, tmp_path):
    level, labelled = counted
    first = run(level, queue, tmp_path, limit=2)
    assert (first.queued, first.before, first.made, first.failed, first.left) == (6, 0, 2, 1, 4)
    assert read_level(tmp_path / "labels").failed == {"ar/1": "too close"}
    rest = run(level, queue, tmp_path, part=2)
    assert (rest.before, rest.made, rest.failed, rest.left) == (2, 4, 0, 0)
    assert labelled() == ["3.0", "0.5", "3.2", "3.4", "3.6", "3.8"]
    card, labels = read_level_labels(tmp_path / "labels")
    assert (len(card.files), card.labels) == (3, 5)
    assert set(labels) == {f"ar/{i}" for i in (0, 2, 3, 4, 5)}
    again = run(level, queue, tmp_path)
    assert (again.before, again.made, len(labelled())) == (6, 0, 6)


def test_what_was_labelled_elsewhere_is_not_labelled_again_and_a_lost_journal_is_no_loss(
    counted, queue, tmp_path
):
    import shutil

    level, labelled = counted
    run(level, queue, tmp_path, limit=3)
    shutil.rmtree(tmp_path / "journal")
    assert run(level, queue, tmp_path).made == 3
    assert len(labelled()) == 6


def test_whatever_ends_a_run_the_tables_have_what_was_finished(counted, queue, tmp_path):
    level, labelled = counted

    def stop(entry):
        if entry.key == "ar/2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(level, queue, tmp_path, tick=stop)
    assert read_level(tmp_path / "labels").labels == 2
    assert run(level, queue, tmp_path).made == 3
    assert len(labelled()) == 6


@pytest.fixture
def data(tmp_path, cath_folder):
    """A folder with cath and its pool, whose labels may be written."""
    for name in ("cath", "pool"):
        (tmp_path / "data" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(cath_folder.parent / name)
    lines = (cath_folder.parents[1] / "recipes" / "levels-wb97x-d.tsv").read_text().splitlines()
    (tmp_path / "queue.tsv").write_text("\n".join(lines[:4]) + "\n")
    return tmp_path


@pytest.fixture(scope="module")
def cath_folder():
    from mfbench.data.split import find_split

    return find_split("cath")


def test_the_command_labels_what_is_left_and_says_how_much(counted, data, capsys, monkeypatch):
    level, _ = counted
    monkeypatch.chdir(data)
    command = ["data", "label-queue", "queue.tsv", "--data", "data", "--level", level.name, "--quiet"]
    assert main([*command, "--limit", "2"]) == 0
    said = capsys.readouterr().err
    assert "3 in the queue, 0 done before, 2 labelled now, 0 of them failed, 1 left" in said
    assert f"{Path('data', 'labels', level.name.replace(':', '.'))}: 3 in the queue" in said
    assert main(command) == 0
    _, labels = read_level_labels(data / "data" / "labels" / level.name.replace(":", "."))
    assert list(labels) == sorted(row.config_id for row in read_queue(data / "queue.tsv"))


def test_a_queue_of_other_data_is_refused(data):
    (data / "queue.tsv").write_text("family_id\trole\tphase\tconfig_id\n1.10.8\tsupport\t1\tnobody/s0/0\n")
    with pytest.raises(DataError, match=r"nobody/s0/0, which no test family"):
        queued_configurations(data / "queue.tsv", data / "data")
