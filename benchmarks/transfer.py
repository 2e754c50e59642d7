"""How many epochs a level saves when it starts from a stock checkpoint of other data, by our transfer and by names.

    python benchmarks/transfer.py CHECKPOINT [--data data.yaml] [--level 3] [--act relu] [--seeds 0,1,2] [--epochs 15]
        [--imgsz 96] [--set NAME=VALUE ...] [--out transfer] [--title TEXT]

Trains the same level with the same recipe and seeds three times: from scratch, from the checkpoint by name and shape
(Ultralytics' own `model.load`), and from the checkpoint by `sweep.architecture.transfer`. Without --data on the
built-in set. Writes OUT.csv (one row an epoch) and OUT.png, and prints after how many epochs each reaches the mAP50
that training from scratch ends with: the mean over the seeds against the mean, and seed by seed. Trainings that OUT.csv
holds already are not repeated, so that an interrupted benchmark goes on and a finished one is only drawn again.

    python benchmarks/transfer.py --shares

prints which share of each level's parameters a stock model of the same base carries, by name and shape and by layer.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONF = Path(__file__).parents[1] / "conf"
STARTS = {"scratch": "from scratch", "names": "by name and shape (Ultralytics)", "layers": "by layer (npu-sweep)"}
STYLES = {"scratch": ("#6b7280", ":"), "names": ("#d97706", "--"), "layers": ("#1d4ed8", "-")}
Curves = dict[tuple[str, int], list[float]]
"""(start, seed) -> mAP50 after each epoch."""


def option(group: str, name: str) -> dict[str, Any]:
    """Content of one file of a config group."""
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def shares(nc: int = 80) -> None:
    """Print which share of the levels' parameters is carried, in %."""
    from ultralytics.utils.torch_utils import intersect_dicts

    from sweep.architecture.build import build_model
    from sweep.architecture.resolve import resolve_model
    from sweep.architecture.transfer import transfer

    print("| base | into level | by name and shape, % | by layer, % | of it composed, % | zeroed beside it, % |")
    print("|---|---|---|---|---|---|")
    for base in ("yolo11n", "yolov8n", "yolo12n"):
        chosen = option("base", base), option("act", "silu")
        source = build_model(resolve_model(chosen[0], option("levels", "0"), chosen[1], nc).yaml)
        for level in ("0", "2", "3", "4"):
            target = build_model(resolve_model(chosen[0], option("levels", level), chosen[1], nc).yaml)
            names = {name for name, _ in target.named_parameters()}
            same = intersect_dicts(source.state_dict(), target.state_dict())
            carried = sum(value.numel() for name, value in same.items() if name in names)
            result = transfer(source, target)
            figures = (100 * carried / result.parameters, result.carried_pct, result.composed_pct, result.zeroed_pct)
            print(f"| {base} | {level} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")


def by_name(checkpoint: Path, model: Any) -> None:
    """Ultralytics' own way: tensors of the same name and shape."""
    from ultralytics.nn.tasks import load_checkpoint

    model.load(load_checkpoint(str(checkpoint))[0])


def train(
    start: str, seed: int, checkpoint: Path, view: Path, options: argparse.Namespace, folder: Path
) -> list[float]:
    """One training; its mAP50 after each epoch."""
    from sweep.architecture.resolve import resolve_model
    from sweep.training.trainer import CellTrainer

    class NameTrainer(CellTrainer):
        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            model = super().get_model(cfg, weights, verbose)
            if start == "names":
                by_name(checkpoint, model)
            return model

    nc = yaml.safe_load(view.read_text())["nc"]
    chosen = (option("base", options.base), option("levels", options.level), option("act", options.act))
    model = resolve_model(*chosen, nc)
    model_file = folder / "model.yaml"
    folder.mkdir(parents=True)
    model_file.write_text(yaml.safe_dump(model.yaml, sort_keys=False))
    recipe = {key: value for key, value in option("recipe", "quick").items() if key != "name"}
    recipe |= {"epochs": options.epochs, "imgsz": options.imgsz}
    recipe |= {key: yaml.safe_load(value) for key, value in (item.split("=", 1) for item in options.set)}
    overrides = recipe | {
        "task": "detect",
        "mode": "train",
        "model": str(model_file),
        "data": str(view),
        "seed": seed,
        "device": "cpu",
        "project": str(folder.parent),
        "name": folder.name,
        "exist_ok": True,
        "plots": False,
        "pretrained": False,
    }
    curve: list[float] = []
    NameTrainer(
        overrides,
        model_yaml=model.yaml,
        weights=checkpoint if start == "layers" else None,
        on_epoch=lambda _, metrics: curve.append(metrics["metrics/mAP50"]),
    ).train()
    return curve


def mean(curves: Curves, start: str) -> list[float]:
    """The mean over the seeds, epoch by epoch."""
    return [statistics.fmean(values) for values in zip(*(c for (s, _), c in curves.items() if s == start), strict=True)]


