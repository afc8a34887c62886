"""Where the vote has something to go by, and where the answer is "don't know": no entry of the knowledge base is near.

Nearness is measured in the embedding, and for encoders with evidence also in what the model leaves unexplained: distances to
the nearest entry in the one and in the other, logarithms added up. A spectrum on a wrong redshift may look like a galaxy to
the model, but leaves lines where no entry has any.
"""

import numpy as np
import pyarrow as pa

from galspec_core.search.outliers import log_distance, log_reach
from galspec_core.search.vectors import SAMPLE, rows_of, some_rows


def known(base, vectors, seed, spectra, queries, unknown, threads=1):
    """Return where a query has an entry near enough to say anything: bool[Q].

    Near enough is what all but the share ``unknown`` of a seed's entries are to the nearest entry of another sky position.

    Parameters
    ----------
    base : KnowledgeBase
    vectors, queries : ndarray[N, F], ndarray[Q, F]
        Embeddings of its entries and of the queries, evidence beside them where the encoder has any.
    seed : int
    spectra : DataFrame
        specobjid and position of the queries.
    unknown : float
    threads : int
    """
    where = of_seed(base, seed)
    rows, dimension = np.flatnonzero(where), base.index.d
    position = base.metadata["position"].to_numpy()[rows]
    if (position == position[:1]).all():
        return np.ones(len(queries), dtype=bool)
    some = some_rows(len(rows), SAMPLE, seed)
    asked = [(rows_of(base.vectors, rows[some]), base.metadata.iloc[rows[some]]), (queries[:, :dimension], spectra)]
    own, theirs = (log_reach(base, vectors_of, at, 1, where, threads) for vectors_of, at in asked)
    if vectors.shape[1] > dimension:
        evidence, entries = vectors[rows, dimension:], base.metadata.iloc[rows]
        own += log_distance(evidence, evidence[some], entries, entries.iloc[some], 1, threads)
        theirs += log_distance(evidence, queries[:, dimension:], entries, spectra, 1, threads)
    return theirs <= np.quantile(own, 1 - unknown)


def of_seed(base, seed):
    """Return which entries of a knowledge base belong to one seed: bool[N]."""
    seeds = pa.array(base.metadata["seeds"])
    seeds = seeds.combine_chunks() if isinstance(seeds, pa.ChunkedArray) else seeds
    count = np.append(0, np.cumsum(seeds.flatten().to_numpy() == seed, dtype="i4"))  # of the seed, up to each place
    return np.diff(count[np.append(0, np.cumsum(seeds.value_lengths().to_numpy()))]) > 0
