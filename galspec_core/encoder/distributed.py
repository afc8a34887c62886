"""One process of a training in several: ``torchrun -m galspec_core.encoder.distributed task.json``, as launch.py starts it."""

import json
import logging
import os
import sys
import traceback
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from galspec_core.encoder.device import pick_device
from galspec_core.encoder.launch import MARK
from galspec_core.encoder.pretrain import pretrain
from galspec_core.encoder.team import Team
from galspec_core.errors import ConfigError, GalspecError
from galspec_core.log import logger

BACKEND = {"cuda": "nccl", "cpu": "gloo"}


class Relay(logging.Handler):
    """A log that the job which started this process writes down."""

    def emit(self, record):
        say(level=record.levelno, message=self.format(record))


def say(**facts):
    """Say something to the job that started this process: one line, in one piece."""
    sys.stdout.write(MARK + json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


def join(run):
    """Meet the other processes that torchrun started and return the ``Team``; on GPUs, take this process's own.

    Raises
    ------
    ConfigError
        The node has fewer GPUs than processes.
    """
    rank, size, local = (int(os.environ[key]) for key in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    device = pick_device(run.get("device", "auto"))
    if device.type == "cuda":
        if local >= torch.cuda.device_count():
            raise ConfigError(
                "a node has fewer GPUs than processes",
                item="encoder.gpus",
                expected=f"at most {torch.cuda.device_count()}",
                got=os.environ["LOCAL_WORLD_SIZE"],
                remedy="Set it to the number of GPUs of one node",
            )
        torch.cuda.set_device(local)
    dist.init_process_group(BACKEND[device.type])
    return Team(rank, size)


def train(task):
    """Take part in the training of a task, the arguments of ``pretrain`` as JSON holds them."""
    ids = {key: np.array(task[key], dtype="u8") for key in ("train_ids", "validation_ids")}
    task |= ids | {"folder": Path(task["folder"])}
    pretrain(**task, team=join(task["run"]))
    dist.destroy_process_group()


def main(path):
    """Train, and say what went wrong, if anything, to the job that started this process."""
    logger.addHandler(Relay())
    logger.setLevel(logging.INFO if os.environ["RANK"] == "0" else logging.ERROR)
    try:
        train(json.loads(Path(path).read_text()))
    except GalspecError as error:
        facts = {key: getattr(error, key) for key in ("what", "item", "expected", "got", "remedy")}
        say(error=type(error).__name__, **facts)
        sys.exit(1)
    except Exception:
        logger.error("process %s: %s", os.environ["RANK"], traceback.format_exc())
        raise


if __name__ == "__main__":
    main(sys.argv[1])