def reached(curve: Sequence[float], goal: float) -> int | None:
    """The first epoch, counted from 1, whose value is at least the goal."""
    return next((epoch for epoch, value in enumerate(curve, 1) if value >= goal), None)


def report(curves: Curves) -> None:
    """Print when each start reaches what training from scratch ends with."""
    seeds = sorted({seed for _, seed in curves})
    goal = mean(curves, "scratch")[-1]
    print(f"from scratch ends at mAP50 {goal:.3f} (mean of {len(seeds)} seeds)")
    print("| start | final mAP50 | best mAP50 | after 1 epoch | after 3 | epochs to the scratch final | seed by seed |")
    print("|---|---|---|---|---|---|---|")
    for start, title in STARTS.items():
        curve = mean(curves, start)
        each = [reached(curves[start, seed], curves["scratch", seed][-1]) or "never" for seed in seeds]
        figures = " | ".join(f"{value:.3f}" for value in (curve[-1], max(curve), curve[0], curve[2]))
        print(f"| {title} | {figures} | {reached(curve, goal) or 'never'} | {', '.join(map(str, each))} |")


def draw(curves: Curves, path: Path, title: str) -> None:
    """The curves as a figure: the mean, and the range of the seeds as a band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    goal = mean(curves, "scratch")[-1]
    axes.axhline(goal, color="#9ca3af", linewidth=0.8)
    for start, name in STARTS.items():
        colour, line = STYLES[start]
        curve = mean(curves, start)
        epochs = range(1, len(curve) + 1)
        each = [c for (s, _), c in curves.items() if s == start]
        low, high = ([pick(values) for values in zip(*each, strict=True)] for pick in (min, max))
        axes.fill_between(epochs, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(epochs, curve, color=colour, linestyle=line, linewidth=2, label=name)
        if (epoch := reached(curve, goal)) is not None:
            axes.plot(epoch, curve[epoch - 1], "o", color=colour, markersize=6)
    axes.set(xlabel="Epoch", ylabel="mAP50 (val)", title=title, ylim=(0, 1), xlim=(1, len(curve)))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False, title="Initial weights")
    figure.savefig(path, dpi=160)


def read(path: Path) -> Curves:
    """The curves of a CSV file."""
    curves: Curves = {}
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            curves.setdefault((row["start"], int(row["seed"])), []).append(float(row["mAP50"]))
    return curves


def run(options: argparse.Namespace, path: Path) -> None:
    """Train what the CSV does not hold yet, and write it there."""
    from sweep.data.ultralytics_yaml import write_view
    from sweep.identity import load_data
    from sweep.training.environment import prepare_ultralytics
    from sweep.training.output import output_to

    done = read(path) if path.exists() else {}
    missing = [(start, seed) for seed in map(int, options.seeds.split(",")) for start in STARTS]
    missing = [run for run in missing if run not in done]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="npu-sweep-bench-") as scratch, path.open("a", encoding="utf-8") as stream:
        home = Path(scratch)
        prepare_ultralytics(home)
        chosen: Mapping[str, Any] = {"name": "signs"} if options.data is None else {"path": options.data}
        view = write_view(load_data(chosen, home), home)
        writer = csv.writer(stream)
        if not done:
            writer.writerow(["start", "seed", "epoch", "mAP50"])
        for start, seed in missing:
            begin = time.perf_counter()
            with output_to(path.with_suffix(".log")):
                curve = train(start, seed, options.checkpoint.absolute(), view, options, home / f"{start}-{seed}")
            writer.writerows([start, seed, epoch, f"{value:.6f}"] for epoch, value in enumerate(curve, 1))
            stream.flush()
            text = " ".join(f"{value:.3f}" for value in curve)
            print(f"seed {seed} {start:8} {time.perf_counter() - begin:4.0f} s  {text}", flush=True)


def main() -> None:
    """Train, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--shares", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--base", default="yolo11n")
    parser.add_argument("--level", default="3")
    parser.add_argument("--act", default="relu")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--imgsz", type=int, default=96)
    parser.add_argument("--out", type=Path, default=Path("transfer"))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the recipe")
    parser.add_argument("--title", default="")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if options.shares:
        with tempfile.TemporaryDirectory(prefix="npu-sweep-bench-") as scratch:
            os.environ.update(YOLO_CONFIG_DIR=scratch, YOLO_OFFLINE="1", YOLO_AUTOINSTALL="False")
            shares()
        return
    if options.checkpoint is None:
        parser.error("a CHECKPOINT is needed, or --shares")
    path = options.out.with_suffix(".csv")
    run(options, path)
    curves = read(path)
    report(curves)
    draw(curves, options.out.with_suffix(".png"), options.title or f"Level {options.level}, {options.act}")


if __name__ == "__main__":
    main()
