"""Run a command that dies with its parent: `guard.py PARENT_PID COMMAND…`. It imports nothing of ours.

A worker that is killed with SIGKILL cannot stop the compiler that it started; the kernel can.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("The parent is gone.")
try:
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - in the place of this process
except OSError as error:
    sys.exit(f"{sys.argv[2]} cannot be started: {error.strerror}.")
