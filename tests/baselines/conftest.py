"""Made spectra of two classes that differ by one line, and who plays which role."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.spectra.shard import Gridded

PIXELS = 301
BASE = 2**63  # ids beyond int64, as the archive's newest have


def make_spectra(n=120, seed=0, strength=1.5, noise=0.1):
    """Return n spectra on a flat continuum; every third has a line. The first ids come first."""
    rng = np.random.default_rng(seed)
    line = np.exp(-0.5 * ((np.arange(PIXELS) - 150) / 3) ** 2)
    has = (np.arange(n) % 3 == 0).astype("f4")
    flux = 1 + strength * has[:, None] * line + noise * rng.standard_normal((n, PIXELS))
    ivar = np.full((n, PIXELS), noise**-2)
    ivar[:, :10] = 0
    ids = np.arange(BASE, BASE + n, dtype="u8")
    return Gridded(ids, np.full(n, 0.1, "f4"), flux.astype("f4"), ivar.astype("f4")), has.astype("i8")


@pytest.fixture
def spectra():
    return make_spectra()[0]


@pytest.fixture
def codes():
    return make_spectra()[1]


@pytest.fixture
def manifest(spectra):
    n = len(spectra)
    position = np.arange(n, dtype="u8") // 2  # every position twice
    return pd.DataFrame(
        {"specobjid": spectra.specobjid, "position": position, "z": spectra.z, "snr": np.linspace(3, 30, n)}
    )


@pytest.fixture
def roles(spectra, codes):
    """Two thirds of the positions are knowledge base, the rest is tested; label LINER where there is a line."""
    role = np.where(np.arange(len(spectra)) // 2 % 3 < 2, "knowledge_base", "test")
    frame = pd.DataFrame(
        {"specobjid": spectra.specobjid, "role": role, "label": np.where(codes == 1, "LINER", "Normal")}
    )
    return pd.concat([frame.assign(task="liner", seed=seed, subtype="") for seed in (0, 1)], ignore_index=True)
