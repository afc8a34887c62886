"""Random forest (Breiman 2001), the classical classifier of the paper's table 2, on flux or on any features."""

from sklearn.ensemble import RandomForestClassifier

from galspec_core.baselines.features import matrix

FAMILY = "classifier"


def train(entry, spectra, codes, n_classes, seed):
    """Return spectra -> scores [Q, C] of a forest grown on ``spectra`` and their class ``codes`` [n].

    ``entry`` has trees, min_leaf (spectra in a leaf) and balanced (whether rare classes weigh as much as common ones). It
    takes as many cores as joblib is told to.
    """
    forest = RandomForestClassifier(
        entry["trees"],
        min_samples_leaf=entry["min_leaf"],
        class_weight="balanced_subsample" if entry["balanced"] else None,
        random_state=seed,
    )
    forest.fit(matrix(spectra), codes).set_params(n_jobs=1)  # several threads would add up trees in any order
    return lambda queries: forest.predict_proba(matrix(queries))
