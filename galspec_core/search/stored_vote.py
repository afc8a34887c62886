"""A learnt vote on disk: what a forest has learnt from a knowledge base, so that one spectrum need not wait for it to grow.

The file holds numbers and a JSON header (safetensors), nothing to run. It belongs to the one knowledge base on which it was
grown, by its entries and their vectors: beside any other it is refused.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from galspec_core.errors import SearchError
from galspec_core.files import replace
from galspec_core.search.calibration import Calibration
from galspec_core.search.forest import NeighbourForest
from galspec_core.search.known import Near, of_seed
from galspec_core.search.learnt import Grown, LearntVoter
from galspec_core.search.vectors import rows_of, some_rows

HASHED = 10_000  # vectors: all of a usual knowledge base, a moment's reading of one that lies on disk
AGAIN = "Remove the file: the vote is then grown anew, which takes longer"


def save_vote(voter, seed, path):
    """Write what a LearntVoter has learnt from the entries of one seed."""
    grown, near = voter.grown(seed), voter.near(seed)
    arrays = grown.forest.arrays() | {key: getattr(grown, key) for key in ("rows", "codes", "factors")}
    arrays["evidence"] = voter.vectors[grown.rows, voter.base.index.d :]
    arrays["numbers"] = np.array([grown.threshold, grown.calibration.slope, grown.calibration.offset, near.limit])
    about = {"task": voter.task, "target": voter.target, "seed": int(seed), "names": list(grown.names)}
    about |= {"entries": _digest(voter.base), "shown": voter.shown}
    with replace(path) as temporary:
        arrays = {key: np.ascontiguousarray(values) for key, values in arrays.items()}
        save_file(arrays, temporary, metadata={"galspec": json.dumps(about)})


def load_vote(path, task, target, base, threads=1):
    """Return the LearntVoter of a file and its seed.

    Raises
    ------
    SearchError
        The file is missing, cut short, of another task, or was grown on another knowledge base.
    """
    arrays, about = _read(path)
    expected = {"task": task, "target": target, "entries": _digest(base)}
    wrong = [key for key, value in expected.items() if about.get(key) != value]
    if wrong:
        what = "the stored vote was learnt from another knowledge base"
        raise SearchError(what, item=path, got=f"another {', '.join(wrong)}", remedy=AGAIN)
    try:
        return _rebuild(arrays, about, base, threads), about["seed"]
    except (LookupError, TypeError, ValueError) as error:
        raise SearchError("the stored vote is damaged", item=path, got=str(error)[:200], remedy=AGAIN) from None


def _read(path):
    try:
        with safe_open(Path(path), framework="np") as file:
            about = json.loads((file.metadata() or {})["galspec"])
            return {name: file.get_tensor(name) for name in file.keys()}, dict(about)  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise SearchError("no stored vote can be read", item=path, got=str(error)[:120], remedy=AGAIN) from None


def _rebuild(arrays, about, base, threads):
    rows, codes, names = arrays["rows"], arrays["codes"], np.array(about["names"], dtype=str)
    where = of_seed(base, about["seed"])
    if not np.array_equal(np.flatnonzero(where), rows) or len(codes) != len(rows) or codes.max() >= len(names):
        raise ValueError("its entries are not those of its seed")
    threshold, slope, offset, limit = map(float, arrays["numbers"])
    forest = NeighbourForest.from_arrays(arrays, len(rows))
    voter = LearntVoter(about["task"], about["target"], base, None, None, about["shown"], threads)
    near = Near.stored(base, where, limit, arrays["evidence"], threads)
    voter.near = lambda seed: near
    voter._grown = {
        about["seed"]: Grown(rows, names, codes, forest, arrays["factors"], threshold, Calibration(slope, offset))
    }
    return voter


def _digest(base):
    """Return a hash of who the entries are, what label each has, and where they lie: of very many, a fixed sample of these."""
    digest = hashlib.sha256(base.metadata["specobjid"].to_numpy().tobytes())
    digest.update("\n".join(base.metadata["label"].astype(str)).encode())
    digest.update(np.ascontiguousarray(rows_of(base.vectors, some_rows(len(base), HASHED, 0))))
    return digest.hexdigest()
