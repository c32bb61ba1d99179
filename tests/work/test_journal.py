"""Long work: a folder has one owner, finished units are whole, and other inputs are refused by name."""

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context

import pytest

from mfbench.errors import WorkError
from mfbench.work.files import LOCK, TEMPORARY, new_folder, write_text, written
from mfbench.work.journal import Journal, open_journal
from mfbench.work.lines import Lines
from mfbench.work.lock import FileLock, claimed
from mfbench.work.ownership import holds_nothing, owned
from mfbench.work.request import code_digest, difference

REQUEST = {"seed": 1, "recipe": {"steps": 5, "names": ["a"]}, "structures": {"1aaa.pdb": "a" * 64}}


def finished(journal):
    return journal.read(json.loads)


def opened(*arguments, **options):
    with open_journal(*arguments, **options):
        pass


def interrupted(manager, act):
    with manager as place:
        act(place)
        raise KeyboardInterrupt


def test_finished_units_come_back_and_the_same_request_goes_on(tmp_path):
    with open_journal(tmp_path / "j", REQUEST, resume=False) as journal:
        journal.add("1.1.1-0", b"1")
        journal.add("a/b %", b"2")
    with open_journal(tmp_path / "j", REQUEST, resume=True) as journal:
        assert finished(journal) == {"1.1.1-0": 1, "a/b %": 2}
    with pytest.raises(WorkError, match="pass --resume"):
        opened(tmp_path / "j", REQUEST, resume=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 2}, "its seed is 1, not 2"),
        ({"recipe": {"steps": 6, "names": ["a"]}}, r"its recipe\.steps is 5, not 6"),
        ({"structures": {"1aaa.pdb": "b" * 64}}, r"its 1aaa\.pdb has changed"),
        ({"structures": {}}, r"its 1aaa\.pdb is gone"),
        ({"structures": REQUEST["structures"] | {"2bbb.pdb": "c" * 64}}, r"its 2bbb\.pdb is new"),
        ({"seed": 2, "zeta": 0}, r"its seed is 1, not 2 \(1 more differ\)"),
    ],
)
def test_other_inputs_are_refused_by_name_and_nothing_is_touched(tmp_path, change, says):
    with open_journal(tmp_path, REQUEST, resume=False) as journal:
        journal.add("unit", b"1")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(WorkError, match=f"cannot resume .*{says}") as caught:
        opened(tmp_path, REQUEST | change, resume=True)
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_request_without_finished_units_can_be_mended(tmp_path):
    with open_journal(tmp_path, REQUEST, resume=False):
        pass
    with open_journal(tmp_path, REQUEST | {"seed": 2}, resume=False) as journal:
        journal.add("unit", b"1")
    assert json.loads((tmp_path / "request.json").read_text())["seed"] == 2


def test_units_of_an_unknown_request_are_not_trusted(tmp_path):
    (tmp_path / "unit.npz").write_bytes(b"1")
    with pytest.raises(WorkError, match="unknown inputs"):
        Journal(tmp_path, REQUEST, resume=True)


def test_damaged_units_count_as_unfinished(tmp_path):
    with open_journal(tmp_path, REQUEST, resume=False) as journal:
        journal.add("whole", b"1")
        journal.add("torn", b'{"a": ')
        (tmp_path / f".torn-0123456789ab{TEMPORARY}").write_bytes(b"half")
    with open_journal(tmp_path, REQUEST, resume=True) as journal:
        assert finished(journal) == {"whole": 1}
        assert not list(tmp_path.glob(f".*{TEMPORARY}"))  # its owner sweeps what a killed process left


def test_a_damaged_request_is_named(tmp_path):
    (tmp_path / "request.json").write_text('{"seed"')
    with pytest.raises(WorkError, match=r"request\.json is damaged"):
        Journal(tmp_path, REQUEST, resume=True)


def test_a_second_owner_is_refused_and_leaves_nothing(tmp_path):
    with owned(tmp_path / "run"):
        with pytest.raises(WorkError, match=f"in use by process {os.getpid()} on ") as caught:
            owned(tmp_path / "run").__enter__()
        assert "\n" not in str(caught.value)
        assert os.listdir(tmp_path / "run") == [LOCK]
    assert not (tmp_path / "run").exists()  # nothing was written: no empty folder stays
    with owned(tmp_path / "run"):
        (tmp_path / "run" / "result").touch()
    assert os.listdir(tmp_path / "run") == ["result"]


