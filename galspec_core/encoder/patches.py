"""Spectra as sequences of overlapping patches (paper, section 2.1.1)."""

import torch

from galspec_core.errors import ConfigError


def n_patches(pixels, patch, overlap):
    """Return the number of whole patches N = floor((L - P) / (P - O)) + 1; raise ConfigError if there is none."""
    if not 0 <= overlap < patch <= pixels:
        got = f"patch {patch}, overlap {overlap}, {pixels} pixels"
        raise ConfigError(
            "no patch fits", item="encoders: patch, overlap", expected="0 <= overlap < patch <= pixels", got=got
        )
    return (pixels - patch) // (patch - overlap) + 1


def patchify(flux, patch, overlap):
    """Return the patches of flux[B, L] as a view [B, N, P]; pixels behind the last whole patch are in none."""
    return flux.unfold(-1, patch, patch - overlap)


def unpatchify(patches, pixels, overlap):
    """Return flux[B, L] from patches[B, N, P]: the mean of all patches over a pixel, NaN where there is none."""
    count = coverage(patches.shape[1], patches.shape[2], overlap, pixels, patches.device)
    return _add_up(patches, pixels, overlap) / torch.where(count > 0, count, torch.nan)


def coverage(n, patch, overlap, pixels, device=None):
    """Return how many patches stand over each pixel: [L]."""
    return _add_up(torch.ones(1, n, patch, device=device), pixels, overlap)[0]


def _add_up(patches, pixels, overlap):
    batch, n, patch = patches.shape
    step = patch - overlap
    columns = patches.transpose(1, 2)  # [B, P, N], as fold wants them
    end = (n - 1) * step + patch
    total = torch.nn.functional.fold(columns, (1, end), (1, patch), stride=(1, step))  # [B, 1, 1, end]
    return torch.nn.functional.pad(total.reshape(batch, end), (0, pixels - end))
