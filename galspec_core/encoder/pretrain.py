"""Training of a network: self-supervised pre-training (paper, sections 2.1.2 and 3.3), or whatever its loss asks for."""

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from galspec_core.encoder.checkpoint import fingerprint, forget, hold, load_checkpoint, save_checkpoint
from galspec_core.encoder.data import Batches, load_spectra
from galspec_core.encoder.device import compile_network, set_up, training_precision
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.network import count_parameters
from galspec_core.encoder.team import ALONE
from galspec_core.encoder.utilisation import describe_utilisation, step_flops
from galspec_core.encoder.weights import save_weights
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.files import write_csv
from galspec_core.log import Progress, logger

HISTORY = ["step", "epoch", "train_loss", "validation_loss", "lr", "spectra_per_s"]
MOST_VALIDATION = 4096  # spectra that a validation looks at
LOOK = {"cuda": 20, "cpu": 1}  # steps between looks at the loss: a look waits for the GPU


@dataclass(frozen=True)
class TrainingConfig:
    """The ``training`` keys of an encoder: optimiser, schedule, and when to look, save and stop."""

    seed: int
    batch: int
    steps: int
    warmup: int
    lr: float
    betas: tuple = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0
    validate_every: int = 1000
    checkpoint_every: int = 1000
    patience: int = 20
    max_minutes: float | None = None

    def lr_at(self, step):
        """Return the learning rate of a step: a linear rise, then half a cosine down to 0 at ``steps``."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


@dataclass
class Course:
    """How far a training is: everything but model and optimiser that a checkpoint must hold."""

    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    best: float = math.inf
    stale: int = 0
    losses: list = field(default_factory=list)
    history: list = field(default_factory=list)


class Trainer:
    """A model in training: the state that a checkpoint saves and brings back."""

    def __init__(self, entry, grid, run, batches, validation, folder, build=build_transformer, team=ALONE):
        self.folder, self.team = folder, team
        self.training = _training_config(entry["training"])
        self.device = set_up(run)
        self.precision = training_precision(run.get("precision", "auto"), self.device)
        torch.manual_seed(self.training.seed)
        self.model = compile_network(build(entry, grid).to(self.device), run.get("compile", "auto"), self.device)
        groups = self.model.groups(self.training.weight_decay)
        self.optimiser = torch.optim.AdamW(
            groups, lr=self.training.lr, betas=tuple(self.training.betas), fused=self.device.type == "cuda"
        )
        self.batches, self.validation, self.course, self.unseen = batches, validation, Course(), []
        self.mark = fingerprint(entry, grid, batches.spectra, validation.specobjid.tolist())

    def resume(self):
        """Go on from the last checkpoint of this training, if there is one."""
        state = self.team.share(load_checkpoint(self.folder, self.mark) if self.team.leads else None)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.course = Course(**state["course"])
        logger.info("resumed at step %d", self.course.step)

    def save(self):
        """Write a checkpoint."""
        self._look()
        state = dict(
            mark=self.mark,
            model=self.model.state_dict(),
            optimiser=self.optimiser.state_dict(),
            course=vars(self.course),
        )
        self._keep(state, "last")

    def _keep(self, state, name):
        if self.team.leads:
            save_checkpoint(self.folder, state, name)

    def run(self, name):
        """Train until all steps are done, no more is gained, or the time is up."""
        course, training = self.course, self.training
        progress = Progress(f"encoder: train {name}", training.steps, "steps", done=course.step)
        logger.info(
            "%d parameters, %d spectra, %d steps an epoch",
            count_parameters(self.model),
            self.batches.n,
            self.batches.steps,
        )
        batch = None
        while not self._finished():
            epoch, skip = divmod(course.step, self.batches.steps)
            for batch in self._awaited(self.batches.epoch(epoch, skip)):
                start = time.monotonic()
                self._step(batch)
                course.step += 1
                if len(self.unseen) == LOOK[self.device.type]:
                    self._look()
                course.seconds += time.monotonic() - start
                if course.step % training.validate_every == 0 or course.step == training.steps:
                    self._validate()
                if course.step % training.checkpoint_every == 0:
                    self.save()
                if self.team.leads:
                    known = f"loss {course.losses[-1]:.4g}" if course.losses else f"validation {course.best:.4g}"
                    progress.add(note=known)
                if self._finished():
                    break
        self._look()
        if course.losses:  # stopped between two validations
            self._validate()
        if self.team.leads and batch is not None:
            flops, done = step_flops(self.model, batch), course.step * training.batch / self.team.size
            time_spent = max(course.seconds, 1e-9), course.waited
            logger.info(describe_utilisation(flops, done, *time_spent, self.device, self.precision))

    def _awaited(self, batches):
        """Yield batches; how long each was waited for is noted."""
        while True:
            start = time.monotonic()
            batch = next(batches, None)
            self.course.waited += time.monotonic() - start
            if batch is None:
                return
            yield batch

    def _finished(self):
        course, training = self.course, self.training
        late = training.max_minutes is not None and self.team.share(course.seconds > 60 * training.max_minutes)
        if late and course.step < training.steps:
            said = "stopped at step %d of %d by max_minutes: another run, on a busier machine, may get less far"
            logger.warning(said, course.step, training.steps)
        return course.step >= training.steps or course.stale >= training.patience or late

    def _step(self, batch):
        """Take one step; its loss is looked at later (``_look``), so that a GPU need not be waited for."""
        lr = self.training.lr_at(self.course.step)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        loss, value = self._loss(batch, self.course.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.team.add_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self.optimiser.step()
        self.unseen.append((value, self.course.step, lr, batch))

    def _look(self):
        """Note the losses of the steps since the last look; raise TrainingError at the first that is not finite."""
        unseen, self.unseen = self.unseen, []
        values = torch.stack([value for value, *_ in unseen]).tolist() if unseen else []
        for value, (_, step, lr, batch) in zip(values, unseen, strict=True):
            if not math.isfinite(value):
                self._complain(value, f"step {step}, learning rate {lr:.3g}", batch)
            self.course.losses.append(value)

    def _loss(self, batch, number):
        """Return ``Team.loss`` of a batch; what is random in it follows from the training's seed and ``number``."""
        generator = torch.Generator().manual_seed(self.training.seed * 1_000_003 + number)
        with self.precision:
            return self.team.loss(self.model, batch, generator)

    def _complain(self, value, where, batch):
        bad = [str(i) for i in batch.specobjid[~np.isfinite(batch.flux).all(axis=1)]]
        cause = f"flux is not finite in {', '.join(bad[:5])}" if bad else "the training diverged"
        remedy = (
            "Grid these spectra again"
            if bad
            else "Lower training.lr or training.clip, or set encoder.precision to float32"
        )
        raise TrainingError(f"the loss is {value} at {where}: {cause}", remedy=remedy)

    def _validate(self):
        """Note the losses; keep the weights if the validation loss is the best so far."""
        course, batch = self.course, self.training.batch
        start = time.monotonic()
        self._look()
        checks = len(self.validation) > 0
        loss = self.validation_loss() if checks else math.nan
        if checks and not math.isfinite(loss):
            self._complain(loss, f"step {course.step}, validation", self.validation)
        rate = course.step * batch / max(course.seconds, 1e-9)
        row = [
            course.step,
            course.step // self.batches.steps,
            float(np.mean(course.losses)),
            loss,
            self.training.lr_at(course.step - 1),
            rate,
        ]
        course.history.append(row)
        course.losses = []
        judged = loss if checks else row[2]
        course.stale = 0 if judged < course.best else course.stale + 1
        if judged < course.best:
            course.best = judged
            self._keep(self.model.state_dict(), "best")
        course.seconds += time.monotonic() - start

    @torch.no_grad()
    def validation_loss(self):
        """Return the mean loss over the validation spectra, under masks and noise that never change."""
        size, n = self.training.batch, len(self.validation)
        self.model.eval()
        parts = [self.validation[i : i + size] for i in range(0, n, size)]
        losses = [self._loss(part, -1 - i)[1].item() * len(part) for i, part in enumerate(parts)]
        self.model.train()
        return sum(losses) / n


