"""What galaxies are like before one is looked at: a mixture of Gaussians, learnt from noisy measurements of known noise.

Each measurement is a draw from the mixture plus Gaussian noise with a covariance of its own (extreme deconvolution: Bovy, Hogg &
Roweis 2011, Annals of Applied Statistics 5, 1657). What is believed of a galaxy is then its mean given the measurement: where noise
hides a line, what galaxies with its other lines and its continuum have there, and not zero.
"""

import numpy as np

ROUNDS = 12  # of expectation and maximisation
WELL = 4.0  # a value tells of the spread of all where its variance is below so many times theirs
FLOOR = 1e-3  # least spread of a Gaussian in any one direction, over that of all


class Population:
    """A mixture of K Gaussians in D dimensions: share [K], centre [K, D], covariance [K, D, D]."""

    def __init__(self, share, centre, covariance):
        self.share, self.centre, self.covariance = share, centre, covariance

    @classmethod
    def fit(cls, value, noise, k, seed=0):
        """Return the mixture of at most ``k`` Gaussians behind values [N, D] with noise [N, D, D].

        It starts from K-means on what a single Gaussian makes of the values.
        """
        from sklearn.cluster import KMeans

        wide = _spread(value, noise)
        alone = cls(np.ones(1), np.median(value, axis=0)[None], wide[None])
        first = alone.believe(value, noise)
        scaled = (first - first.mean(axis=0)) / np.maximum(first.std(axis=0), 1e-12)
        found = KMeans(min(k, len(value)), n_init=3, random_state=seed).fit_predict(scaled)
        start = first, np.broadcast_to(0.1 * wide, noise.shape)
        population = cls._likeliest(np.eye(found.max() + 1)[found], [start] * (found.max() + 1), 0)
        for _ in range(ROUNDS):
            population = cls._likeliest(*population._expect(value, noise, spread=True), FLOOR * wide)
        return population

    def believe(self, value, noise):
        """Return the mean [B, D] of what lies behind values [B, D] measured with noise [B, D, D]."""
        shares, parts = self._expect(value, noise)
        return sum(share[:, None] * mean for share, (mean, _) in zip(shares.T, parts, strict=True))

    def _expect(self, value, noise, spread=False):
        """Return the share of each Gaussian [B, K] and what each makes of the values: mean [B, D] and covariance, if wanted."""
        log, parts = np.empty((len(value), len(self.share))), []
        for k, (centre, covariance) in enumerate(zip(self.centre, self.covariance, strict=True)):
            total = np.linalg.inv(covariance + noise)
            away = value - centre
            pulled = np.einsum("bij,bj->bi", total, away)
            log[:, k] = np.log(self.share[k]) + 0.5 * (
                np.linalg.slogdet(total)[1] - np.einsum("bi,bi->b", away, pulled)
            )
            left = covariance - covariance @ total @ covariance if spread else None
            parts.append((centre + pulled @ covariance, left))
        shares = np.exp(log - log.max(axis=1, keepdims=True, initial=-np.inf))
        return shares / shares.sum(axis=1, keepdims=True), parts

    @classmethod
    def _likeliest(cls, shares, parts, floor):
        """Return the mixture that is most likely when each Gaussian k has the share [N] of each value and makes ``parts[k]`` of it."""
        centres, covariances = [], []
        for own, (mean, left) in zip(np.maximum(shares.T, 1e-12), parts, strict=True):
            centre = np.average(mean, axis=0, weights=own)
            away = mean - centre
            spread = (own[:, None] * away).T @ away + np.einsum("b,bij->ij", own, left)
            centres.append(centre)
            covariances.append(spread / own.sum() + floor)
        return cls(np.maximum(shares, 1e-12).mean(axis=0), np.stack(centres), np.stack(covariances))


def _spread(value, noise):
    """Return the diagonal covariance [D, D] of the values that are measured well, 1 where few are."""
    variance = value.var(axis=0)
    well = np.einsum("bii->bi", noise) < WELL * variance
    found = [column[good].var() if good.sum() > 2 else 1.0 for column, good in zip(value.T, well.T, strict=True)]
    return np.diag(np.maximum(found, 1e-12))
