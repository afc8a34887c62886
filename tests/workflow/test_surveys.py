"""Other surveys than the simulated one: the archive's plan, and real spectra in a folder."""

import pandas as pd
import pytest

from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow


def test_dr16_plans_every_shard_from_the_configuration_alone(tmp_path):
    """With the catalogues in place nothing but the configuration says how many jobs there are."""
    run = Run(tmp_path)
    for name in ("specobj", "galspecextra", "portsmouth_boss", "portsmouth_legacy", "silo", "outliers"):
        path = run / "data/catalogs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    done = run.dr16("results/table4.csv", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(line.split() for line in (done.stdout + done.stderr).splitlines() if len(line.split()) == 2)
    assert (counts["fetch_shard"], counts["grid_shard"], counts["embed_shard"]) == ("320", "960", "1280")
    assert "fetch_catalog" not in counts


def test_real_spectra_go_through_to_the_liner_row(sdss_sample, tmp_path):
    """The SDSS sample with its two line catalogues, PCA alone: every row of its catalogue is accounted for."""
    run = Run(tmp_path)
    overlay = "search: {methods: [pca], bootstrap: 50}\nfigures: {neighbours: {method: pca, n: 3}}\n"
    (tmp_path / "few.yaml").write_text(overlay)
    done = run.snakemake("--config", f"sas={sdss_sample}", overlays=("config/real.yaml", "few.yaml"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    table = pd.read_csv(run / "results/table4.csv")
    assert table[["task", "method"]].to_numpy().tolist() == [
        ["liner", "pca"],
        ["liner", "nuisance"],
        ["liner", "published"],
    ]
    assert table["n_target"].iloc[0] > 0
    dropped = pd.read_csv(run / "results/catalogs/dropped.csv")
    cut = dropped.loc[dropped["catalogue"] == "specobj", "n"].sum()
    assert cut + len(pd.read_parquet(run / "results/catalogs/manifest.parquet")) == 641
