"""Where the vote has something to go by, and where the answer is "don't know": no entry of the knowledge base is near.

Nearness is measured in the embedding, and for encoders with evidence also in what the model leaves unexplained: distances to
the nearest entry in the one and in the other, logarithms added up. A spectrum on a wrong redshift may look like a galaxy to
the model, but leaves lines where no entry has any.
"""

import numpy as np
import pyarrow as pa

from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.outliers import log_reach, logarithm
from galspec_core.search.vectors import SAMPLE, rows_of, some_rows


class Near:
    """A seed's share of a knowledge base, ``where`` bool[N] its entries are, and what counts as near to them.

    Near is what all but the share ``unknown`` of the entries are to the nearest entry of another sky position. This is found
    once, for all that is asked.

    Parameters
    ----------
    base : KnowledgeBase
    vectors : ndarray[N, F]
        Embeddings of its entries, evidence beside them where the encoder has any.
    seed : int
    unknown : float
    threads : int
    """

    def __init__(self, base, vectors, seed, unknown, threads=1):
        self.base, self.threads, self.where = base, threads, of_seed(base, seed)
        rows = np.flatnonzero(self.where)
        entries = base.metadata.iloc[rows]
        self.alone, self.evidence, self.limit = entries["position"].nunique() < 2, None, np.inf
        if self.alone:
            return
        if vectors.shape[1] > base.index.d:
            self.evidence = evidence_base(vectors[rows, base.index.d :], entries)
        some = some_rows(len(rows), SAMPLE, seed)
        self.limit = np.quantile(self._distance(entries.iloc[some], rows_of(vectors, rows[some])), 1 - unknown)

    @classmethod
    def stored(cls, base, where, limit, evidence, threads=1):
        """Return it with the ``limit`` found before, the entries ``where`` bool[N] and their evidence [n, E]."""
        near = cls.__new__(cls)
        near.base, near.threads, near.where, near.limit = base, threads, where, limit
        near.alone = not np.isfinite(limit)
        near.evidence = evidence_base(evidence, base.metadata[where]) if evidence.shape[1] and not near.alone else None
        return near

    def known(self, spectra, queries, nearest=None):
        """Return where a query has an entry near enough to say anything: bool[Q].

        Parameters
        ----------
        spectra : DataFrame
            specobjid and position of the queries.
        queries : ndarray[Q, F]
        nearest : ndarray[Q], optional
            Distances to the nearest entry in the embedding, where another search has found them.
        """
        if self.alone:
            return np.ones(len(queries), dtype=bool)
        return self._distance(spectra, queries, nearest) <= self.limit

    def _distance(self, spectra, queries, nearest=None):
        """Return the logarithm of the distance [Q] to the nearest entry, that of the evidence added."""
        dimension = self.base.index.d
        if nearest is None:
            distance = log_reach(self.base, queries[:, :dimension], spectra, 1, self.where, self.threads)
        else:
            distance = logarithm(nearest)
        if self.evidence is not None:
            distance += log_reach(self.evidence, queries[:, dimension:], spectra, 1, None, self.threads)
        return distance


def evidence_base(evidence, entries):
    """Return the knowledge base of the evidence [n, E] of some entries, by specobjid and position."""
    return KnowledgeBase.build(evidence, entries[["specobjid", "position"]].assign(label=""))


def of_seed(base, seed):
    """Return which entries of a knowledge base belong to one seed: bool[N]."""
    seeds = pa.array(base.metadata["seeds"])
    seeds = seeds.combine_chunks() if isinstance(seeds, pa.ChunkedArray) else seeds
    count = np.append(0, np.cumsum(seeds.flatten().to_numpy() == seed, dtype="i4"))  # of the seed, up to each place
    return np.diff(count[np.append(0, np.cumsum(seeds.value_lengths().to_numpy()))]) > 0
