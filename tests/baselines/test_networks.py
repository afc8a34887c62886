"""Networks of every kind: shapes for any grid, a loss that falls, and attention that reaches as far as it may."""

import numpy as np
import pytest
import torch

from galspec_core.baselines import autoencoder, galspecnet, specformer, spender, supervised, vae
from galspec_core.baselines.networks import MOST_IVAR, clipped, weighted_error
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.patches import patchify
from galspec_core.errors import ConfigError
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


@pytest.mark.parametrize(("module", "steps"), [(galspecnet, 30), (supervised, 60)], ids=["galspecnet", "supervised"])
def test_supervised_networks_learn_their_labels(module, steps, spectra, codes):
    torch.manual_seed(0)
    model = module.build({**CLASSIFY[module], "n_classes": 2}, dict(pixels=PIXELS))
    model.set_labels(spectra.specobjid[::-1].copy(), codes[::-1].copy())
    first, last = fall(model, spectra, steps)
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
    pytest.importorskip("spender", reason="the extra is not installed: pip install -c constraints.txt -e '.[systems]'")
    grid = dict(frame="observed", spacing="linear", wave=[3850.0, 9000.0], pixels=400)
    model = spender.build(dict(latents=2, rest_pixels=300, highest_z=0.5), grid)
    batch = Gridded(
        np.arange(3, dtype="u8"), np.array([0.0, 0.2, 0.5], "f4"), np.ones((3, 400), "f4"), np.ones((3, 400), "f4")
    )
    assert np.isfinite(float(model.loss(batch, torch.Generator()).detach()))
    assert model.embed(torch.from_numpy(batch.flux)).shape == (3, 2)


GRIDS = [3688, 3011, 501]


