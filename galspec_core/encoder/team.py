"""The processes that train one network together: each takes its rows of a batch, sums make them one."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from galspec_core.encoder.objective import mean_of


@dataclass(frozen=True)
class Team:
    """Which process this is (``rank``) of how many (``size``); alone by default.

    With several, torch.distributed must have been set up. Weights are the same in all of them, from the seed on: every
    process adds up the same gradients and takes the same step.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self):
        """Whether this process writes checkpoints, results and the log."""
        return self.rank == 0

    def rows(self, n):
        """Return this process's rows of a batch of ``n`` spectra."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def loss(self, model, batch, generator):
        """Return this process's part of the loss, to differentiate, and the loss of the whole batch: two scalar tensors.

        The parts add up to the whole, which is one sum over all rows divided by one count: what a single process finds,
        but for rounding, also where the processes' counts differ.
        """
        if self.size == 1:
            loss = model.loss(batch, generator)
            return loss, loss.detach()
        rows = self.rows(len(batch))
        nothing = torch.zeros(2, device=model.device)  # of a batch with fewer rows than processes
        total, count = model.sums(batch, generator, rows) if rows.stop > rows.start else nothing
        whole = torch.stack([total.detach(), count]).double()
        dist.all_reduce(whole)
        return mean_of(total, whole[1]), mean_of(*whole)

    def add_gradients(self, model):
        """Replace each gradient by its sum over the processes."""
        if self.size > 1:
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            whole = parameters_to_vector(gradients)
            dist.all_reduce(whole)
            vector_to_parameters(whole, gradients)

    def share(self, value):
        """Return what the leading process has as ``value``."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]


ALONE = Team()
