"""What the encoder learns from: hidden patches and how far off their reconstruction is."""

import torch

CHUNKS = 6  # contiguous runs hidden at once (our choice, after Parker et al. 2024)


def n_hidden(n, share):
    """Return the number of patches H that a mask hides of ``n``."""
    return max(1, round(share * n))


def mask_random(batch, n, share, generator):
    """Hide H = round(share * N) patches of each spectrum, drawn at random (paper, section 2.1.2): bool[B, N]."""
    scores = torch.rand(batch, n, generator=generator)
    return _first(scores.argsort(dim=1), n, share)


def mask_chunk(batch, n, share, generator):
    """Hide one contiguous run of round(share * N) patches of each spectrum, around the end if need be: bool[B, N]."""
    start = torch.randint(n, (batch, 1), generator=generator)
    return _first((torch.arange(n) + start) % n, n, share)


def mask_chunks(batch, n, share, generator):
    """Hide round(share * N) patches in CHUNKS contiguous runs that do not overlap, wherever they fall: bool[B, N]."""
    hidden = n_hidden(n, share)
    sizes = torch.tensor([hidden // CHUNKS + (chunk < hidden % CHUNKS) for chunk in range(CHUNKS)])
    before = torch.cumsum(sizes, 0) - sizes  # hidden patches in the runs before each
    gaps = torch.randint(n - hidden + 1, (batch, CHUNKS), generator=generator).sort(dim=1).values
    turn = torch.randint(n, (batch, 1), generator=generator)
    starts = (gaps + before).repeat_interleave(sizes, dim=1)
    rows = (starts + torch.arange(hidden) - before.repeat_interleave(sizes) + turn) % n
    return torch.zeros(batch, n, dtype=torch.bool).scatter_(1, rows, True)


def _first(order, n, share):
    """Return True at the first round(share * N) patches of ``order``[B, N]."""
    hidden = n_hidden(n, share)
    mask = torch.zeros(order.shape, dtype=torch.bool)
    return mask.scatter_(1, order[:, :hidden], True)


def sums_mse(predicted, patches, weight):
    """Return the sum of squared errors over the pixels of hidden patches (paper, section 3.3), and their number."""
    errors = (predicted - patches) ** 2
    return errors.sum(), errors.new_tensor(errors.numel())


def sums_chi2(predicted, patches, weight):
    """Return the weighted sum of the same, and of ``weight``, which is 0 at bad pixels; all three are [B, H, P]."""
    return (weight * (predicted - patches) ** 2).sum(), weight.sum()


def mean_of(total, count):
    """Return the loss from a sum over pixels and its count, both of which add up over any parts of a batch."""
    return total / count.clamp_min(1e-12)  # no pixel, no error


MASKS = {"random": mask_random, "chunk": mask_chunk, "chunks": mask_chunks}
LOSSES = {"mse": sums_mse, "chi2": sums_chi2}