@pytest.mark.parametrize("pixels", GRIDS)
@pytest.mark.parametrize("module", CLASSIFY, ids=name)
def test_scores_of_any_grid_add_up_to_1(module, pixels):
    model = module.build({**CLASSIFY[module], "n_classes": 3}, dict(pixels=pixels)).eval()
    flux = torch.randn(2, pixels, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert model.logits(flux, None).shape == (2, 3)
        assert torch.allclose(model.embed(flux).sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("pixels", GRIDS)
@pytest.mark.parametrize("module", LEARN, ids=name)
def test_latents_of_any_grid_are_as_many_as_asked_for(module, pixels):
    model = module.build(LEARN[module], dict(pixels=pixels))
    with torch.no_grad():
        assert model.embed(torch.ones(2, pixels)).shape == (2, LEARN[module]["latents"])


@pytest.mark.parametrize("pixels", GRIDS)
def test_specformer_rebuilds_whole_patches_of_any_grid(pixels):
    model = specformer.build({**ENCODER, "mask_share": 0.25}, dict(pixels=pixels))
    n = (pixels - 30) // 20 + 1
    assert model.reconstruct(torch.ones(2, pixels), torch.zeros(2, n, dtype=torch.bool)).shape == (2, n, 30)
    with torch.no_grad():
        assert model.embed(torch.ones(2, pixels)).shape == (2, 16)


@pytest.mark.parametrize("module", [autoencoder, specformer], ids=name)
def test_a_loss_follows_from_its_generator(module, spectra):
    entry = {**ENCODER, "mask_share": 0.25, "filters": [4, 8], "latents": 3}
    model = module.build(entry, dict(pixels=PIXELS))
    one, two = (float(model.loss(spectra, torch.Generator().manual_seed(1)).detach()) for _ in range(2))
    assert one == two


def test_the_error_is_a_gaussian_likelihood_but_for_a_constant():
    generator = torch.Generator().manual_seed(0)
    flux, model = (1 + torch.randn(4, 50, generator=generator).clamp(-2, 2) for _ in range(2))
    ivar = 1 + 100 * torch.rand(4, 50, generator=generator)
    normal = torch.distributions.Normal(model, ivar**-0.5)
    expected = (normal.log_prob(model) - normal.log_prob(flux)).sum(dim=1)
    assert torch.allclose(weighted_error(flux, ivar, model), expected, rtol=1e-4)


def test_a_bad_pixel_changes_neither_error_nor_gradient():
    flux, ivar, model = torch.ones(2, 5), torch.ones(2, 5), torch.full((2, 5), 0.5, requires_grad=True)
    ivar[:, 2] = 0
    other = flux.clone()
    other[:, 2] = -1.0
    assert torch.equal(weighted_error(flux, ivar, model), weighted_error(other, ivar, model))
    weighted_error(flux, ivar, model).sum().backward()
    assert (model.grad[:, 2] == 0).all()
    assert (model.grad[:, [0, 1, 3, 4]] != 0).all()


def test_the_vaes_loss_is_its_error_and_the_divergence_from_a_unit_gaussian(spectra):
    model = vae.build(LEARN[vae], dict(pixels=PIXELS))
    spectra.ivar[:] *= 1e-6  # else the error leaves nothing to be seen of the divergence
    flux, ivar = torch.from_numpy(spectra.flux), torch.from_numpy(spectra.ivar)
    with torch.no_grad():
        mean, log_variance = model.encoder(clipped(flux)).chunk(2, dim=1)
        posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        noise = torch.randn(len(spectra), 3, generator=torch.Generator().manual_seed(4))
        rebuilt = model.decoder(mean + noise * posterior.scale)
        unit = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        divergence = torch.distributions.kl_divergence(posterior, unit).sum(dim=1)
        expected = (weighted_error(flux, ivar, rebuilt) + 0.1 * divergence).mean() / PIXELS
        found = model.loss(spectra, torch.Generator().manual_seed(4))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("balanced", [True, False])
def test_the_supervised_loss_is_a_weighted_cross_entropy_whatever_the_order(spectra, codes, balanced):
    entry = dict(n_classes=2, dropout=0.0, balanced=balanced)
    model = galspecnet.build(entry, dict(pixels=PIXELS)).eval()
    order = np.random.default_rng(0).permutation(len(spectra))
    model.set_labels(spectra.specobjid[order], codes[order])
    batch = order[::-1].copy()
    with torch.no_grad():
        scores = model.embed(torch.from_numpy(spectra.flux)).numpy().astype("f8")
        found = float(model.loss(spectra[batch], torch.Generator()))
    weight = (len(codes) / 2 / np.bincount(codes))[codes] if balanced else np.ones(len(codes))
    expected = (weight * -np.log(scores[np.arange(len(codes)), codes])).sum() / weight.sum()
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("layers", "reached"), [(1, False), (2, True)])
def test_every_layer_carries_attention_one_window_further(layers, reached):
    """Windows of 6 patches: two layers carry a change of patch 12 to patch 0, one does not."""
    entry = {**ENCODER, "layers": layers, "n_classes": 2, "dropout": 0.0, "balanced": False, "window": 6}
    model = supervised.build(entry, dict(pixels=PIXELS)).eval()
    flux = torch.zeros(1, PIXELS)
    far = flux.clone()
    far[0, 250:260] = 3.0  # of patch 12 alone
    with torch.no_grad():
        tokens = [model.encoder.tokens(patchify(f, 30, 10)) for f in (flux, far)]
    assert bool((tokens[0][0, 0] - tokens[1][0, 0]).abs().max() > 1e-7) is reached


def test_a_supervised_encoder_trains_everything_but_the_token_it_does_not_use(spectra, codes):
    model = supervised.build({**CLASSIFY[supervised], "n_classes": 2}, dict(pixels=PIXELS))
    model.set_labels(spectra.specobjid, codes).loss(spectra, torch.Generator()).backward()
    assert [key for key, value in model.named_parameters() if value.grad is None] == ["encoder.mask_token"]


@pytest.mark.parametrize("pixels", [501, 301])
def test_spender_rebuilds_odd_grids(pixels):
    pytest.importorskip("spender", reason="the extra is not installed: pip install -c constraints.txt -e '.[systems]'")
    grid = dict(frame="observed", spacing="linear", wave=[3850.0, 9000.0], pixels=pixels)
    model = spender.build(dict(latents=2, rest_pixels=300, highest_z=0.5), grid)
    flux, z = torch.rand(2, pixels, generator=torch.Generator().manual_seed(0)), torch.tensor([0.0, 0.3])
    with torch.no_grad():
        rebuilt = model.model(flux, z=z)
        assert rebuilt.shape == (2, pixels)
        for i in (0, 1):  # each at its own redshift, whatever else is in the batch
            assert torch.allclose(model.model(flux[[i]], z=z[[i]]), rebuilt[[i]], atol=1e-5)


def test_a_grid_too_short_for_the_network_is_named():
    with pytest.raises(ConfigError, match="256 pixels or more; got 200"):
        galspecnet.build(dict(n_classes=2, dropout=0.0, balanced=False), dict(pixels=200))
