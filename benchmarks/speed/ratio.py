"""Two ways to do one thing, timed in turn: which is faster, by how much, and how sure that is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}  # of all threads of this process; on the clock
PEER, LIMIT = "peer", "limit"


@dataclass(frozen=True)
class Ratio:
    """How many times less ours takes than the other: above 1 it is faster, against a limit it is the share reached.

    ``ratio`` is the median of the rounds, ``low`` and ``high`` the least and the greatest. ``ours`` and ``other`` are the
    medians of what was measured, in ``unit`` a piece of work: for reading only, since machines differ.
    """

    area: str
    name: str
    against: str
    kind: str
    ratio: float
    low: float
    high: float
    goal: float | None
    ours: float
    other: float
    unit: str
    rounds: int
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Something to measure: ``ours`` and ``other`` are called in turn, once unmeasured and then ``rounds`` times.

    Attributes
    ----------
    area, name, against : str
        What is measured, and what it is held against.
    kind : str
        PEER, another program, or LIMIT, what the machine can do.
    ours, other : function
        Do it once. Where they do not do equally much, ``work`` says how much each does.
    goal : float or None
        The ratio we want.
    clock : str
        A key of CLOCKS: "cpu" for one thread beside other jobs, "wall" where several threads share the work.
    unit : str
        What one piece of work is: "s a spectrum".
    note : str or function
        What else a reader must know; a function is called after the measurement and returns it.
    """

    area: str
    name: str
    against: str
    kind: str
    ours: Callable
    other: Callable
    goal: float | None = None
    work: tuple = (1, 1)
    clock: str = "cpu"
    unit: str = "s"
    note: str | Callable = ""

    def measure(self, rounds):
        """Return the Ratio of so many rounds; which of the two goes first alternates."""
        both = (self.ours, self.other)
        for function in both:
            function()
        pairs = []
        for number in range(rounds):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            spent = {which: self._time(both[which]) / self.work[which] for which in order}
            pairs.append((spent[0], spent[1]))
        return self._ratio(pairs)

    def _time(self, function):
        clock = CLOCKS[self.clock]
        start = clock()
        function()
        return max(clock() - start, 1e-9)

    def _ratio(self, pairs):
        shares = [other / ours for ours, other in pairs]
        note = self.note() if callable(self.note) else self.note
        return Ratio(
            self.area,
            self.name,
            self.against,
            self.kind,
            *(f(shares) for f in (median, min, max)),
            self.goal,
            *(median(values) for values in zip(*pairs, strict=True)),
            self.unit,
            len(pairs),
            note,
        )


@dataclass(frozen=True)
class Measured(Comparison):
    """The same for what no clock in this process tells: ``ours`` and ``other`` return the number, say megabytes of a child."""

    def _time(self, function):
        return function()
