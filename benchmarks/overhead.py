"""Cost of tracking a cell against bare `YOLO(model.yaml).train(...)`, in one process.

    python benchmarks/overhead.py [--epochs 5] [--pairs 3]

Plain: Ultralytics alone, which evaluates best.pt once at its end. Tracked: the same training as a cell of npu-sweep,
with all that it writes (MLflow run, parameters, tags, data set, a batch of metrics and a progress line an epoch,
summary, artifacts) and its own evaluation of best.pt in the place of Ultralytics'. Both in turn after one warm-up each,
level 4 with ReLU on the built-in data. Measuring the model (operations, ONNX nodes, placement under the profiles, the
INT8 file with its accuracy, latencies on the host: what every cell does unless npu=none) does not track it: its time is
stated apart. `--epochs 15` is a whole quick cell.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

JOB = {"sweep_id": "bench", "index": 0, "attempt": 0}


@dataclass
class Clock:
    """Wall and processor seconds, added up over blocks."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu


def prepare(home: Path, epochs: int) -> Any:
    """The cell to train: a `sweep.work.Work` with a sweep's run above it."""
    from sweep.arguments import prepare as as_overrides
    from sweep.compose import CONFIG_NAME, hydra_app
    from sweep.identity import identify
    from sweep.plan import make_plan
    from sweep.progress import ProgressWriter, progress_file
    from sweep.tracking import names
    from sweep.tracking.spool.run import SpooledRun
    from sweep.tracking.store import open_store
    from sweep.training.environment import prepare_ultralytics
    from sweep.work import Work

    prepare_ultralytics(home)
    overrides = as_overrides(["level=4", "act=relu", f"recipe.epochs={epochs}", f"home={home}", "device=cpu"])
    hydra = hydra_app()
    params = hydra.compose_config(CONFIG_NAME, overrides, run_mode=_run_mode()).hydra.sweeper.params
    planned = (plan := make_plan(hydra.config_loader, dict(params), overrides)).cells[0]
    store = open_store(home, plan.settings.experiment)
    kind = {names.KIND: names.KIND_SWEEP, names.SWEEP_ID: JOB["sweep_id"]}
    SpooledRun.begin(store, home / "sweeps" / JOB["sweep_id"], name="bench", tags=kind)
    return Work(
        job=JOB | {"name": planned.cell.name, "key": planned.cell.key},
        settings=plan.settings,
        cell=planned.config,
        data=planned.data,
        identity=identify(planned.config, planned.data, "cpu"),
        device="cpu",
        store=store,
        progress=ProgressWriter(progress_file(home, "bench", 0)),
        targets=plan.targets,
    )


def _run_mode() -> Any:
    from hydra.types import RunMode

    return RunMode.MULTIRUN


def plain(work: Any, folder: Path) -> Clock:
    """Ultralytics alone."""
    import yaml
    from ultralytics import YOLO

    from sweep.data.ultralytics_yaml import write_view

    view = write_view(work.data, work.settings.home)
    model = folder / "model.yaml"
    folder.mkdir(parents=True)
    model.write_text(yaml.safe_dump(dict(work.identity.model.yaml), sort_keys=False))
    clock = Clock()
    with clock.running():
        YOLO(str(model)).train(
            **work.identity.recipe,
            data=str(view),
            seed=work.cell.seed,
            device="cpu",
            project=str(folder.parent),
            name=folder.name,
            exist_ok=True,
            plots=False,
            pretrained=False,
        )
    return clock


@dataclass
class Tracked:
    """A cell's time as a whole, of it that in tracking, and what measuring the model takes after it."""

    whole: Clock
    tracking: Clock
    measuring: Clock


def tracked(work: Any, folder: Path) -> Tracked:
    """The same training as a cell, in the order of sweep.cell."""
    from sweep.architecture.size import measure_size
    from sweep.data.ultralytics_yaml import write_view
    from sweep.evaluation import evaluate_best
    from sweep.measuring import measure_and_log, wanted_names
    from sweep.npu.graph import count_nodes
    from sweep.record import artifacts, start_run, summary
    from sweep.tracking import names
    from sweep.training.train import train

    whole, tracking, measuring = Clock(), Clock(), Clock()
    recipe = work.identity.recipe
    view = write_view(work.data, work.settings.home)
    folder.mkdir(parents=True)

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        with tracking.running():
            run.log_epoch(epoch, metrics)
            work.progress.write("epoch", epoch=epoch, metrics=metrics)

    with whole.running():
        with tracking.running():
            run = start_run(work)
            work.progress.write("started", run_id=run.id, epochs=recipe["epochs"])
        trained = train(
            work.identity.model.yaml,
            recipe,
            view=view,
            seed=work.cell.seed,
            device="cpu",
            folder=folder,
            weights=None,
            on_epoch=on_epoch,
        )
        evaluated = evaluate_best(trained.best, work.data, view, recipe, "cpu", folder)
        metrics = evaluated.metrics | summary(trained)
        with tracking.running():
            run.log_summary(metrics)
            run.set_tags({names.ONNX_OPSET: "18"})
            (folder / "train.log").touch()
            run.log_files(artifacts(work, trained, folder) | evaluated.files)
            run.log_model(trained.best, imgsz=recipe["imgsz"], classes=work.data.names)
            run.finish("FINISHED")
            work.progress.write("finished", run_id=run.id, metrics={"mAP50": metrics["best/mAP50"]})
    with measuring.running():
        measure_size(trained.model, 640)
        graph = count_nodes(trained.best, recipe["imgsz"], folder / "export")
        wanted = wanted_names(work.targets)
        measure_and_log(run, trained.best, graph.path, folder / "export", work.measuring(wanted))
    return Tracked(whole, tracking, measuring)


def report(plains: list[Clock], cells: list[Tracked]) -> None:
    """Print the medians, by the wall clock and by processor time."""
    for name in ("wall", "cpu"):
        alone = statistics.median(getattr(clock, name) for clock in plains)
        whole, tracking, measuring = (
            statistics.median(getattr(getattr(cell, part), name) for cell in cells)
            for part in ("whole", "tracking", "measuring")
        )
        print(
            f"{name:4}: plain {alone:.2f} s, tracked {whole:.2f} s: {100 * (whole / alone - 1):+.1f} %;"
            f" tracking calls alone {tracking:.3f} s = {100 * tracking / alone:.1f} %;"
            f" measuring the model {measuring:.2f} s = {100 * measuring / alone:.1f} %"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{options.epochs} epochs, {options.pairs} pairs after a warm-up; load before: {load}", flush=True)
    plains, cells = [], []
    with tempfile.TemporaryDirectory(prefix="npu-sweep-bench-") as scratch:
        folder = Path(scratch)
        from sweep.training.output import output_to

        with output_to(folder / "output.log"):
            work = prepare(folder / "home", options.epochs)
            short = replace(work, identity=replace(work.identity, recipe={**work.identity.recipe, "epochs": 1}))
            plain(short, folder / "warm-up-plain")
            tracked(short, folder / "warm-up-tracked")
            for pair in range(options.pairs):
                plains.append(plain(work, folder / f"plain{pair}"))
                cells.append(tracked(work, folder / f"tracked{pair}"))
        report(plains, cells)


if __name__ == "__main__":
    main()
