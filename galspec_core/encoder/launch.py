"""Train where the configuration says: in this process, or in several that torchrun starts, on one node or more.

The processes say what they have to say on their output, one line of JSON a message: so it comes through torchrun and srun,
from any node, into this job's log.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

import galspec_core
from galspec_core import errors
from galspec_core.encoder.pretrain import pretrain
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.log import logger

MARK = "\x1egalspec "  # begins the lines meant for this job; all others are passed on to its terminal
WORKER = "galspec_core.encoder.distributed"
KEPT = 200  # last lines of other output, among which torchrun says which process failed
FAILED = re.compile(r"^\s*rank\s*: (\d+).*\n\s*exitcode\s*: (-?\d+)", re.M)  # in torchrun's summary


def launch(entry, run, grid, shards, train_ids, validation_ids, folder, weights, history, name="encoder"):
    """Pre-train in ``gpus`` processes on each of ``nodes`` nodes, of the section ``encoder``; arguments are pretrain's.

    Raises
    ------
    ConfigError
        The batch does not divide by the processes, or there are no nodes to start them on.
    TrainingError
        As in ``pretrain``; or a process was killed.
    """
    batch, size = entry["training"]["batch"], run.get("gpus", 1) * run.get("nodes", 1)
    if size == 1:
        return pretrain(entry, run, grid, shards, train_ids, validation_ids, folder, weights, history, name)
    if batch % size:
        raise ConfigError(
            "the batch does not divide by the processes",
            item=f"encoders.{name}.training.batch",
            expected=f"a multiple of encoder.gpus x encoder.nodes = {size}",
            got=batch,
            remedy="Change one of the three; another batch is another training",
        )
    task = dict(entry=entry, run=run, grid=grid, name=name, shards=list(map(str, shards)))
    task |= dict(train_ids=train_ids.tolist(), validation_ids=validation_ids.tolist())
    task |= dict(folder=str(folder), weights=str(weights), history=str(history))
    Path(folder).mkdir(parents=True, exist_ok=True)  # on a file system that all nodes see
    with tempfile.TemporaryDirectory(prefix="task", dir=folder, ignore_cleanup_errors=True) as place:
        path = Path(place) / "task.json"
        path.write_text(json.dumps(task))
        follow(command(run, path), name, run)


def command(run, task):
    """Return the command line that starts all processes: torchrun, under srun where there are several nodes."""
    gpus, nodes = run.get("gpus", 1), run.get("nodes", 1)
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}", f"--nproc-per-node={gpus}"]
    if nodes == 1:
        return [*torchrun, "--standalone", "-m", WORKER, str(task)]
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        raise ConfigError(
            "several nodes are SLURM's to give",
            item="encoder.nodes",
            expected="a SLURM job",
            got=nodes,
            remedy="Set it to 1, or run with --workflow-profile profiles/slurm",
        )
    meet = [f"--rdzv-id={job}", "--rdzv-backend=c10d", f"--rdzv-endpoint={socket.gethostname()}:{free_port()}"]
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    srun += ["--cpu-bind=none", f"--cpus-per-task={gpus * run.get('torch_threads', 2)}"]
    srun += [] if run.get("device") == "cpu" else [f"--gpus-per-node={gpus}"]
    return [*srun, *torchrun, *meet, "-m", WORKER, str(task)]


def free_port():
    """Return a port that nobody listens on here, the first of the nodes."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]


def follow(words, name, run):
    """Run a command to its end: its messages go to the log, its first error is raised, the rest is passed on."""
    failed, rest = [], deque(maxlen=KEPT)
    package = str(Path(galspec_core.__file__).parents[1])  # all processes run the same code as this one
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    environment = {"OMP_NUM_THREADS": str(run.get("torch_threads", 2)), **os.environ, "PYTHONPATH": path}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    with subprocess.Popen(words, env=environment, **pipes) as process:
        for line in process.stdout:
            if not line.startswith(MARK):
                rest.append(line)
                print(line, end="", file=sys.stderr, flush=True)
                continue
            said = json.loads(line.removeprefix(MARK))
            if "error" in said:
                failed.append(getattr(errors, said.pop("error"))(**said))
            else:
                logger.log(said["level"], "%s", said["message"])
    if process.returncode:
        raise failed[0] if failed else _ended(name, "".join(rest), process.returncode)


def _ended(name, output, status):
    """Return the error of a training of which a process ended without saying why."""
    ends = [f"process {rank}: {_end(int(code))}" for rank, code in dict(FAILED.findall(output)).items()]
    return TrainingError(
        "a process of the training was killed or failed",
        item=name,
        got=", ".join(ends) or _end(status),
        remedy="The log has what it said; run the same command again to go on from the last checkpoint",
    )


def _end(status):
    """Return what an exit status means: the name of a signal where it is negative."""
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
