"""Ctrl-C at the very end of a command is one line too, and never a traceback."""

import signal

import pytest

from mfbench.cli import main
from mfbench.work import interrupt


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    monkeypatch.setattr(interrupt, "_received", [])
    monkeypatch.setattr(interrupt, "_decided", [])


def test_pressed_while_the_command_ends_it_is_said_in_a_line(monkeypatch, capsys):
    presses = [KeyboardInterrupt]

    def pressed():
        if presses:
            raise presses.pop()

    monkeypatch.setattr(interrupt, "ignore_further", pressed)
    assert main(["data", "list"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_once_the_exit_code_is_decided_it_changes_nothing():
    with pytest.raises(KeyboardInterrupt):
        interrupt._raise(signal.SIGINT, None)
    assert interrupt.came()
    interrupt.ignore_further()
    assert interrupt._raise(signal.SIGINT, None) is None


def test_the_next_command_can_be_interrupted_again():
    interrupt.ignore_further()
    interrupt.raise_from_now_on()
    with pytest.raises(KeyboardInterrupt):
        interrupt._raise(signal.SIGINT, None)
