"""Bars in a terminal, plain lines anywhere else."""

import os
import pty
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from galspec_core.log import BARS
from galspec_core.terminal import END, Screen

STEPS = "[encoder: train paper] 1,381/5,000 steps (28 %), 68.5 steps/s, 53 s left, loss 0.4"
RUN = """
import subprocess, sys
from galspec_core.terminal import bars, show_bars
job = '''
import sys, time
from galspec_core.log import Progress
progress = Progress(sys.argv[1], 30, "spectra", every=0.0)
for i in range(30):
    progress.add()
    time.sleep(0.05)
print("a word of " + sys.argv[1], file=sys.stderr)
'''
show_bars(2)
jobs = [subprocess.Popen([sys.executable, "-c", job, name]) for name in ("spectra: one", "spectra: two")]
print("Execute 1 jobs...\\n[Sun Nov 29 04:58:37 2026]\\nError in rule grid_shard:", file=sys.stderr)
codes = [job.wait() for job in jobs]
print("[Sun Nov 29 04:58:38 2026]\\nFinished jobid: 5 (Rule: a)\\n1 of 2 steps (50%) done",
      file=sys.stderr)
sys.exit(max(codes))
"""


def in_a_terminal(code, **variables):
    """Run Python code in a pseudo-terminal of 120 columns; return what it showed."""
    there, here = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in (BARS, "NO_COLOR")}
    environment |= dict(TERM="xterm-256color", COLUMNS="120", LINES="40") | variables
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=here, stdout=here, stderr=here, env=environment) as process:
        os.close(here)
        shown = bytearray()
        while True:
            try:
                shown += os.read(there, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
        assert process.wait(timeout=60) == 0, shown
    os.close(there)
    return shown.decode()


def lines_left(shown):
    """Return the whole lines that a terminal shows in the end: what moves is written over and over."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    return {line.rpartition("\r")[2].strip() for line in plain.replace("\r\n", "\n").split("\n")}


@pytest.fixture
def screen():
    """Give a screen that takes lines and draws nowhere."""
    with open(os.devnull, "w") as nowhere:
        screen = Screen(3)
        screen.terminal = nowhere
        screen._build()
        yield screen


def test_two_jobs_have_a_bar_each_and_all_else_is_whole():
    shown = in_a_terminal(RUN)
    left = lines_left(shown)
    assert {"[Sun Nov 29 04:58:37 2026]", "Error in rule grid_shard:"} <= left
    assert {"a word of spectra: one", "a word of spectra: two"} <= left
    for word in ("Finished jobid", "Execute 1 jobs", "[Sun Nov 29 04:58:38", "\x1f"):
        assert word not in shown
    for name in ("spectra: one", "spectra: two"):
        assert re.search(rf"{name} .*━.* \d+/30 spectra, .*/s, \d s left", shown)
    assert shown.rindex("\x1b[?25h") > shown.rfind("\x1b[?25l")  # the cursor is there again


def test_without_colour_bars_move_all_the_same():
    shown = in_a_terminal(RUN, NO_COLOR="1")
    assert "━" in shown
    assert re.search(r"\x1b\[(\d+;)*3\d", shown) is None


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {BARS: "no"}], ids=["dumb", "refused"])
def test_a_terminal_may_have_plain_lines(variables):
    shown = in_a_terminal(RUN, **variables)
    assert "\x1b" not in shown
    assert "[spectra: one] 30/30 spectra (100 %)" in shown


def test_a_file_gets_plain_lines(tmp_path):
    with open(tmp_path / "all.log", "w") as file:
        subprocess.run([sys.executable, "-c", RUN], check=True, stdout=file, stderr=file)
    lines = (tmp_path / "all.log").read_text().splitlines()
    assert [line for line in lines if any(ord(letter) < 32 for letter in line)] == []
    assert sum(line.startswith("[spectra: one] 30/30 spectra (100 %)") for line in lines) == 1


def test_a_bar_moves_with_its_lines_and_goes_at_its_end(screen):
    screen.take(f"\x1f7 {STEPS}")
    (task,) = screen.progress.tasks[1:]
    assert (task.description, task.completed, task.total) == ("encoder: train paper", 1381, 5000)
    screen.take(f"\x1f7 {STEPS.replace('1,381', '2,000')}")
    assert task.completed == 2000
    screen.take("\x1f7 [encoder: train paper] 5,000/5,000 steps (100 %), 70 steps/s")
    assert len(screen.progress.tasks) == 1


def test_coloured_lines_are_known_as_well(screen, monkeypatch):
    printed = []
    monkeypatch.setattr(screen, "_print", lambda line, **_: printed.append(line))
    for line in ("[Sun Nov 29 04:58:38 2026]", "Finished jobid: 5 (Rule: a)", "1 of 3 steps (33%) done"):
        screen.take(f"\x1b[32m{line}\x1b[0m")
    assert printed == []
    assert screen.progress.tasks[0].completed == 1


def test_the_bar_of_a_process_that_ended_goes_with_the_next_job(screen):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    screen.take(f"\x1f{ended.pid} {STEPS}")
    screen.take(f"\x1f{os.getpid()} {STEPS}")
    screen.take("2 of 3 steps (67%) done")
    assert list(screen.tasks) == [(os.getpid(), "encoder: train paper")]
    assert (screen.progress.tasks[0].completed, screen.progress.tasks[0].total) == (2, 3)


def test_lines_are_read_to_the_end_whatever_becomes_of_the_terminal(screen, monkeypatch):
    """Else jobs would wait for ever to write theirs."""

    def gone(*_):
        raise OSError("the terminal is gone")

    screen.lines = iter(["one\n", "two\n", "three\n", f"{END}\n", "four\n"])
    monkeypatch.setattr(screen, "take", gone)
    monkeypatch.setattr(screen, "terminal", SimpleNamespace(write=gone, flush=gone))
    screen._follow()
    assert list(screen.lines) == ["four\n"]