def test_locks_go_with_a_killed_process(tmp_path):
    code = (
        "import sys, time; from mfbench.work.ownership import owned\n"
        "with owned(sys.argv[1]): print('mine', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(WorkError, match=f"process {holder.pid} on"), owned(tmp_path):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert holds_nothing(tmp_path)  # only the lock's file is left
    with owned(tmp_path):
        pass


def test_without_locks_of_the_system_a_file_says_who_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr("mfbench.work.lock.fcntl", None)
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    (tmp_path / "lock").write_text(f"999999999 {os.uname().nodename}\n")  # its process is gone
    assert first.acquire()
    (tmp_path / "other").write_text("1 elsewhere\n")  # nobody here knows whether that one lives
    assert not FileLock(tmp_path / "other").acquire()


def _take(folder, units, delay):
    with open_journal(folder, REQUEST, resume=True, shared=True) as journal:
        for unit in units:
            with journal.claim(unit) as mine:
                if not mine or unit in finished(journal):
                    continue
                time.sleep(delay)
                journal.add(unit, str(os.getpid()).encode())


def test_processes_share_a_journal_and_do_each_unit_once(tmp_path):
    units = [f"u{i}" for i in range(12)]
    context = get_context("fork")
    workers = [context.Process(target=_take, args=(tmp_path, units, 0.01)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with open_journal(tmp_path, REQUEST, resume=True) as journal:
        assert sorted(finished(journal)) == sorted(units)


def test_a_shared_journal_refuses_other_inputs_even_before_its_first_unit(tmp_path):
    with open_journal(tmp_path, REQUEST, resume=True, shared=True):
        with pytest.raises(WorkError, match="its seed is 1, not 2"):
            opened(tmp_path, REQUEST | {"seed": 2}, resume=True, shared=True)
        with pytest.raises(WorkError, match="in use"):
            opened(tmp_path, REQUEST, resume=True)
        with open_journal(tmp_path, REQUEST, resume=True, shared=True) as other, other.claim("a") as mine:
            assert mine


def test_a_claim_is_for_one_at_a_time(tmp_path):
    with claimed(tmp_path / "claims" / "x") as first, claimed(tmp_path / "claims" / "x") as second:
        assert (first, second) == (True, False)
    with claimed(tmp_path / "claims" / "x") as third:
        assert third


def test_lines_of_all_processes_are_read_and_torn_ones_are_not(tmp_path):
    one, two = Lines(tmp_path), Lines(tmp_path)
    one.add({"key": "a"}, {"key": "b"})
    two.add({"key": "c"})
    with open(tmp_path / "0001.jsonl", "ab") as file:
        file.write(b'{"key": "to')
    reader = Lines(tmp_path)
    assert [row["key"] for row in reader.new()] == ["a", "b", "c"]
    one.add({"key": "d"})
    assert [row["key"] for row in reader.new()] == ["d"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        one.add({"key": "e", "energy": float("nan")})


def test_a_file_is_the_old_one_or_the_new_one(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(written(tmp_path / "a"), lambda temporary: temporary.write_text("half"))
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_appears_whole_and_what_is_not_ours_stays(tmp_path):
    (tmp_path / "xyz.partial").mkdir()
    (tmp_path / "xyz.partial" / "thesis.tex").write_text("...")
    abandoned = tmp_path / f".xyz-0123456789ab{TEMPORARY}"
    alike = tmp_path / f".xyz-mine{TEMPORARY}"
    for folder in (abandoned, alike):
        folder.mkdir()
    (abandoned / LOCK).touch()  # a killed process's
    with pytest.raises(KeyboardInterrupt):
        interrupted(new_folder(tmp_path / "xyz"), lambda staging: (staging / "half").touch())
    assert sorted(os.listdir(tmp_path)) == [alike.name, "xyz.partial"]
    with new_folder(tmp_path / "xyz") as staging:
        (staging / "whole").touch()
        with new_folder(tmp_path / "xyz") as other:  # a second writer does not disturb the first
            (other / "late").touch()
            os.rename(other / "late", staging / "late")
    assert (tmp_path / "xyz.partial" / "thesis.tex").exists()


def test_an_empty_folder_is_filled_in_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inode = os.stat(".").st_ino
    with new_folder("") as staging:
        (staging / "sub").mkdir()
        (staging / "sub" / "file").touch()
    assert os.listdir(".") == ["sub"]
    assert os.stat(".").st_ino == inode  # a shell that stands here sees the file


def test_the_code_of_a_method_from_outside_has_a_digest(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "outside_method.py").write_text("class A: pass\n")
    first = code_digest("outside_method:A")
    (tmp_path / "outside_method.py").write_text("class A: x = 1\n")
    assert first
    assert code_digest("outside_method:A") not in (None, first)
    assert code_digest("no_such_module:A") is None
    assert code_digest("mfbench.methods:A") == code_digest("mfbench:A")


def test_requests_are_compared_as_json():
    assert difference({"a": (1, 2), "p": "x"}, {"p": "x", "a": [1, 2]}) is None
    assert difference({"a": {"b": 1}}, {"a": {"b": 2}}, depth=1) == "its a is {'b': 1}, not {'b': 2}"
