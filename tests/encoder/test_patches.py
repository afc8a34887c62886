"""Patches and which of them are hidden."""

import numpy as np
import pytest
import torch

from galspec_core.encoder.objective import LOSSES, MASKS, mean_of
from galspec_core.encoder.patches import coverage, n_patches, patchify, unpatchify
from galspec_core.errors import ConfigError

PAPER = dict(patch=15, overlap=10)


def test_the_papers_spectrum_has_735_patches_and_its_last_3_pixels_are_in_none():
    assert n_patches(3688, 15, 10) == 735
    assert torch.nonzero(coverage(735, 15, 10, 3688) == 0).flatten().tolist() == [3685, 3686, 3687]


@pytest.mark.parametrize(("patch", "overlap"), [(15, 10), (15, 0), (7, 3), (40, 39)])
def test_unpatchify_undoes_patchify_wherever_a_patch_stands(patch, overlap):
    flux = torch.randn(2, 200, generator=torch.Generator().manual_seed(1))
    patches = patchify(flux, patch, overlap)
    assert patches.shape == (2, n_patches(200, patch, overlap), patch)
    back = unpatchify(patches, 200, overlap)
    covered = coverage(patches.shape[1], patch, overlap, 200) > 0
    assert torch.allclose(back[:, covered], flux[:, covered], atol=1e-6)
    assert back[:, ~covered].isnan().all()


@pytest.mark.parametrize(("patch", "overlap"), [(0, 0), (5, 5), (5, -1), (300, 0)])
def test_patches_that_do_not_fit_are_refused(patch, overlap):
    with pytest.raises(ConfigError, match="no patch fits"):
        n_patches(200, patch, overlap)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_each_spectrum_has_the_same_number_of_hidden_patches(name, share):
    mask = MASKS[name](50, 735, share, torch.Generator().manual_seed(1))
    assert set(mask.sum(dim=1).tolist()) == {round(share * 735)}
    assert mask.float().mean(dim=0).std() < 0.2  # every patch has its turn


def hidden_share(name):
    """Return the share of a hidden patch's pixels that stand in no visible patch."""
    mask = MASKS[name](400, 735, 0.25, torch.Generator().manual_seed(1))
    visible = torch.repeat_interleave((~mask).float()[:, :, None], 15, dim=2)
    seen = torch.nan_to_num(unpatchify(visible, 3688, 10)) > 0
    truly_hidden = patchify(~seen, 15, 10)[mask]
    return truly_hidden.float().mean().item()


def test_random_masks_hide_6_percent_of_a_patch():
    """A pixel stands in 3 patches: the other two must be hidden as well, 1/4 * 1/4."""
    assert hidden_share("random") == pytest.approx(1 / 16, abs=0.004)


def test_contiguous_masks_really_hide():
    assert hidden_share("chunk") > 0.97


def test_the_loss_is_a_mean_over_pixels_and_with_weights_a_weighted_one():
    rng = torch.Generator().manual_seed(1)
    predicted, patches, weight = (torch.rand(2, 6, 4, generator=rng) for _ in range(3))
    errors = (predicted - patches) ** 2
    assert mean_of(*LOSSES["mse"](predicted, patches, weight)) == pytest.approx(errors.mean().item())
    expected = np.average(errors.numpy(), weights=weight.numpy())
    assert mean_of(*LOSSES["chi2"](predicted, patches, weight)) == pytest.approx(expected)
