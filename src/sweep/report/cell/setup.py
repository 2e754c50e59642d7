"""How the model was made and trained: what it is, and its hyperparameters."""

from __future__ import annotations

from typing import Final

from sweep.report.cell.facts import level_title, recipe, recipe_number, weights
from sweep.report.cell.grid import Head, grid
from sweep.report.cell.wording import bold, joined, label, phrase, shown
from sweep.report.cells import number
from sweep.report.columns import metric_column
from sweep.report.data import CellData
from sweep.report.render import Markdown
from sweep.tracking import names

SHORT_DIGEST: Final = 12
MAX_NAMES: Final = 20  # names of classes in one line
# Rows of the table, in the order of the reports that this one replaces; then what else decides a training.
PARAMETERS: Final = ("momentum", "weight_decay", "warmup_epochs", "box", "cls", "dfl")
TRAINING: Final = ("optimizer", "batch", "epochs", "imgsz")
IN_TABLE: Final = ("lr0", "lrf", *PARAMETERS, *TRAINING)
# Ultralytics chooses lr0 and momentum itself for this optimizer, and ignores what the recipe says
# (`engine/trainer.py`, `build_optimizer`).
AUTO: Final = "auto"


def model_lines(cell: CellData) -> list[Markdown]:
    """Return the model set-up, a line a fact."""
    level, act = cell.text("level"), cell.text("act")
    title = level_title(cell)
    told = phrase("setup.level", level=level, title=title) if title else phrase("setup.level_alone", level=level)
    side = recipe(cell, "imgsz")
    size = phrase("setup.size", side=side) if side else phrase("unknown")
    return [
        phrase("setup.base", base=cell.text("base") or phrase("unknown")),
        told if level else phrase("setup.level_alone", level=phrase("unknown")),
        phrase("setup.act", act=label("acts", act) if act else phrase("unknown")),
        phrase("setup.imgsz", size=size),
        _classes(cell),
        _complexity(cell),
        _weights(cell),
        _data(cell),
    ]


def parameter_table(cell: CellData) -> Markdown:
    """Return the hyperparameters: name, value, what it does."""
    auto = recipe(cell, "optimizer").lower() == AUTO
    rows = [_row("lr0", _value(cell, "lr0"), phrase("parameters.auto" if auto else "parameters.words.lr0"))]
    rows.append(_row("lrf", *_final_rate(cell, auto)))
    for name in (*PARAMETERS, *TRAINING):
        ignored = auto and name == "momentum"
        rows.append(_row(name, _value(cell, name), phrase("parameters.auto") if ignored else _words(cell, name)))
    rows.append(_row("seed", cell.text("seed") or phrase("unknown"), phrase("parameters.words.seed")))
    heads = [Head(phrase("parameters.name")), Head(phrase("parameters.value"), right=True)]
    return grid([*heads, Head(phrase("parameters.meaning"))], rows)


def other_parameters(cell: CellData) -> Markdown | None:
    """Return what else the recipe sets, as `mosaic=0.0`; None where it sets nothing else."""
    prefix = names.RECIPE_PREFIX
    others = sorted(name.removeprefix(prefix) for name in cell.values if name.startswith(prefix))
    told = [f"{name}={recipe(cell, name)}" for name in others if name not in IN_TABLE]
    return phrase("parameters.others", values=joined(told)) if told else None


def _row(name: str, value: object, words: object) -> list[object]:
    return [bold(phrase(f"parameters.names.{name}")), value, words]


def _value(cell: CellData, name: str) -> str | Markdown:
    """A value as people write it (0.0001, 5); of a recipe that leaves it out, that it is Ultralytics' own."""
    text, value = recipe(cell, name), recipe_number(cell, name)
    if value is not None:
        return f"{value:.6g}"
    return text or _left_out(cell)


def _left_out(cell: CellData) -> Markdown:
    """What stands for a value that the recipe leaves out: Ultralytics' own, unless no recipe was recorded at all."""
    recorded = any(name.startswith(names.RECIPE_PREFIX) for name in cell.values)
    return phrase("parameters.default" if recorded else "unknown")


def _final_rate(cell: CellData, auto: bool) -> tuple[str | Markdown, Markdown]:
    """The learning rate at the end: lr0 × lrf (Ultralytics' schedules, linear and cosine, end there)."""
    first, share = recipe_number(cell, "lr0"), recipe_number(cell, "lrf")
    if auto:
        return (_left_out(cell) if share is None else phrase("parameters.share", share=f"{share:.4g}")), (
            phrase("parameters.auto_final")
        )
    if first is None or share is None:
        return _left_out(cell), phrase("parameters.words.lrf_unknown")
    words = phrase("parameters.words.lrf", lr0=f"{first:.6g}", lrf=f"{share:.4g}", percent=number(100 * share, 1))
    return f"{first * share:.6g}", words


def _words(cell: CellData, name: str) -> Markdown:
    if name != "momentum":
        return phrase(f"parameters.words.{name}")
    optimizer = recipe(cell, "optimizer").lower()
    kind = "sgd" if optimizer in ("sgd", "musgd") else "adam" if "ada" in optimizer else "other"
    return phrase(f"parameters.words.momentum_{kind}")


def _complexity(cell: CellData) -> Markdown:
    counted = (names.PARAMS, names.GFLOPS, names.NODES)
    if all(cell.number(metric) is None for metric in counted):
        return phrase("setup.no_complexity")
    params, gflops, nodes = (shown(cell, cell.number(it), metric_column(it).digits or 0) for it in counted)
    return phrase("setup.complexity", params=params, gflops=gflops, nodes=nodes)


def _classes(cell: CellData) -> Markdown:
    if cell.statistics is None:
        return phrase("setup.no_classes")
    classes = [cell.statistics.classes[key] for key in sorted(cell.statistics.classes)]
    told = joined(classes[:MAX_NAMES])
    if len(classes) > MAX_NAMES:
        told = phrase("setup.more", names=told, count=len(classes) - MAX_NAMES)
    return phrase("setup.classes", count=len(classes), names=told)


def _weights(cell: CellData) -> Markdown:
    carried = cell.number(names.CARRIED)
    if carried is None:
        return phrase("setup.weights", weights=weights(cell))
    return phrase("setup.weights_carried", weights=weights(cell), carried=number(carried, 1))


def _data(cell: CellData) -> Markdown:
    digest = cell.text("data_digest") or cell.tags.get(names.DATA_DIGEST, "")
    data = cell.text("data") or phrase("unknown")
    if not digest:
        return phrase("setup.data", data=data)
    return phrase("setup.data_digest", data=data, digest=digest[:SHORT_DIGEST])
