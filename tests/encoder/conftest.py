"""Small shards and settings that the encoder's tests share."""

import numpy as np
import pytest

from galspec_core.spectra.shard import Gridded, write_gridded

PIXELS = 120
GRID = dict(frame="observed", spacing="linear", wave=[3850.0, 9000.0], pixels=PIXELS)
RUN = dict(device="cpu", precision="float32", torch_threads=1, embed_batch=16)
TRAINING = dict(seed=0, batch=8, steps=30, warmup=5, lr=2e-3, validate_every=10, checkpoint_every=4, patience=20)
ENTRY = dict(
    kind="transformer", grid="observed", patch=15, overlap=5, layers=1, width=16, heads=2, mask="random", mask_share=0.25,
    loss="mse", pooling="mean", training=TRAINING,
)  # fmt: skip


def make_spectra(n, seed=0):
    """Return n spectra that are mixtures of two shapes, with ids above 2**63."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 6, PIXELS)
    flux = (
        1
        + rng.normal(0, 0.3, (n, 1)) * np.sin(x)
        + rng.normal(0, 0.3, (n, 1)) * np.cos(2 * x)
        + rng.normal(0, 0.02, (n, PIXELS))
    )
    ids = np.arange(n, dtype="u8") + np.uint64(2**63)
    return Gridded(ids, rng.random(n).astype("f4"), flux.astype("f4"), np.full((n, PIXELS), 2500, "f4"))


@pytest.fixture
def shards(tmp_path):
    """Write 100 spectra in four shards, one of them empty; return their paths."""
    whole = make_spectra(100)
    paths = []
    for i, part in enumerate((slice(0, 30), slice(30, 70), slice(70, 70), slice(70, 100))):
        paths.append(tmp_path / f"{i:04d}.parquet")
        write_gridded(paths[-1], Gridded(*(getattr(whole, key)[part] for key in ("specobjid", "z", "flux", "ivar"))))
    return paths
