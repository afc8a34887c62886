"""A page of test spectra, each with the neighbours that voted: why each was found."""

from itertools import islice

import numpy as np
import pandas as pd

from galspec_core.figures.style import COLOURS, mark_lines, new_figure
from galspec_core.spectra.shard import read_gridded

COLUMNS = 3  # panels side by side
SHOWN = 3  # neighbours below each test spectrum, those of most weight
SMOOTH = 7  # pixels of the running mean that is drawn
RANGE = (3700.0, 7000.0)  # Angstrom, rest frame
MARKED = ("[O II]", "Ca K", "Hβ", "[O III]", "Mg b", "Na D", "[O I]", "Hα", "[S II]")
LABEL_BOX = dict(facecolor="white", edgecolor="none", alpha=0.75, pad=0.8)


def choose_votes(votes, method, seed, n):
    """Return ``n`` votes of one method and seed, classes in turn, within a class by specobjid."""
    chosen = votes[(votes["method"] == method) & (votes["seed"] == seed)].sort_values("specobjid")
    turn = chosen.groupby("label").cumcount()
    spread = chosen.assign(turn=turn).sort_values(["turn", "label"]).head(n)
    return spread.sort_values(["label", "specobjid"]).drop(columns="turn")


def load_spectra(ids, manifest, shard_paths):
    """Return {specobjid: (z, flux[L])} from the shards that hold ``ids``."""
    rows = manifest[manifest["specobjid"].isin(ids)]
    spectra = {}
    for shard in sorted(set(rows["shard"])):
        part = read_gridded(shard_paths[shard], np.array(sorted(ids), dtype="u8"))
        spectra |= {int(i): (float(z), flux) for i, z, flux in zip(part.specobjid, part.z, part.flux, strict=True)}
    return spectra


def page_table(votes, manifest, labels):
    """Return what the page shows as a tidy table: one row a query and neighbour, SHOWN of them or all that voted.

    ``labels`` maps specobjid to the knowledge base's label of that spectrum.
    """
    redshift = manifest.set_index("specobjid")["z"]
    rows = []
    for vote in votes.itertuples():
        listed = zip(vote.neighbour_ids, vote.distances, vote.weights, strict=True)
        for rank, (i, d, w) in enumerate(islice(listed, SHOWN), 1):
            query = dict(specobjid=vote.specobjid, label=vote.label, predicted=vote.predicted, share=vote.share)
            rows.append(
                query
                | dict(rank=rank, neighbour=i, neighbour_label=labels.get(i, ""), z=redshift[i], distance=d, weight=w)
            )
    return pd.DataFrame(rows).astype({"specobjid": "uint64", "neighbour": "uint64"})


def draw_neighbours(votes, table, spectra, grid, method):
    """Return the page: each panel one test spectrum (black) above its neighbours, in the rest frame."""
    n = len(votes)
    rows = int(np.ceil(n / COLUMNS))
    figure, axes = new_figure(rows, COLUMNS, size=(12, 2.9 * rows), squeeze=False)
    for axis, vote in zip(axes.flat, votes.itertuples(), strict=False):
        _draw_panel(axis, vote, table[table["specobjid"] == vote.specobjid], spectra, grid)
    for axis in axes.flat[n:]:
        axis.axis("off")
    figure.supxlabel("rest wavelength (Å)")
    figure.supylabel("flux / median in the normalisation window, offset")
    figure.suptitle(
        f"Test spectra (black) and the {len(table) // max(n, 1)} neighbours that counted most, method “{method}”"
    )
    return figure


def _draw_panel(axis, vote, neighbours, spectra, grid):
    z, flux = spectra[int(vote.specobjid)]
    low, high = RANGE
    smooth = _smooth(flux)
    wave = rest_wavelengths(grid, z)
    inside = (wave > low) & (wave < high)
    bottom, top = np.percentile(smooth[inside], [1, 99.5])
    step = max(top - bottom, 0.4)
    axis.plot(wave, smooth, color="black", lw=0.8)
    for row in neighbours.itertuples():
        z_near, flux_near = spectra[int(row.neighbour)]
        colour = COLOURS[0] if row.neighbour_label == vote.label else COLOURS[1]
        axis.plot(rest_wavelengths(grid, z_near), _smooth(flux_near) - row.rank * step, color=colour, lw=0.6)
        text = f"{row.neighbour_label or 'unlabelled'}  z {row.z:.3f}  d {row.distance:.2f}  w {row.weight:.2f}"
        level = np.interp(high, rest_wavelengths(grid, z_near), _smooth(flux_near)) - row.rank * step
        axis.text(high, level + 0.3 * step, text, fontsize=5.5, ha="right", color=colour, bbox=LABEL_BOX)
    verdict = "=" if vote.label == vote.predicted else "≠"
    axis.set_title(
        f"{vote.label} {verdict} voted {vote.predicted} ({vote.share:.0%})\n{vote.specobjid}  z {z:.3f}",
        fontsize=7,
        pad=8,
    )
    axis.set(xlim=RANGE, ylim=(bottom - (len(neighbours) + 0.4) * step, top + 0.3 * step))
    axis.tick_params(labelsize=6)
    mark_lines(axis, low, high, MARKED)


def rest_wavelengths(grid, z):
    """Return the rest wavelengths of a grid's pixels for a galaxy at redshift ``z``: ndarray[L], Angstrom."""
    return grid.wavelengths / (1 + z if grid.frame == "observed" else 1)


def _smooth(flux):
    return np.convolve(flux, np.ones(SMOOTH) / SMOOTH, mode="same")
