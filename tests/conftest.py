"""What the tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "2")
settings.register_profile("galspec", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("galspec")  # the same examples in every run, none judged by its time
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def sdss_sample():
    """Give the SAS tree of real SDSS spectra that lies beside the checkout, or skip."""
    folder = SHARED / "real/sas"
    if not folder.is_dir():
        pytest.skip("the SDSS sample is not beside this checkout")
    return folder
