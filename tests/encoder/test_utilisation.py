"""How fast a training is, in words that can be checked."""

import logging
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from galspec_core.encoder import pretrain as module
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.utilisation import count_flops, describe_utilisation, product_rate, step_flops
from galspec_core.errors import TrainingError
from tests.encoder.conftest import ENTRY, GRID, RUN, make_spectra
from tests.encoder.test_pretrain import SAME, same, train

CPU = torch.device("cpu")


def test_a_product_of_matrices_takes_two_operations_a_multiplication():
    assert count_flops(lambda: torch.ones(3, 5) @ torch.ones(5, 7)) == 2 * 3 * 5 * 7


def test_attention_is_counted_as_the_two_products_that_it_is():
    q = torch.ones(2, 4, 10, 8)  # [spectra, heads, patches, width]
    flops = count_flops(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q))
    assert flops == 2 * (2 * 2 * 4 * 10 * 10 * 8)


def test_a_step_of_training_takes_three_times_the_forward_pass_of_most_of_its_products():
    torch.manual_seed(0)
    model, batch = build_transformer(ENTRY, GRID), make_spectra(8)
    forward = count_flops(lambda: model.loss(batch, torch.Generator().manual_seed(0))) / len(batch)
    assert 2.5 * forward < step_flops(model, batch) < 3.6 * forward


def test_the_words_give_rate_share_and_waiting():
    bare = product_rate(CPU, nullcontext())
    assert bare > 1e8
    words = describe_utilisation(1e6, 500, 2.0, 0.5, CPU, nullcontext())
    assert words.startswith("250 spectra/s of 0.001 GFLOP on cpu: 0.25 GFLOP/s")
    assert words.endswith("20.0% of the time waiting for spectra")


def test_a_training_ends_by_saying_how_fast_it_was(shards, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        train(shards, tmp_path / "a")
    assert "of bare matrix products" in caplog.text


def test_losses_may_be_looked_at_later(shards, tmp_path, monkeypatch):
    often = train(shards, tmp_path / "often")
    monkeypatch.setattr(module, "LOOK", {"cpu": 7})
    seldom = train(shards, tmp_path / "seldom")
    assert often[0][SAME].equals(seldom[0][SAME])
    assert same(often[1], seldom[1])


def test_a_loss_that_is_looked_at_later_still_names_its_step(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK", {"cpu": 7})
    loss = module.Trainer._loss

    def broken(self, batch, number):
        found, value = loss(self, batch, number)
        return found, value * np.nan if number == 3 else value

    monkeypatch.setattr(module.Trainer, "_loss", broken)
    with pytest.raises(TrainingError, match="the loss is nan at step 3"):
        train(shards, tmp_path / "a")


@pytest.mark.workflow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # its own
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++, which is not installed")
def test_a_compiled_training_learns_the_same(shards, tmp_path):
    """Compiled products round otherwise: the curves agree to rounding that grew for as many steps."""
    plain, compiled = (
        train(shards, tmp_path / choice, run={**RUN, "compile": choice}, steps=10, validate_every=5)[0]
        for choice in ("no", "yes")
    )
    assert np.allclose(plain["train_loss"], compiled["train_loss"], rtol=1e-3)
