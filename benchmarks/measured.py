"""Run a command and print its exit status, seconds on the processor, and highest memory (kB on Linux).

python benchmarks/measured.py COMMAND ...

A new process counts the memory of the one that started it as its own: this one is small.
"""

import os
import subprocess
import sys

child = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, used = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
