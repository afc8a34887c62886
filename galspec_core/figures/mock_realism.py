"""How real the simulated survey is: its distributions beside another survey's, and a forest that tells them apart.

python -m galspec_core.figures.mock_realism RUN OTHER_RUN FIGURE compares two finished runs.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from galspec_core.encoder.pca import centre, principal
from galspec_core.figures.style import COLOURS, new_figure, save_figure
from galspec_core.spectra.shard import read_gridded

BIN = 8  # pixels of the observed grid in one feature of the forest: 11 Angstrom
COLOUR_BANDS = ((4000.0, 5400.0), (5600.0, 6800.0))  # Angstrom, observed: a g - r like colour
EW_WINDOW = ((6490.0, 6530.0), (6550.0, 6600.0), (6620.0, 6660.0))  # rest Angstrom: side, Ha + [N II], side
FOLDS = 5
COMPONENTS, TOP_K = 20, 3


@dataclass(frozen=True)
class RunSpectra:
    """A run's spectra on both grids with their manifest rows and labels, in one order."""

    rows: pd.DataFrame
    observed: np.ndarray
    rest: np.ndarray
    rest_ivar: np.ndarray


def load_run(folder):
    """Return the spectra of a finished run that stand on both grids."""
    results = Path(folder) / "results"
    manifest = pd.read_parquet(results / "catalogs/manifest.parquet")
    labels = pd.read_parquet(results / "catalogs/labels.parquet")
    rows = manifest.merge(labels, on="specobjid", how="left").set_index("specobjid")
    observed, rest = (_grid(results / "spectra" / name) for name in ("observed", "rest"))
    both = np.intersect1d(observed[0], rest[0])
    picks = [np.searchsorted(grid[0], both) for grid in (observed, rest)]
    return RunSpectra(rows.loc[both], observed[1][picks[0]], rest[1][picks[1]], rest[2][picks[1]])


def _grid(folder):
    parts = [read_gridded(path) for path in sorted(folder.glob("*.parquet"))]
    ids, flux, ivar = (np.concatenate([getattr(part, key) for part in parts]) for key in ("specobjid", "flux", "ivar"))
    order = np.argsort(ids)
    return ids[order], flux[order], ivar[order]


def real_or_mock_auc(mock, real, seed=0):
    """Return (AUC, importances[F], wavelengths[F]) of a random forest that tells two runs' spectra apart.

    Features are means of BIN pixels of normalised flux on the observed grid; folds never share a position. 0.5 means
    that it cannot tell.
    """
    x = np.concatenate([_binned(run.observed) for run in (mock, real)])
    y = np.repeat([1, 0], [len(mock.rows), len(real.rows)])
    position = np.concatenate([run.rows["position"].to_numpy() for run in (mock, real)])
    groups = pd.factorize(np.char.add(y.astype(str), position.astype(str)))[0]
    scores, importances = np.zeros(len(y)), np.zeros(x.shape[1])
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(x, y, groups):
        forest = RandomForestClassifier(200, min_samples_leaf=3, n_jobs=2, random_state=seed).fit(x[train], y[train])
        scores[test] = forest.set_params(n_jobs=1).predict_proba(x[test])[:, 1]  # in one order
        importances += forest.feature_importances_ / FOLDS
    wave = _binned(np.linspace(3850, 9000, mock.observed.shape[1])[None])[0]
    return float(roc_auc_score(y, scores)), importances, wave


def _binned(flux):
    whole = flux.shape[1] // BIN * BIN
    return flux[:, :whole].reshape(len(flux), -1, BIN).mean(axis=2)


def pca_liner_f1(run, seed=0):
    """Return the F1 of LINERs by a PCA knowledge base in the rest frame, positions in grouped folds.

    The vote is the paper's: K = 3, weights e^-x of distances over their median.
    """
    labelled = run.rows["bpt"].fillna("").to_numpy() != ""
    liner = run.rows["bpt"].to_numpy()[labelled] == "LINER"
    flux, ivar = run.rest[labelled], run.rest_ivar[labelled]
    groups = pd.factorize(run.rows["position"].to_numpy()[labelled])[0]
    predicted = np.zeros(len(liner), bool)
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(flux, liner, groups):
        predicted[test] = _vote(flux, ivar, liner, train, test)
    hit = (predicted & liner).sum()
    return 2 * hit / max(predicted.sum() + liner.sum(), 1)