def _training_config(section):
    known = set(TrainingConfig.__dataclass_fields__)
    unknown = sorted(set(section) - known)
    if unknown:
        raise ConfigError(
            "unknown keys", item="encoders: training", expected=f"some of {', '.join(sorted(known))}", got=unknown
        )
    return TrainingConfig(**section)


def pretrain(
    entry,
    run,
    grid,
    shards,
    train_ids,
    validation_ids,
    folder,
    weights,
    history,
    name="encoder",
    build=build_transformer,
    team=ALONE,
):
    """Train a network, a GalSpecEncoder unless ``build`` says otherwise, and write its best weights and its history.

    Parameters
    ----------
    entry, run, grid : dict
        An entry of ``encoders``, the section ``encoder``, the entry of ``spectra.grids``.
    shards : list of paths
        Gridded shards.
    train_ids, validation_ids : uint64 arrays
        Spectra to learn from, and to judge by.
    folder : path
        Where checkpoints stand while training; a killed training goes on from there to the same curve.
    weights, history : paths
        Written when the training is over.
    build : function
        (entry, grid) -> Network.
    team : Team
        The processes that train it together, each of which calls this; one of several needs ``sums`` of the network.

    Raises
    ------
    TrainingError
        Another trainer holds ``folder``, there are too few spectra, or the loss is not finite.
    """
    with hold(folder) if team.leads else nullcontext():
        training = _training_config(entry["training"])
        batches = Batches(shards, train_ids, training.batch, training.seed)
        validation = load_spectra(shards, validation_ids, MOST_VALIDATION, training.seed)
        trainer = Trainer(entry, grid, run, batches, validation, folder, build, team)
        trainer.resume()
        trainer.run(name)
        if team.leads:
            best = torch.load(folder / "best.pt", weights_only=True, map_location="cpu")
            save_weights(weights, best, entry, grid)
            write_csv(pd.DataFrame(trainer.course.history, columns=HISTORY), history)
            forget(folder)  # while it is still held: the next trainer's must not go with it
