"""Files that the tests of downloads serve."""

import numpy as np

from galspec_core.sas import FetchConfig, spec_path

CONFIG = FetchConfig(threads=3, retries=3, connect_timeout=2.0, read_timeout=5.0)
SPECTRUM = "dr16/sdss/spectro/redux/26/spectra/lite/0266/spec-0266-51602-0001.fits"
CATALOG = "dr8/common/galSpecExtra-dr8.fits"


def fits_like(blocks, seed=0):
    """Return bytes that begin and end like a FITS file."""
    body = np.random.default_rng(seed).integers(0, 256, 2880 * blocks - 30, dtype=np.uint8).tobytes()
    return b"SIMPLE  =                    T" + body


def content(tree, rel=SPECTRUM):
    return (tree / rel).read_bytes()


def many(tree, n):
    """Add ``n`` spectra to a tree and return their paths."""
    rels = [spec_path(26, 300, 51666, i) for i in range(1, n + 1)]
    for i, rel in enumerate(rels):
        (tree / rel).parent.mkdir(parents=True, exist_ok=True)
        (tree / rel).write_bytes(fits_like(1, seed=i))
    return rels
