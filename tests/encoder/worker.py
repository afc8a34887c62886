"""A process of a training that kills itself midway: ``FATAL`` is the step at which the process of rank 1 does."""

import os
import signal
import sys

from galspec_core.encoder import distributed
from galspec_core.encoder.pretrain import Trainer

step = Trainer._step


def fatal(self, batch):
    """Take a step, unless it is the last thing this process should do."""
    if self.team.rank == 1 and self.course.step == int(os.environ["FATAL"]):
        os.kill(os.getpid(), signal.SIGKILL)
    step(self, batch)


if __name__ == "__main__":
    Trainer._step = fatal
    distributed.main(sys.argv[1])
