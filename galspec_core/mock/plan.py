"""Who is in the survey: kinds, redshifts, S/N, instruments, repeats, identifiers."""

from dataclasses import dataclass, replace

import numpy as np

from galspec_core.mock.noise import BOSS, SDSS

SHARES = {  # of all galaxies, active ones as rare beside normal ones as among bright SDSS galaxies; LRG are the lenses' controls
    "Normal": 0.41, "SF": 0.11, "Composite": 0.06, "Seyfert": 0.06, "LINER": 0.06, "LRG": 0.16, "Lens": 0.08, "Outlier": 0.06,
}  # fmt: skip
LOG_SNR = {"LRG": (0.92, 0.12), "Lens": (0.92, 0.12), "Outlier": (1.15, 0.15)}  # log10 of the S/N a pixel near 6300 A
LOG_SNR_OTHERS = (1.10, 0.18)
REPEATED = 0.06  # share of spectra that observe an earlier galaxy again
SPOILED = 0.04  # share that the selection has to cut
SPOILS = ("zwarning", "star", "bad plate", "run2d 104")
BOSS_SHARE = 0.35  # of the galaxies with line classes
FIBRES = {"SDSS": 640, "BOSS": 1000}
FIRST_PLATE = {"SDSS": 266, "BOSS": 8191}  # from plate 8192 specobjid passes 2**63
ON_PLATE = 30  # galaxies of this survey on a plate


@dataclass(frozen=True)
class MockConfig:
    """Size and seed of the simulated survey."""

    n: int = 5000
    seed: int = 1


@dataclass(frozen=True)
class Plan:
    """One spectrum to be made. ``seed`` draws the galaxy, ``noise_seed`` its noise; repeats share the former."""

    index: int
    kind: str
    z: float
    snr: float
    instrument: str
    plate: int
    mjd: int
    fiberid: int
    ra: float
    dec: float
    seed: tuple
    noise_seed: tuple
    spoil: str = ""
    repeat_of: int = -1

    @property
    def run2d(self):
        """Reduction that the spectrum belongs to."""
        if self.spoil == "run2d 104":
            return "104"
        return SDSS.run2d if self.instrument == "SDSS" else BOSS.run2d

    @property
    def specobjid(self):
        """SDSS's identifier: plate 14 bits, fiber 12, mjd - 50000 14, run2d 14, 10 unused (SDSS glossary)."""
        run2d = 1300 if self.run2d == BOSS.run2d else int(self.run2d)
        return (self.plate << 50) | (self.fiberid << 38) | ((self.mjd - 50000) << 24) | (run2d << 10)


def make_plans(config):
    """Return the plan of every spectrum, the same for one seed whatever runs in parallel."""
    rng = np.random.default_rng([config.seed, 0])
    kinds = rng.choice(list(SHARES), config.n, p=list(SHARES.values()))
    plans, counts = [], {"SDSS": 0, "BOSS": 0}
    for index, kind in enumerate(kinds):
        plan = _draw(index, str(kind), config.seed, rng)
        if plans and rng.random() < REPEATED:
            plan = _repeat(plan, plans[rng.integers(len(plans))], rng)
        elif rng.random() < SPOILED:
            plan = replace(plan, spoil=SPOILS[rng.integers(len(SPOILS))])
        plans.append(_number(plan, counts))
    return plans


def _draw(index, kind, seed, rng):
    lens_like = kind in ("LRG", "Lens")
    base = float(np.clip(np.exp(rng.normal(np.log(0.035), 0.6)), 0.005, 0.12))
    z = base + (rng.uniform(0.08, 0.30) if lens_like else rng.uniform(0, 0.10))
    instrument = "BOSS" if lens_like or rng.random() < BOSS_SHARE else "SDSS"
    snr = 10 ** rng.normal(*LOG_SNR.get(kind, LOG_SNR_OTHERS))
    ra, dec = rng.uniform(110, 260), np.degrees(np.arcsin(rng.uniform(-0.05, 0.85)))
    seeds = dict(seed=(seed, 1, index), noise_seed=(seed, 2, index))
    return Plan(index, kind, z, snr, instrument, 0, 0, 0, round(float(ra), 6), round(float(dec), 6), **seeds)


def _repeat(plan, first, rng):
    """Return a plan that observes the galaxy of ``first`` again, under other noise; lenses and outliers stay alone."""
    if first.kind in ("Lens", "Outlier") or first.spoil or first.repeat_of >= 0:
        return plan
    shift = rng.normal(0, 0.2 / 3600, 2)
    return replace(
        plan, kind=first.kind, z=first.z, instrument=first.instrument, seed=first.seed, repeat_of=first.index,
        ra=round(first.ra + float(shift[0]), 7), dec=round(first.dec + float(shift[1]), 7), snr=10 ** rng.normal(1.0, 0.25),
    )  # fmt: skip


def _number(plan, counts):
    """Give a plan the next fibre of its instrument's plates."""
    fibres, first = FIBRES[plan.instrument], FIRST_PLATE[plan.instrument]
    used = counts[plan.instrument]
    counts[plan.instrument] += 1
    plate = first + used // ON_PLATE
    fiberid = 1 + (used % ON_PLATE) * (fibres // ON_PLATE)
    mjd = (51600 if plan.instrument == "SDSS" else 57000) + 3 * (plate - first)
    return replace(plan, plate=plate, mjd=mjd, fiberid=fiberid)
