"""A normalising flow on the latents of an autoencoder: spectra of low probability are outliers.

After Liang et al. (2023, ApJL 956, L6), with the masked autoregressive flow that comes with spender.
"""

import warnings

import numpy as np
import torch

from galspec_core.baselines.spender import load_spender

FAMILY = "score"
HELD_OUT = 0.1  # share of the latents that say when to stop


def fit(entry, spectra, seed):
    """Return latents -> minus log probability [n].

    ``entry`` has hidden (units), transforms, lr, batch and epochs (at most); training stops when the held-out tenth has not
    become more probable for a tenth of them.
    """
    x = np.asarray(spectra, dtype="f8")
    mean, sd = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-8)
    torch.manual_seed(seed)
    initial = {"bounds": [[0.0, 0.0]] * x.shape[1], "std": [1.0] * x.shape[1]}  # latents are scaled below
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a name within the flow's own library
        flow = load_spender().NeuralDensityEstimator(
            dim=x.shape[1], initial_pos=initial, hidden_features=entry["hidden"], num_transforms=entry["transforms"]
        )
    scaled = torch.as_tensor((x - mean) / sd, dtype=torch.float32)
    _train(flow, scaled, entry, np.random.default_rng(seed))

    @torch.no_grad()
    def score(queries):
        return -flow.log_prob(torch.as_tensor((np.asarray(queries) - mean) / sd, dtype=torch.float32)).numpy()

    return score


def _train(flow, x, entry, rng):
    """Train the flow in place and leave it with the weights that the held-out latents like best."""
    order = rng.permutation(len(x))
    n_held = max(int(HELD_OUT * len(x)), 1)
    held, rows = x[order[:n_held]], order[n_held:]
    optimiser = torch.optim.AdamW(flow.parameters(), lr=entry["lr"])
    best, weights, stale = np.inf, flow.state_dict(), 0
    for _ in range(entry["epochs"]):
        for part in np.array_split(rng.permutation(rows), max(len(rows) // entry["batch"], 1)):
            loss = -flow.log_prob(x[part]).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
            optimiser.step()
        with torch.no_grad():
            now = float(-flow.log_prob(held).mean())
        stale = 0 if now < best else stale + 1
        if now < best:
            best, weights = now, {name: value.clone() for name, value in flow.state_dict().items()}
        if stale > max(entry["epochs"] // 10, 3):
            break
    flow.load_state_dict(weights)
    flow.eval()
