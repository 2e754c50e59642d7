"""`results.csv` of an Ultralytics training as metrics by epoch, whatever version wrote it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import SweepError
from sweep.tracking import names

SHOWN = 5  # problems of one file
# What chose best.pt in the versions that do not note its figures in the checkpoint (Metric.fitness of Ultralytics 8.0).
FITNESS = {"metrics/mAP50": 0.1, "metrics/mAP50-95": 0.9}
AGREE = 1e-3  # relative: the file has 5 or 6 digits, the checkpoint has them all or as many

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Results:
    """The curves of a training.

    Attributes:
        epochs: the metrics of each epoch by their MLflow names; epochs count from 1. NaN is kept, what the file does
            not have is absent. `time/epoch_s` comes from the file's cumulative time.
        seconds: how long all epochs took; None where the file has no times.
        from_zero: whether the file counts epochs from 0, as early versions did.
    """

    epochs: Mapping[int, Metrics]
    seconds: float | None
    from_zero: bool

    @property
    def last(self) -> Metrics:
        """The metrics of the last epoch."""
        return self.epochs[max(self.epochs)]

    def best_epoch(self, noted: Metrics) -> int:
        """The epoch of best.pt: the last one with the figures that the checkpoint notes, or else of the best fitness.

        Of equals Ultralytics keeps the last one.

        Args:
            noted: Metrics of best.pt by their names in the file; empty where its version noted none.
        """
        wanted = {own_name(name): value for name, value in noted.items() if own_name(name) in names.EPOCH_METRICS}
        if any(name in wanted for name in names.EPOCH_DETECTION):
            agreeing = [epoch for epoch, metrics in self.epochs.items() if _agree(metrics, wanted)]
            if agreeing:
                return max(agreeing)
        return max(self.epochs, key=lambda epoch: (_fitness(self.epochs[epoch]), epoch))


def read_results(path: Path) -> Results:
    """Read a results.csv. A training that was resumed or started again counts as it was written last.

    Raises:
        SweepError: It cannot be read, has no epochs, or is not what Ultralytics (8.0 or later) writes for a detector.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [[field.strip() for field in row] for row in csv.reader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SweepError(f"{path} cannot be read: {error}.") from None
    rows = [(number, row) for number, row in enumerate(lines, start=1) if any(row)]
    if not rows:
        raise SweepError(f"{path} is empty: no epoch of this training was finished.")
    header = rows[0][1]
    missing = [name for name in ("epoch", *names.EPOCH_DETECTION) if name not in map(own_name, header)]
    if missing:
        raise SweepError(
            f"{path} has no column {', '.join(missing)}: it is not what `yolo detect train` of Ultralytics 8 writes."
        )
    data = [(number, row) for number, row in rows[1:] if row != header]
    if not data:
        raise SweepError(f"{path} has no epoch: the training ended before its first one was finished.")
    return _results(_parsed(path, header, data))


def own_name(column: str) -> str:
    """The MLflow name of a column: `metrics/mAP50` for `metrics/mAP50(B)`."""
    return column.removesuffix("(B)")


def _parsed(path: Path, header: Sequence[str], data: Sequence[tuple[int, list[str]]]) -> list[dict[str, float]]:
    """Each line's numbers by column; what is empty is left out."""
    problems: list[str] = []
    rows = []
    for number, fields in data:
        if len(fields) != len(header):
            problems.append(f"{path}, line {number} has {len(fields)} fields, the header has {len(header)}.")
            continue
        row = {}
        for column, text in zip(header, fields, strict=True):
            if not text:
                continue
            try:
                row[own_name(column)] = float(text)
            except ValueError:
                problems.append(f"{path}, line {number}: {column} is no number: {text!r}.")
        epoch = row.get("epoch", math.nan)
        if not (epoch >= 0 and epoch.is_integer()):
            problems.append(f"{path}, line {number} does not say which epoch it is.")
        rows.append(row)
    if problems:
        more = [f"{path} has {len(problems) - SHOWN} more such problems."] if len(problems) > SHOWN else []
        raise SweepError(*problems[:SHOWN], *more)
    return rows


def _results(rows: Sequence[Mapping[str, float]]) -> Results:
    kept: list[Mapping[str, float]] = []
    for row in rows:  # a lower number than the last one: the training went back to that epoch
        kept = [earlier for earlier in kept if earlier["epoch"] < row["epoch"]]
        kept.append(row)
    from_zero = kept[0]["epoch"] == 0
    times = [row.get("time", math.nan) for row in kept]
    epochs = {}
    for row, seconds in zip(kept, _each(times), strict=True):
        metrics = {name: value for name, value in row.items() if name in names.EPOCH_METRICS}
        if math.isfinite(seconds):
            metrics["time/epoch_s"] = seconds
        epochs[int(row["epoch"]) + from_zero] = metrics
    known = [metrics["time/epoch_s"] for metrics in epochs.values() if "time/epoch_s" in metrics]
    return Results(epochs, math.fsum(known) if known else None, from_zero)


def _each(times: Sequence[float]) -> Iterator[float]:
    """The time of each epoch from cumulative times, which begin again where a training was resumed."""
    before = 0.0
    for time in times:
        yield time - before if time >= before else time
        before = time if math.isfinite(time) else before


def _agree(metrics: Metrics, wanted: Metrics) -> bool:
    return all(
        math.isclose(metrics[name], value, rel_tol=AGREE, abs_tol=1e-6)
        or (math.isnan(metrics[name]) and math.isnan(value))
        for name, value in wanted.items()
        if name in metrics
    )


def _fitness(metrics: Metrics) -> float:
    values = {name: metrics.get(name, 0.0) for name in FITNESS}
    return sum(weight * (0.0 if math.isnan(values[name]) else values[name]) for name, weight in FITNESS.items())