def _vote(flux, ivar, liner, train, test):
    good = ivar[train] > 0
    mean = np.where(good, flux[train], 0).sum(axis=0) / np.maximum(good.sum(axis=0), 1)
    x = centre(flux, ivar, mean)
    _, components = principal(x[train].T @ x[train] / len(train), COMPONENTS)
    embedding = x @ components.T
    distance = np.sqrt(((embedding[test][:, None] - embedding[train][None]) ** 2).sum(axis=2))
    near = np.argsort(distance, axis=1)[:, :TOP_K]
    weight = np.exp(-np.take_along_axis(distance, near, axis=1) / np.median(distance))
    return (weight * liner[train][near]).sum(axis=1) > 0.5 * weight.sum(axis=1)


def quantities(run):
    """Return what the figure compares: S/N, redshift, colour, line ratios and the width of Ha + [N II]."""
    wave = np.linspace(3850, 9000, run.observed.shape[1])
    blue, red = (run.observed[:, (wave > lo) & (wave < hi)].mean(axis=1) for lo, hi in COLOUR_BANDS)
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = 2.5 * np.log10(red / blue)
    return {
        "log S/N": np.log10(run.rows["snr"].to_numpy()),
        "redshift": run.rows["z"].to_numpy(),
        "colour (mag)": colour,
        "log([N II]/Hα)": run.rows["log_nii_ha"].to_numpy(),
        "log([O III]/Hβ)": run.rows["log_oiii_hb"].to_numpy(),
        "EW(Hα + [N II]) (Å)": _width(run),
    }


def _width(run):
    wave = 10 ** (np.round(np.log10(3500), 4) + 1e-4 * np.arange(run.rest.shape[1]))
    side, line, other = (((wave > lo) & (wave < hi)) for lo, hi in EW_WINDOW)
    level = np.median(run.rest[:, side | other], axis=1)
    return ((run.rest[:, line] / np.maximum(level, 0.05)[:, None] - 1) * np.gradient(wave)[line]).sum(axis=1)


def draw_realism(runs, auc, importances, wave):
    """Return a figure of six distributions in each run of {name: RunSpectra}, the forest's importances below."""
    figure, axes = new_figure(3, 3, size=(10, 8.5))
    spec = axes[2, 0].get_gridspec()
    values = {name: quantities(run) for name, run in runs.items()}
    for axis, key in zip(axes.flat, next(iter(values.values())), strict=False):
        known = np.concatenate([v[key][np.isfinite(v[key])] for v in values.values()])
        bins = np.linspace(*np.percentile(known, [0.5, 99.0]), 30)
        for (name, v), colour, style in zip(values.items(), COLOURS, ("-", "--", ":"), strict=False):
            axis.hist(
                v[key][np.isfinite(v[key])], bins, density=True, histtype="step", color=colour, ls=style, label=name
            )
        axis.set(xlabel=key, ylabel="density")
    axes[0, 0].legend()
    for axis in axes[2]:
        axis.remove()
    below = figure.add_subplot(spec[2, :])
    below.plot(wave, importances, color=COLOURS[0], lw=0.8)
    below.set(
        xlabel="observed wavelength (Å)",
        ylabel="importance",
        title=f"What a random forest uses to tell the first two apart: AUC {auc:.3f}",
    )
    return figure


def main():
    """Compare two or three runs and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="NAME=FOLDER of finished runs, the simulated one first")
    parser.add_argument("--figure", required=True)
    args = parser.parse_args()
    runs = {name: load_run(folder) for name, folder in (item.split("=", 1) for item in args.runs)}
    mock, real = list(runs.values())[:2]
    auc, importances, wave = real_or_mock_auc(mock, real)
    print(f"random forest AUC {auc:.3f} ({len(mock.rows)} against {len(real.rows)} spectra)")
    for i in np.argsort(importances)[::-1][:12]:
        print(f"  {wave[i]:.0f} A  importance {importances[i]:.4f}")
    for name, run in runs.items():
        print(f"LINER F1 of the PCA knowledge base in {name}: {pca_liner_f1(run):.3f}")
    save_figure(draw_realism(runs, auc, importances, wave), args.figure)


if __name__ == "__main__":
    main()
