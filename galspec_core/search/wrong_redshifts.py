"""What a wrong redshift does to the vote, and what the redshift check lets through.

Spectra with known redshifts are given wrong ones: an offset, a line taken for another, zero. Each is put on the grid anew,
embedded and voted on as if its catalogue said so; the check sees the same spectrum. Noise may be added, for what a survey has
too few of: spectra so faint that nothing tells one redshift from another.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from galspec_core.catalogs.draws import draw
from galspec_core.catalogs.roles import ALL_CLASSES, KNOWLEDGE_BASE, TEST, THREE_CLASSES
from galspec_core.encoder.embed import describe
from galspec_core.encoder.lines import LINES
from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.log import Progress
from galspec_core.search.redshifts import scan_spectrum
from galspec_core.search.task import with_manifest
from galspec_core.search.vote import one_class
from galspec_core.spectra.prepare import prepare
from galspec_core.spectra.shard import iterate_native

SIDES = {"training": KNOWLEDGE_BASE, "test": TEST}
NONE, CATALOGUE = "none", "catalogue"
RECOVERED = 0.002  # |z_best - z| below which the scan has found the redshift (our choice)
QUANTILES = {"delta_q01": 0.01, "delta_median": 0.5, "delta_q99": 0.99}
SHARES = (
    "rejected", "far", "doubted", "dont_know",
    "confident_unchecked", "wrong_unchecked", "confident_near", "wrong_near", "confident", "wrong", "recovered",
)  # fmt: skip
COLUMNS = ["side", "error", "noise", "group", "n", "n_positions", *QUANTILES]
COLUMNS += [f"{name}{end}" for name in SHARES for end in ("", "_lo", "_hi")]


@dataclass(frozen=True)
class WrongSettings:
    """``search.wrong_redshifts``: ``lines`` are pairs (line, the one it is taken for), ``noise`` factors from 1."""

    n: int
    seed: int
    offsets: tuple
    lines: tuple
    noise: tuple
    confident: float

    def errors(self):
        """Return {name: function of the true redshift}, the first without an error; raise ConfigError for no line."""
        unknown = {name for pair in self.lines for name in pair} - set(LINES)
        if unknown:
            known = ", ".join(LINES)
            raise ConfigError("no such line", item="search.wrong_redshifts.lines", expected=known, got=sorted(unknown))
        found = {NONE: lambda z: z}
        found |= {f"{offset:+g}": lambda z, offset=offset: z + offset for offset in self.offsets}
        for line, other in self.lines:
            ratio = LINES[line][0][0] / LINES[other][0][0]
            found[f"{line} as {other}"] = lambda z, ratio=ratio: (1 + z) * ratio - 1
        return found | {"z = 0": lambda z: 0.0}


def draw_spectra(roles, manifest, settings):
    """Return ``n`` spectra of each side of the vote over all classes: side, specobjid, label, position, z, snr."""
    parts = []
    roles = roles[(roles["task"] == ALL_CLASSES) & (roles["seed"] == settings.seed)]
    for side, role in SIDES.items():
        rows = roles[roles["role"] == role].sort_values("specobjid")
        chosen = draw(np.arange(len(rows)), rows["specobjid"].to_numpy(), settings.n, settings.seed, "wrong redshifts")
        parts.append(with_manifest(rows.iloc[chosen][["specobjid", "label"]], manifest).assign(side=side))
    return pd.concat(parts, ignore_index=True)[["side", "specobjid", "label", "position", "z", "snr"]]


def load_native(shards, ids):
    """Return the native Spectrum of each of ``ids``, in their order."""
    wanted, found = set(map(int, ids)), {}
    for shard in shards:
        found |= {row["specobjid"]: _own(s) for row, s in iterate_native(shard) if row["specobjid"] in wanted}
    return [found[int(i)] for i in ids]


def _own(spectrum):
    """Return the Spectrum with pixels of its own: those that a shard gives keep hundreds of others in memory."""
    return replace(spectrum, **{key: getattr(spectrum, key).copy() for key in ("flux", "ivar", "and_mask")})


def add_noise(spectrum, factor, rng):
    """Return the Spectrum with its noise raised by ``factor``."""
    error = np.sqrt((factor**2 - 1) / np.where(spectrum.ivar > 0, spectrum.ivar, np.inf))
    flux = spectrum.flux + error * rng.normal(size=len(error))
    return replace(spectrum, flux=flux.astype("f4"), ivar=spectrum.ivar / factor**2)


def give_wrong_redshifts(drawn, spectra, scan, encoder, voter, grid, config, settings):
    """Return one row for each of the ``drawn`` spectra, error and noise.

    Its columns are those of ``drawn``, error, noise, z_used, z_best, delta_chi2, delta_continuum, trusted, rejected (by the
    grid), and on the test side predicted and share, which are empty where the grid has rejected the spectrum, and near: False
    where no entry of the knowledge base is.
    """
    parts, wrong = [], settings.errors()
    progress = Progress("search: wrong redshifts", len(wrong) * len(settings.noise), "cases")
    for noise in settings.noise:
        noisy = [add_noise(s, noise, np.random.default_rng([settings.seed, i])) for i, s in enumerate(spectra)]
        improvement = _scan_all(noisy, scan, config)
        for error, change in wrong.items():
            used = np.array([change(z) for z in drawn["z"]])
            found = scan.compare(improvement, used)
            part = drawn.assign(error=error, noise=noise, z_used=used, trusted=scan.trusted(found), **vars(found))
            parts.append(_classify(part, noisy, encoder, voter, grid, config, settings.seed))
            progress.add()
    return pd.concat(parts, ignore_index=True)


def _scan_all(spectra, scan, config):
    """Return the improvement [B, 2, S] of each spectrum, NaN where it cannot be scanned."""
    rows = []
    for spectrum in spectra:
        try:
            rows.append(scan_spectrum(scan, spectrum, config)[0])
        except SpectrumError:
            rows.append(np.full((2, len(scan.z)), np.nan))
    return np.stack(rows)


def _classify(part, spectra, encoder, voter, grid, config, seed):
    """Return ``part`` with rejected, and predicted, share and near of its test side, at the redshifts in use."""
    kept, pixels = np.zeros(len(part), dtype=bool), []
    for row, (spectrum, z) in enumerate(zip(spectra, part["z_used"], strict=True)):
        try:
            found = prepare(replace(spectrum, z=float(z)), config, grid)
        except SpectrumError:
            continue
        kept[row] = True
        if part["side"].iloc[row] == "test":
            pixels.append(found)
    part = part.assign(rejected=~kept, predicted="", share=np.nan, near=True, label=one_class(part["label"]))
    asked = kept & (part["side"] == "test").to_numpy()
    if asked.any():
        rows = part.loc[asked, ["specobjid", "position", "label"]]
        flux, ivar = (np.stack(values) for values in zip(*pixels, strict=True))
        vectors = np.hstack(describe(encoder, flux, ivar, part.loc[asked, "z_used"].to_numpy()))
        votes = voter.votes(seed, rows, vectors)
        part.loc[asked, ["predicted", "share"]] = votes[["predicted", "share"]].to_numpy()
        part.loc[asked, "near"] = votes["known"].to_numpy()
    return part.astype({"share": "f8"})


def summarise(rows, checked, roles, manifest, confident):
    """Return the table with COLUMNS: shares with 95 % intervals by side, error, noise and group.

    ``delta`` is the larger of the two differences in chi-squared, the one that decides. ``dont_know`` counts what the grid rejects,
    what is ``far`` from every entry and what the check has ``doubted``. ``confident`` and ``wrong`` (confident, of another class
    than the label) are what is left after both, ``_near`` what nearness alone would leave, ``_unchecked`` what would be left
    without either. Groups are all spectra, and galaxies without a line class in the fainter half. ``catalogue`` rows tell of every
    labelled test-side spectrum at the catalogue's own redshift, also by class.
    """
    rows = rows.assign(faint=rows["snr"] <= rows.groupby("side")["snr"].transform("median"))
    table = []
    for (side, error, noise), part in rows.groupby(["side", "error", "noise"], sort=False):
        groups = {"all": part, "faint Normal": part[part["faint"] & (part["label"] == "Normal")]}
        for group, members in groups.items():
            table.append([side, error, noise, group, *_describe(members, confident)])
    own = _labelled(checked, roles, manifest)
    for group, members in [("all", own), *own.groupby("label")]:
        table.append(["test", CATALOGUE, 1.0, group, *_describe(members, confident)])
    return pd.DataFrame(table, columns=COLUMNS)


def _labelled(checked, roles, manifest):
    """Return the checked spectra with position and class; what the vote would say is not asked."""
    labels = roles[roles["task"] != THREE_CLASSES].drop_duplicates("specobjid")[["specobjid", "label"]]
    known = checked.merge(labels, on="specobjid").merge(manifest[["specobjid", "position"]], on="specobjid")
    return known.assign(label=one_class(known["label"]), rejected=False, predicted="", share=np.nan, near=True)


def _describe(part, confident):
    """Return n, n_positions, quantiles and shares with intervals, NaN where nothing was voted on or measured."""
    delta = part[["delta_chi2", "delta_continuum"]].max(axis=1).dropna()
    quantiles = [float(delta.quantile(q)) for q in QUANTILES.values()]
    asked = bool((part["predicted"] != "").any())
    sure = (part["share"] >= confident) & ~part["rejected"]
    wrong = sure & (part["predicted"] != part["label"])
    near, trusted = part["near"], part["trusted"]
    masks = {
        "rejected": part["rejected"],
        "far": ~near,
        "doubted": ~trusted,
        "dont_know": part["rejected"] | ~near | ~trusted,
        "confident_unchecked": sure,
        "wrong_unchecked": wrong,
        "confident_near": sure & near,
        "wrong_near": wrong & near,
        "confident": sure & near & trusted,
        "wrong": wrong & near & trusted,
        "recovered": (part["z_best"] - part["z"]).abs() < RECOVERED,
    }
    voted = {name for name in SHARES if name == "far" or name.startswith(("confident", "wrong"))}
    shares = [share(masks[name], part["position"]) if asked or name not in voted else [np.nan] * 3 for name in SHARES]
    return [len(part), part["position"].nunique(), *quantiles, *np.ravel(shares)]


def share(mask, position):
    """Return the share of True and its 95 % interval (Wilson 1927); a sky position counts once."""
    by_position = mask.groupby(position).mean()
    if not len(by_position):
        return [np.nan] * 3
    interval = binomtest(round(by_position.sum()), len(by_position)).proportion_ci(0.95, method="wilson")
    return [float(by_position.mean()), interval.low, interval.high]
