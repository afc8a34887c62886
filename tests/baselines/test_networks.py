"""Networks of every kind: shapes for any grid, a loss that falls, and attention that reaches as far as it may."""

import numpy as np
import pytest
import torch

from galspec_core.baselines import autoencoder, galspecnet, specformer, spender, supervised, vae
from galspec_core.baselines.networks import MOST_IVAR, weighted_error
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.patches import patchify
from galspec_core.spectra.shard import Gridded
from tests.baselines.conftest import PIXELS, make_spectra

ENCODER = dict(patch=30, overlap=10, layers=1, width=16, heads=2, pooling="mean")
LEARN = {vae: dict(hidden=[32], latents=3, beta=0.1), autoencoder: dict(filters=[4, 8], latents=3)}
CLASSIFY = {
    galspecnet: dict(dropout=0.0, balanced=True),
    supervised: dict(**ENCODER, dropout=0.0, balanced=False),
}


def name(module):
    return module.__name__.rsplit(".", 1)[-1]


def fall(model, batch, steps=40, lr=5e-3):
    """Return the first and last loss of a short training."""
    optimiser = torch.optim.AdamW(model.groups(0.0), lr=lr)
    losses = []
    for step in range(steps):
        loss = model.loss(batch, torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses[0], np.mean(losses[-5:])


@pytest.mark.parametrize("module", LEARN, ids=name)
def test_networks_without_labels_learn_and_embed(module, spectra):
    torch.manual_seed(0)
    model = module.build(LEARN[module], dict(pixels=PIXELS))
    first, last = fall(model, spectra)
    assert last < 0.8 * first
    assert model.embed(torch.from_numpy(spectra.flux)).shape == (120, 3)


@pytest.mark.parametrize("pixels", [3688, 3011, 501])
@pytest.mark.parametrize("module", LEARN, ids=name)
def test_the_reconstruction_has_as_many_pixels_as_the_grid(module, pixels):
    model = module.build({**LEARN[module], "filters": [4, 8]}, dict(pixels=pixels))
    assert model.decoder(torch.zeros(2, 3)).shape == (2, pixels)


@pytest.mark.parametrize("module", CLASSIFY, ids=name)
def test_supervised_networks_learn_their_labels(module, spectra, codes):
    torch.manual_seed(0)
    model = module.build({**CLASSIFY[module], "n_classes": 2}, dict(pixels=PIXELS))
    model.set_labels(spectra.specobjid[::-1].copy(), codes[::-1].copy())
    first, last = fall(model, spectra, steps=60)
    assert last < 0.6 * first
    with torch.no_grad():
        scores = model.eval().embed(torch.from_numpy(make_spectra(seed=1)[0].flux)).numpy()
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == codes).mean() > 0.9


def test_balanced_classes_weigh_the_same_in_all(spectra, codes):
    model = galspecnet.build(dict(n_classes=2, dropout=0.0, balanced=True), dict(pixels=PIXELS))
    model.set_labels(spectra.specobjid, codes)
    total = np.bincount(codes) * model.class_weight.numpy()
    assert total[0] == pytest.approx(total[1])
    assert total.sum() == pytest.approx(len(codes))


def test_the_same_generator_gives_the_same_loss(spectra):
    model = vae.build(LEARN[vae], dict(pixels=PIXELS))
    losses = [float(model.loss(spectra, torch.Generator().manual_seed(seed)).detach()) for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_bad_pixels_have_no_say_and_bright_ones_no_more_than_their_share():
    flux, model = torch.zeros(1, 5), torch.ones(1, 5)
    ivar = torch.tensor([[0.0, 1.0, 2.0, 1e6, 0.0]])
    assert float(weighted_error(flux, ivar, model)) == pytest.approx(0.5 * (3 + MOST_IVAR))


@pytest.mark.parametrize(("window", "moved"), [(None, True), (1, False), (12, True)])
def test_attention_reaches_as_far_as_its_window(window, moved):
    """One layer: a token changes with a far patch if, and only if, it may attend to it."""
    entry = dict(**ENCODER, mask="random", mask_share=0.25, loss="mse", window=window)
    model = build_transformer(entry, dict(pixels=PIXELS)).eval()
    flux = torch.zeros(1, PIXELS)
    far = flux.clone()
    far[0, 240:250] = 3.0  # of patches 11 and 12 alone
    with torch.no_grad():
        tokens = [model.tokens(patchify(f, 30, 10)) for f in (flux, far)]
    assert bool((tokens[0][0, 0] - tokens[1][0, 0]).abs().max() > 1e-7) is moved


def test_specformers_mask_hides_contiguous_chunks(spectra):
    entry = {**ENCODER, "mask_share": 0.25}
    model = specformer.build(entry, dict(pixels=PIXELS))
    assert model.config.mask == "chunks"
    assert np.isfinite(float(model.loss(spectra, torch.Generator().manual_seed(0)).detach()))


def test_spender_rebuilds_the_observed_spectrum_of_any_redshift():
    pytest.importorskip("spender", reason="the extra galspec[systems] is not installed")
    grid = dict(frame="observed", spacing="linear", wave=[3850.0, 9000.0], pixels=400)
    model = spender.build(dict(latents=2, rest_pixels=300, highest_z=0.5), grid)
    batch = Gridded(
        np.arange(3, dtype="u8"), np.array([0.0, 0.2, 0.5], "f4"), np.ones((3, 400), "f4"), np.ones((3, 400), "f4")
    )
    assert np.isfinite(float(model.loss(batch, torch.Generator()).detach()))
    assert model.embed(torch.from_numpy(batch.flux)).shape == (3, 2)
