"""How long one picture takes on this machine's CPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sweep.onnx_session import exact_options

RUNS = 200
WARMUP = 5
FEWEST = 10  # a median of fewer says little
BUDGET_S = 1.0
LOG_ERRORS_ONLY = 3  # onnxruntime's log_severity_level


@dataclass(frozen=True)
class Latency:
    """Time of repeated runs on one picture.

    Attributes:
        median_ms: median of the runs in milliseconds.
        spread_ms: interquartile range of the runs in milliseconds.
        runs: how many there were.
        threads: threads that they ran on.
    """

    median_ms: float
    spread_ms: float
    runs: int
    threads: int = 1


def host_latency(onnx: Path, *, runs: int = RUNS, warmup: int = WARMUP) -> Latency:
    """Time single-picture runs in onnxruntime's CPU execution provider on one thread.

    It stops after `runs` runs, or after about a second where that comes first, but not before 10 runs. The input is
    noise: the time of a convolution does not depend on its values.

    Args:
        onnx: A model with one input of a fixed shape, float32.
        runs: The most runs to time.
        warmup: Runs before that, not timed.
    """
    import numpy as np
    import onnxruntime

    options = exact_options()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = LOG_ERRORS_ONLY
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    feed = {source.name: np.random.default_rng(0).random(source.shape, dtype=np.float32)}
    for _ in range(warmup):
        session.run(None, feed)
    seconds: list[float] = []
    stop = time.perf_counter() + BUDGET_S
    while len(seconds) < runs and (len(seconds) < FEWEST or time.perf_counter() < stop):
        start = time.perf_counter()
        session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    lower, median, upper = np.percentile(seconds, [25, 50, 75]) * 1e3
    return Latency(median_ms=float(median), spread_ms=float(upper - lower), runs=len(seconds))
