"""A DESI reduction in a folder goes through the same stages as SDSS."""

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Run
from tests.workflow.desi import write_reduction

pytestmark = pytest.mark.workflow
OVERLAY = """
catalogs:
  sample: {n_pretrain: all, validation: 0.2, labelled: {Odd: all}, test: {Odd: 0.9}, query: 0}
spectra: {n_shards: 2}
encoder: {torch_threads: 1}
tasks:
  liner: null
  lens: null
  outlier: null
  odd: {target: Odd, source: tables/odd, file: ODD, negatives: {from: unlabelled, match: [z], per_target: 2}}
"""


def test_desi_spectra_go_through_to_embedding_and_map(tmp_path):
    folder = write_reduction(tmp_path / "iron")
    run = Run(tmp_path)
    (tmp_path / "odd.yaml").write_text(OVERLAY.replace("ODD", str(folder / "odd.csv")))
    wanted = [f"results/encoder/galspec/embedding/000{i}.parquet" for i in range(2)]
    done = run.snakemake(
        "--config", f"sas={folder}", "--", *wanted, "results/figures/map_galspec.html",
        overlays=("config/desi.yaml", "odd.yaml"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    manifest = pd.read_parquet(run / "results/catalogs/manifest.parquet")
    parts = [pd.read_parquet(run / path) for path in wanted]
    embedded = pd.concat(parts)
    assert set(embedded["specobjid"]) == set(manifest["specobjid"]) == set(range(1000, 1090))
    assert np.isfinite(np.stack(embedded["embedding"])).all()
    table = pd.read_csv(run / "results/figures/map_galspec.csv")
    assert table["class"].value_counts().to_dict() == {"unlabelled": 60, "Odd": 30}
    vectors, odd = (
        np.stack(embedded["embedding"]),
        (embedded["specobjid"] % 3 == 1).to_numpy(),
    )  # every third, from 1000 on
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=2) + np.diag(np.full(len(vectors), np.inf))
    assert np.mean(odd[apart.argmin(axis=1)] == odd) > 0.9
