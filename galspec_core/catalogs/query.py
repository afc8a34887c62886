"""Query spectra: drawn from the test side only to be asked about; they never train, stand in no knowledge base, have no label."""

import numpy as np
import pyarrow as pa

from galspec_core.catalogs.draws import draw
from galspec_core.catalogs.manifest import MANIFEST, MANIFEST_END, SELECTED, shard_numbers
from galspec_core.catalogs.survey import build_survey


def draw_query(selected, labels, manifest, config, n, shards):
    """Return the manifest of at most ``n`` query spectra (pa.Table, the columns of the survey's manifest).

    Only positions of the test side without any labelled, held-out or already drawn spectrum are taken, so that the
    survey's own draws stay as they are.

    Parameters
    ----------
    selected, labels, manifest : pa.Table
        What ``select``, ``make_labels`` and ``draw_sample`` return.
    config : SampleConfig
    n : int
        Spectra to draw.
    shards : list of str
        Names of the query shards.
    """
    survey = build_survey(selected, labels, config)
    labelled = np.isin(survey.specobjid, labels["specobjid"].to_numpy())
    taken = np.concatenate([survey.position[labelled], manifest["position"].to_numpy()])
    free = np.flatnonzero(~survey.training & ~np.isin(survey.position, taken))
    rows = draw(free, survey.specobjid, n, config.draw_seed, "query")
    table = selected.select(SELECTED).take(pa.array(survey.row[rows]))
    return as_manifest(table.append_column("position", pa.array(survey.position[rows])), shards)


def as_manifest(table, shards):
    """Return ``table`` with side and shard, sorted by plate, mjd and fiberid, in the manifest's columns."""
    table = table.sort_by([(name, "ascending") for name in ("plate", "mjd", "fiberid", "specobjid")])
    n = table.num_rows
    names = [shards[number] for number in shard_numbers(n, len(shards))]
    table = table.append_column("side", pa.array(["test"] * n, pa.string()))
    return table.append_column("shard", pa.array(names, pa.string())).select(MANIFEST + MANIFEST_END)
