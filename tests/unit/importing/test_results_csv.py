"""results.csv of any Ultralytics 8 as curves that count from 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.importing.results_csv import Results, read_results

COLUMNS = ("metrics/precision(B)", "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)")
Reader = Callable[..., Results]
HEADER = f"epoch,time,train/box_loss,{','.join(COLUMNS)},val/box_loss,lr/pg0,lr/pg1"


def row(epoch: int, time: float, map50: float | str = 0.5, map95: float | str = 0.4, box: str = "1.5") -> str:
    return f"{epoch},{time},{box},0.6,0.7,{map50},{map95},2.5,0.01,0.02"


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def reader(*lines: str, header: str = HEADER) -> Results:
        path = tmp_path / "results.csv"
        path.write_text("\n".join([header, *lines, ""]), "utf-8")
        return read_results(path)

    return reader


def test_a_file_of_today_gives_the_curves_under_our_names(read: Reader) -> None:
    results = read(row(1, 2.5), row(2, 4.0))
    assert list(results.epochs) == [1, 2]
    assert results.epochs[1] == {
        "train/box_loss": 1.5, "metrics/precision": 0.6, "metrics/recall": 0.7, "metrics/mAP50": 0.5,
        "metrics/mAP50-95": 0.4, "val/box_loss": 2.5, "lr/pg0": 0.01, "time/epoch_s": 2.5,
    }  # fmt: skip
    assert results.epochs[2]["time/epoch_s"] == 1.5
    assert (results.seconds, results.from_zero) == (4.0, False)


def test_an_early_version_pads_its_columns_and_counts_from_0(read: Reader) -> None:
    header = ",".join(f"{name:>23}" for name in ("epoch", *COLUMNS))
    results = read(
        *(",".join(f"{value:>23}" for value in (epoch, 0.1, 0.2, 0.3, 0.2)) for epoch in (0, 1)), header=header
    )
    assert (list(results.epochs), results.from_zero, results.seconds) == ([1, 2], True, None)
    assert results.last["metrics/mAP50"] == 0.3
    assert "time/epoch_s" not in results.last


def test_nan_and_infinity_are_kept_and_gaps_stay_gaps(read: Reader) -> None:
    results = read(row(1, 1, box="nan"), row(2, 2, box="inf"), row(3, 3, box=""))
    assert math.isnan(results.epochs[1]["train/box_loss"])
    assert results.epochs[2]["train/box_loss"] == math.inf
    assert "train/box_loss" not in results.epochs[3]


def test_a_resumed_training_counts_as_it_was_written_last(read: Reader) -> None:
    results = read(row(1, 10), row(2, 20, 0.1), row(3, 30, 0.1), HEADER, row(2, 7, 0.8), row(3, 15, 0.9))
    assert [metrics["metrics/mAP50"] for metrics in results.epochs.values()] == [0.5, 0.8, 0.9]
    assert [metrics["time/epoch_s"] for metrics in results.epochs.values()] == [10, 7, 8]
    assert results.seconds == 25


def test_the_best_epoch_is_the_one_that_the_checkpoint_notes(read: Reader) -> None:
    results = read(row(1, 1, 0.61234, 0.5), row(2, 2, 0.7, 0.4), row(3, 3, 0.9, 0.6))
    noted = {"metrics/mAP50(B)": 0.612341, "metrics/mAP50-95(B)": 0.5, "val/box_loss": 2.5, "fitness": 0.5}
    assert results.best_epoch(noted) == 1


def test_without_a_note_the_best_epoch_is_that_of_the_best_fitness_and_of_equals_the_last(read: Reader) -> None:
    lines = [row(1, 1, 0.9, 0.3), row(2, 2, 0.5, 0.5), row(3, 3, 0.5, 0.5), row(4, 4, "nan", "nan")]
    results = read(*lines)
    assert results.best_epoch({}) == 3
    assert results.best_epoch({"metrics/mAP50(B)": 0.123, "metrics/mAP50-95(B)": 0.1}) == 3


def test_what_is_broken_is_said_with_its_line_all_at_once(read: Reader) -> None:
    with pytest.raises(SweepError) as error:
        read(row(1, 1), "2,3,0.5", row(3, 3, "0,9"), row(4, 4, "abc"), row(-1, 5), row(6, 6))
    text = "\n".join(error.value.problems)
    assert "line 3 has 3 fields" in text
    assert "line 4 has 11 fields" in text
    assert "line 5: metrics/mAP50(B) is no number: 'abc'" in text
    assert "line 6 does not say which epoch" in text


def test_many_broken_lines_are_counted(read: Reader) -> None:
    with pytest.raises(SweepError) as error:
        read(*["1,2"] * 40)
    assert len(error.value.problems) == 6
    assert "35 more" in error.value.problems[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (f"{HEADER}\n".encode(), "has no epoch"),
        (b"epoch,train/loss,metrics/accuracy_top1\n1,2,3\n", "no column metrics/precision"),
        (b"\xff\xfe\x00broken", "cannot be read"),
        (b"PK\x03\x04\x00\x00", "no column"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(SweepError, match=said):
        read_results(path)
