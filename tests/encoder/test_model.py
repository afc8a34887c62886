"""The Transformer of the paper."""

import pytest
import torch

from galspec_core.encoder.model import GalSpecEncoder, TransformerConfig, at
from galspec_core.encoder.network import count_parameters
from galspec_core.encoder.objective import MASKS, mean_of
from galspec_core.encoder.patches import patchify, unpatchify
from galspec_core.errors import ConfigError
from tests.encoder.conftest import ENTRY, GRID

PAPER = TransformerConfig(3688, 15, 10, 6, 768, 6, "random", 0.25, "mse", "mean")


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return GalSpecEncoder(TransformerConfig.from_entry(ENTRY, GRID)).eval()


def test_the_papers_encoder_has_43_million_parameters_and_takes_a_training_step():
    torch.manual_seed(0)
    model = GalSpecEncoder(PAPER)
    assert 42e6 < count_parameters(model) < 44.5e6
    flux, ivar = torch.randn(1, 3688), torch.ones(1, 3688)
    mask = MASKS["random"](1, 735, 0.25, torch.Generator().manual_seed(0))
    optimiser = torch.optim.AdamW(model.groups(0.1), lr=1e-5)
    before = model.head.weight.detach().clone()
    loss = mean_of(*model(flux, ivar, mask))
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, model.head.weight)
    with torch.no_grad():
        assert model.embed(flux).shape == (1, 768)


def test_a_hidden_pixel_cannot_be_seen(small):
    """Pixels that stand in hidden patches alone do not change what is predicted."""
    flux = torch.randn(1, 120, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, small.config.n_patches, dtype=torch.bool)
    mask[0, 3:6] = True
    visible = torch.repeat_interleave((~mask).float()[:, :, None], 15, dim=2)
    hidden = torch.nan_to_num(unpatchify(visible, 120, 5))[0] == 0
    assert hidden[40:55].all()
    changed = flux.clone()
    changed[0, 40:55] += 100
    with torch.no_grad():
        first, second = (small.tokens(patchify(x, 15, 5), mask) for x in (flux, changed))
    assert torch.equal(first, second)


def test_a_pixel_with_a_visible_patch_is_seen(small):
    """Pixel 32 stands in hidden patch 3 and in visible patch 2: random masks leak where patches overlap."""
    flux = torch.randn(1, 120, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, small.config.n_patches, dtype=torch.bool)
    mask[0, 3:6] = True
    changed = flux.clone()
    changed[0, 32] += 1
    with torch.no_grad():
        first, second = (small.tokens(patchify(x, 15, 5), mask) for x in (flux, changed))
    assert not torch.equal(first[0, 3], second[0, 3])


def test_every_patch_matters_to_every_token(small):
    flux = torch.randn(1, 120, generator=torch.Generator().manual_seed(1)).requires_grad_()
    small.tokens(patchify(flux, 15, 5))[0, 0, 0].backward()
    assert (flux.grad[0, :115] != 0).all()


@pytest.mark.parametrize("window", [None, 3])
def test_a_loss_works_out_hidden_patches_alone_and_finds_what_all_patches_give(window):
    torch.manual_seed(0)
    model = GalSpecEncoder(TransformerConfig.from_entry({**ENTRY, "window": window}, GRID))
    flux, ivar = torch.randn(4, 120), torch.ones(4, 120)
    mask = MASKS["random"](4, model.config.n_patches, model.config.mask_share, torch.Generator().manual_seed(0))
    patches = patchify(flux, 15, 5)
    hidden = mask.nonzero()[:, 1].view(4, -1)
    few, all_ = model.tokens_at(patches, mask, hidden), model.tokens(patches, mask)
    assert torch.allclose(few, at(all_, hidden), atol=1e-5)
    errors = (model.head(all_) - patches)[mask] ** 2
    assert mean_of(*model(flux, ivar, mask)).item() == pytest.approx(errors.mean().item(), rel=1e-5)


def test_max_pooling_takes_the_largest_and_mean_pooling_the_mean():
    flux = torch.randn(2, 120, generator=torch.Generator().manual_seed(1))
    for pooling, truth in (("mean", lambda t: t.mean(1)), ("max", lambda t: t.max(1).values)):
        model = GalSpecEncoder(TransformerConfig.from_entry({**ENTRY, "pooling": pooling}, GRID)).eval()
        with torch.no_grad():
            assert torch.allclose(model.embed(flux), truth(model.tokens(patchify(flux, 15, 5))))


def test_no_decay_pulls_at_biases_norms_positions_or_the_mask_token(small):
    decays, rest = small.groups(0.1)
    assert decays["weight_decay"] == 0.1
    assert rest["weight_decay"] == 0
    assert sum(p.numel() for g in (decays, rest) for p in g["params"]) == count_parameters(small)
    assert any(p is small.position for p in rest["params"])
    assert all(p.dim() == 2 for p in decays["params"])


@pytest.mark.parametrize(
    "change", [dict(mask="diagonal"), dict(loss="mae"), dict(pooling="cls"), dict(heads=3), dict(patch=500)]
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(ConfigError):
        TransformerConfig.from_entry({**ENTRY, **change}, GRID)


def test_a_missing_or_unknown_key_is_named():
    with pytest.raises(ConfigError, match=r"missing; expected \['width'\]"):
        TransformerConfig.from_entry({k: v for k, v in ENTRY.items() if k != "width"}, GRID)
    with pytest.raises(ConfigError, match=r"unknown keys.*got \['pooilng'\]"):
        TransformerConfig.from_entry({**ENTRY, "pooilng": "max"}, GRID)
