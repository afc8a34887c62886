"""Neighbours by a forest: trees grown on labels say which entries are near, and their leaves weigh them.

A tree puts a query into a leaf among some entries. The weight of an entry is its share of that leaf, averaged over trees: a
random forest is a weighted vote of nearest neighbours whose metric is learnt from the labels (Lin & Jeon 2006, JASA 101, 578;
Breiman 2001, Machine Learning 45, 5). The trees are extremely randomised ones: of each number one threshold is drawn at random,
and the best of these divides (Geurts, Ernst & Wehenkel 2006, Machine Learning 63, 3). Every tree is grown on four fifths of the
sky positions, so that the trees that never saw a position judge its spectra without having seen the galaxy: a cross-validation
that costs nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from galspec_core.errors import SearchError
from galspec_core.search.complaints import EMPTY

QUERIES_AT_ONCE = 256  # queries whose weights are held at once


@dataclass(frozen=True)
class ForestSettings:
    """trees; seen, the share of positions that grow a tree; min_leaf, the fewest entries of a leaf; balance, the power of
    1 / frequency by which classes weigh."""

    trees: int = 200
    seen: float = 0.8
    min_leaf: int = 1
    balance: float = 0.5


@dataclass(frozen=True)
class Nodes:
    """The nodes of all trees, numbered through: children (-1 where there are none), which number divides, and where."""

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray

    @classmethod
    def of(cls, trees, starts):
        """Return the nodes of scikit-learn's ``trees``, the first of each at ``starts``."""
        pairs = list(zip(trees, starts, strict=False))
        left, right = (
            np.concatenate([np.where(getattr(t, side) < 0, -1, getattr(t, side) + start) for t, start in pairs])
            for side in ("children_left", "children_right")
        )
        feature, threshold = (np.concatenate([getattr(t, key) for t in trees]) for key in ("feature", "threshold"))
        return cls(left, right, feature, threshold)

    def descend(self, x, starts):
        """Return the leaf of x[Q, F] in each tree [Q, T] that begins at ``starts`` [T]: what scikit-learn's apply says."""
        x, node = np.asarray(x, dtype="f4").astype("f8"), np.tile(starts, (len(x), 1))
        while True:
            row, tree = np.nonzero(self.left[node] >= 0)
            if not len(row):
                return node
            at = node[row, tree]
            below = x[row, self.feature[at]] <= self.threshold[at]
            node[row, tree] = np.where(below, self.left[at], self.right[at])


class NeighbourForest:
    """A forest grown on vectors x[N, F] of entries, their class ``codes`` [N] and sky ``position`` [N].

    Parameters
    ----------
    settings : ForestSettings
    seed : int
        Of the positions drawn and of the trees' choices.
    threads : int
        Trees grown at once; no result depends on it.

    Raises
    ------
    SearchError
        There is no entry.
    """

    def __init__(self, x, codes, position, settings, seed=0, threads=1):
        if not len(x):
            raise SearchError("the knowledge base has no entry", expected="one labelled spectrum or more", remedy=EMPTY)
        self.positions, groups = np.unique(position, return_inverse=True)
        rng = np.random.default_rng(seed)
        n = len(self.positions)
        size = max(1, min(n - 1, round(settings.seen * n)))  # a tree leaves one position out at least, if there are two
        self.drawn = np.stack([rng.permutation(n) for _ in range(settings.trees)]) < size
        from joblib import Parallel, delayed

        counts = np.bincount(codes)[codes]
        weight = (len(codes) / counts) ** settings.balance
        grown = Parallel(n_jobs=threads, backend="threading")(
            delayed(_grow)(x, codes, weight * drawn[groups], settings.min_leaf, int(state))
            for drawn, state in zip(self.drawn, rng.integers(2**31, size=settings.trees), strict=True)
        )
        self.trees = [tree for tree, _ in grown]
        trees = [tree.tree_ for tree in self.trees]
        self.starts = np.cumsum([0, *(tree.node_count for tree in trees)])
        self.nodes = Nodes.of(trees, self.starts)
        self._leaves = lambda x: _apply(trees, x) + self.starts[:-1]
        self.members = self._members(x, np.stack([shares for _, shares in grown], axis=1))

    def arrays(self):
        """Return all that it needs to weigh, by name; the inverse of ``from_arrays``."""
        members = {f"members_{key}": getattr(self.members, key) for key in ("data", "indices", "indptr")}
        own = {"positions": self.positions, "drawn": self.drawn, "starts": self.starts}
        return own | members | {key: getattr(self.nodes, key) for key in Nodes.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, arrays, n):
        """Return the forest of ``n`` entries that ``arrays`` gave, without growing it again."""
        forest = cls.__new__(cls)
        forest.positions, forest.drawn, forest.starts = (arrays[key] for key in ("positions", "drawn", "starts"))
        forest.nodes = Nodes(*(arrays[key] for key in Nodes.__dataclass_fields__))
        forest._leaves = lambda x: forest.nodes.descend(x, forest.starts[:-1])
        members = tuple(arrays[f"members_{key}"] for key in ("data", "indices", "indptr"))
        forest.members = csr_matrix(members, shape=(int(forest.starts[-1]), n))
        forest.members.check_format()
        return forest

    def _members(self, x, shares):
        """Return the weight of each entry in each node of all trees: [nodes, N], each leaf adding up to 1."""
        leaves = self._leaves(x)
        rows, columns = leaves.ravel(), np.repeat(np.arange(len(x)), leaves.shape[1])
        members = csr_matrix((shares.ravel(), (rows, columns)), shape=(self.starts[-1], len(x)))
        members.eliminate_zeros()
        total = np.asarray(members.sum(axis=1)).ravel()
        return csr_matrix(members.multiply(1 / np.where(total > 0, total, 1)[:, None]))

    def weights(self, x, position=None):
        """Yield (rows, weights): a slice of queries x[Q, F] and the weights [q, N] of all entries, sparse, adding up to 1.

        Trees that saw a query's own ``position`` [Q] do not judge it. One that every tree saw has no weight at all.
        """
        for start in range(0, len(x), QUERIES_AT_ONCE):
            rows = slice(start, min(start + QUERIES_AT_ONCE, len(x)))
            leaves = self._leaves(x[rows])
            used = np.ones(leaves.shape) if position is None else self._unseen(position[rows])
            each = used / np.maximum(used.sum(axis=1, keepdims=True), 1)
            places = np.repeat(np.arange(len(leaves)), leaves.shape[1])
            asked = csr_matrix((each.ravel(), (places, leaves.ravel())), shape=(len(leaves), self.starts[-1]))
            yield rows, asked @ self.members

    def _unseen(self, position):
        """Return where a tree has not seen a position [Q]: [Q, T]."""
        place = np.searchsorted(self.positions, position)
        place = np.minimum(place, len(self.positions) - 1)
        return ~(self.drawn[:, place] & (self.positions[place] == position)).T


def _apply(trees, x):
    """Return the leaf of x[Q, F] in each tree [Q, T], each numbered from 0."""
    x = np.ascontiguousarray(x, dtype="f4")
    return np.stack([tree.apply(x) for tree in trees], axis=1)


def _grow(x, codes, weight, min_leaf, state):
    """Return a tree grown on the entries of positive ``weight`` [N], and those weights."""
    from sklearn.tree import DecisionTreeClassifier

    drawn = weight > 0
    tree = DecisionTreeClassifier(splitter="random", min_samples_leaf=min_leaf, random_state=state)
    tree.fit(x[drawn], codes[drawn], sample_weight=weight[drawn])
    return tree, weight
