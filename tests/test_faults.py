"""What the system refuses comes out as a sentence, whichever library met it."""

import errno
import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from astropy.io import fits
from safetensors.torch import save_file

from galspec_core.encoder.checkpoint import save_checkpoint
from galspec_core.errors import SystemFault
from galspec_core.faults import plain_fault
from galspec_core.log import job_log

NUMBERS = np.arange(100_000, dtype="f8")


def through_faiss(path):
    from galspec_core.search.knowledge_base import faiss

    index = faiss.IndexFlatL2(100)
    index.add(NUMBERS.astype("f4").reshape(-1, 100))
    faiss.write_index(index, str(path))


WRITERS = {
    "text": lambda path: path.write_text("x" * 100_000),
    "CSV": lambda path: pd.DataFrame({"x": NUMBERS}).to_csv(path),
    "Parquet": lambda path: pq.write_table(pa.table({"x": NUMBERS}), path),
    "weights": lambda path: save_file({"x": torch.from_numpy(NUMBERS)}, path),
    "checkpoint": lambda path: save_checkpoint(path.parent, {"x": torch.from_numpy(NUMBERS)}),
    "index": through_faiss,
    "FITS": lambda path: fits.PrimaryHDU(NUMBERS).writeto(path, overwrite=True),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_called_by_name_whoever_meets_it(kind, small_disk):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        WRITERS[kind](small_disk / "file")
    fault = plain_fault(caught.value, small_disk)
    assert isinstance(fault, SystemFault)
    assert "no space is left on the disk" in str(fault)
    assert "Make room, then start the same command again" in str(fault)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "no permission"),
        (errno.EIO, "the disk fails"),
        (errno.EMFILE, "too many files"),
    ],
)
def test_a_refusal_names_the_file_and_what_to_do(code, words):
    fault = plain_fault(OSError(code, "refused", "results/table4.csv"))
    assert words in str(fault)
    assert str(fault).startswith("results/table4.csv: ")
    assert "start the same command again" in str(fault)


def test_the_cause_is_found_behind_other_errors():
    error = RuntimeError("the table cannot be written")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert "no space is left" in str(plain_fault(error))


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), FileNotFoundError(2, "gone"), RuntimeError("odd")])
def test_other_errors_stay_what_they_are(error):
    assert plain_fault(error) is None


def test_a_job_ends_with_the_sentence(tmp_path):
    with pytest.raises(SystemExit, match="no space is left on the disk"), job_log(tmp_path / "job.log"):
        raise OSError(errno.ENOSPC, "No space left on device", "results/a.parquet")
    assert "results/a.parquet: no space is left" in (tmp_path / "job.log").read_text()
    assert logging.getLogger("galspec").handlers == []


def test_a_log_that_cannot_be_written_ends_the_job_with_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="the log cannot be written"), job_log(tmp_path / "file/job.log"):
        pytest.fail("the job must not begin")
