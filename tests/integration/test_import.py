"""A folder that plain `yolo detect train` wrote becomes a finished cell, in the same tables, with its curves."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from support.command_line import Ended
from support.pictures import make_pictures
from support.runs import run_count
from sweep.architecture.resolve import resolve_model
from sweep.architecture.summary import read_summary
from sweep.defaults import Site
from sweep.errors import SweepError
from sweep.importing.importer import Imported, examine, import_cell
from sweep.npu.targets import make_targets
from sweep.npu_settings import target_options
from sweep.remeasure import measure_sweep
from sweep.report.tables import make_tables
from sweep.tracking import names, write
from sweep.tracking.artifacts import open_artifact
from sweep.tracking.provenance import provenance_tags
from sweep.tracking.read import RunInfo, curves, read_json, runs_by_id, sweep_cells, sweep_run
from sweep.tracking.store import Store, open_store

CONF = Path(__file__).parents[2] / "conf"
EPOCHS = 2
SAID = ("level=4", "act=relu")


def option(group: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text("utf-8"))
    return {"name": name, **content}


@pytest.fixture(scope="module")
def data(signs_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set of drawn traffic signs; returns its data.yaml."""
    folder, drawn = tmp_path_factory.mktemp("data") / "few", signs_home / "datasets" / "signs"
    for split, count in (("train", 16), ("val", 8)):
        for image in sorted((drawn / "images" / split).iterdir())[:count]:
            for file in (image, drawn / "labels" / split / f"{image.stem}.txt"):
                place = folder / file.relative_to(drawn)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
    described = yaml.safe_load((drawn / "data.yaml").read_text("utf-8"))
    content = {"train": "images/train", "val": "images/val", "names": described["names"]}
    (folder / "data.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return folder / "data.yaml"


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a user who wrote level 4 with ReLU by hand and trained it with Ultralytics alone."""
    folder = tmp_path_factory.mktemp("hand")
    model = resolve_model(option("base", "yolo11n"), option("levels", "4"), option("act", "relu"), nc=6).yaml
    (folder / "level4.yaml").write_text(yaml.safe_dump(model, sort_keys=False), "utf-8")
    subprocess.run(
        [
            str(Path(sys.executable).with_name("yolo")), "detect", "train", f"model={folder / 'level4.yaml'}",
            f"data={data}", f"epochs={EPOCHS}", "imgsz=32", "batch=8", "workers=0", "device=cpu", "optimizer=SGD",
            "lr0=0.003", "seed=1", "plots=False", f"project={folder / 'runs'}", "name=level4_relu",
        ],
        cwd=folder,
        env=os.environ | {"YOLO_CONFIG_DIR": str(folder / "settings"), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=120,
    )  # fmt: skip
    return folder / "runs" / "level4_relu"


@pytest.fixture
def place(tmp_path: Path) -> Site:
    return Site(tmp_path / "home", "old", None)


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run folder to damage."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def bring(folder: Path, place: Site, *overrides: str, sweep: str | None = None) -> Imported:
    """Import a folder as the verb does."""
    said: list[str] = []
    cell, parent = examine(folder, overrides or SAID, place, sweep, said.append)
    store = open_store(place.home, place.experiment, place.tracking_uri)
    return import_cell(store, cell, parent, "python -m sweep import …", said.append)


def store_of(place: Site) -> Store:
    return open_store(place.home, place.experiment, place.tracking_uri)


def written_rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "results.csv").open(newline="") as stream:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]


def without_data(folder: Path) -> None:
    arguments = yaml.safe_load((folder / "args.yaml").read_text("utf-8"))
    (folder / "args.yaml").write_text(yaml.safe_dump(arguments | {"data": "/gone/signs/data.yaml"}), "utf-8")


def artifact(store: Store, run: RunInfo, path: str) -> bytes | None:
    with open_artifact(store, run.run_id, run.artifact_uri, path) as file:
        return None if file is None else file.read_bytes()


@pytest.fixture(scope="module")
def imported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Imported]:
    """The folder in a store of its own; tests that write to it clean up after themselves, or use another."""
    place = Site(tmp_path_factory.mktemp("imported") / "home", "old", None)
    return place, bring(trained, place)


def test_its_curves_are_those_of_results_csv(imported: tuple[Site, Imported], trained: Path) -> None:
    place, result = imported
    frame = curves(store_of(place), result.run.run_id)
    rows = written_rows(trained)
    assert list(frame.index) == [1, 2]
    for name in names.EPOCH_METRICS:
        if name == "time/epoch_s":
            assert frame[name].tolist() == pytest.approx([rows[0]["time"], rows[1]["time"] - rows[0]["time"]])
        else:
            column = f"{name}(B)" if name in names.EPOCH_DETECTION else name
            assert frame[name].tolist() == [row[column] for row in rows], name


def test_it_stands_in_the_tables_as_a_finished_cell(imported: tuple[Site, Imported]) -> None:
    place, result = imported
    frame = sweep_cells(store_of(place), result.sweep.run_id)
    (row,) = frame.to_dict("records")
    assert (row["cell"], row["status"]) == ("yolo11n-l4-relu-s1", "finished")
    assert [row[axis] for axis in names.AXES] == ["yolo11n", "4", "relu", "1", "imported", "few"]
    assert row["recipe.lr0"] == "0.003"
    assert row["recipe.imgsz"] == "32"
    assert not {"recipe.data", "recipe.project", "recipe.name", "recipe.device", "recipe.save_dir"} & set(frame.columns)
    figures = [
        *names.BEST,
        *names.FINAL,
        *names.FINAL_LOSSES,
        names.TRAIN_TIME,
        names.PARAMS,
        names.GFLOPS,
        names.NODES,
    ]
    assert frame[[*figures, *names.INTERVAL_METRICS, names.BEST_EPOCH]].notna().all(axis=None)
    assert row[names.NODES] > 100
    assert [table.name for table in make_tables(frame)] == ["series", "activations", "cells"]


def test_its_run_says_what_a_cell_of_ours_says(imported: tuple[Site, Imported], trained: Path) -> None:
    place, result = imported
    store, run = store_of(place), result.run
    assert result.cell.warnings == ()
    assert run.tags["sweep.imported"] == "level4_relu"
    assert run.tags[names.BEST_FROM] == "evaluation"
    assert run.tags[names.DEVICE] == "cpu"
    assert run.tags["sweep.version.ultralytics"]
    summary = read_summary(run.tags[names.ARCHITECTURE])
    assert summary is not None
    assert summary.after.activation == "ReLU()"
    assert result.sweep.name == "imported"
    assert (run.status, sweep_run(store, result.sweep.run_id).status) == ("finished", "finished")
    for path in ("weights/best.pt", "weights/last.pt", "results.csv", "args.yaml"):
        assert artifact(store, run, path) == (trained / path).read_bytes(), path
    assert artifact(store, run, names.STATISTICS) is not None
    model = yaml.safe_load(artifact(store, run, "model.yaml") or b"")
    assert model["activation"] == "torch.nn.ReLU()"


def test_its_dates_are_those_of_the_training(imported: tuple[Site, Imported], trained: Path) -> None:
    run, rows = imported[1].run, written_rows(trained)
    written = (trained / "results.csv").stat().st_mtime
    assert run.end_ms is not None
    assert abs(run.end_ms / 1000 - written) < 5
    assert (run.end_ms - run.start_ms) / 1000 == pytest.approx(rows[-1]["time"], abs=0.01)
    assert datetime.fromtimestamp(run.start_ms / 1000) < datetime.fromtimestamp(imported[1].sweep.start_ms / 1000)


def test_importing_again_finds_it_and_changes_nothing(imported: tuple[Site, Imported], trained: Path) -> None:
    place, first = imported
    before = (run_count(place.home), read_json(store_of(place), first.sweep, names.CELLS_JSON))
    again = bring(trained, place)
    assert (again.run.run_id, again.sweep.run_id, again.changed) == (first.run.run_id, first.sweep.run_id, False)
    assert again.accuracy is None
    assert (run_count(place.home), read_json(store_of(place), first.sweep, names.CELLS_JSON)) == before


def test_a_sweep_takes_it_beside_its_own_cells(imported: tuple[Site, Imported], trained: Path) -> None:
    place, first = imported
    store = store_of(place)
    parent = write.start_sweep(store, sweep_id="ours", name="ours", command="python -m sweep", tags={})
    params, tags = first.run.params | {"level": "3"}, {names.DATA_DIGEST: first.run.tags[names.DATA_DIGEST]}
    own = write.start_cell(
        store,
        parent_run_id=parent,
        sweep_id="ours",
        cell_name="yolo11n-l3-relu-s1",
        cell_key="k",
        params=params,
        tags=tags,
    )
    write.log_summary(store, own, {"best/mAP50": 0.5})
    for run_id in (own, parent):  # without a cells.json
        write.finish(store, run_id, "FINISHED")
    result = bring(trained, place, *SAID, sweep="ours")
    assert result.run.run_id == first.run.run_id  # evaluated once
    frame = sweep_cells(store, parent)
    assert frame["cell"].tolist() == ["yolo11n-l3-relu-s1", "yolo11n-l4-relu-s1"]
    assert frame["reused"].tolist() == [False, True]
    (group,) = make_tables(frame)[0].groups
    assert [row.values["level"] for row in group.rows] == ["3", "4"]
    assert not bring(trained, place, *SAID, sweep="ours").changed


def test_what_it_is_not_is_said_and_what_it_is(folder: Path, place: Site) -> None:
    cell, _ = examine(folder, ["level=0", "act=silu", "recipe=v3", "seed=5"], place, None, lambda _: None)
    likeness, recipe, seed = cell.warnings
    assert "the checkpoint is not what base=yolo11n level=0 act=silu gives: it has 21 layers, not 24" in likeness
    assert likeness.endswith("It looks like level=4 act=relu.")
    assert "epochs=2 (not 100)" in recipe
    assert seed == "args.yaml says seed: 1, not 5."


def test_without_its_data_the_figures_are_those_of_results_csv_until_it_is_named(
    folder: Path, place: Site, data: Path
) -> None:
    without_data(folder)
    first = bring(folder, place)
    best = written_rows(folder)[int(first.run.metrics[names.BEST_EPOCH]) - 1]
    assert {name: first.run.metrics[name] for name in names.BEST} == {
        name: best[f"{name.replace('best/', 'metrics/')}(B)"] for name in names.BEST
    }
    assert first.run.tags[names.BEST_FROM] == "results.csv"
    assert first.run.params["data"] == "signs"
    assert first.cell.data.reason == "There is no /gone/signs/data.yaml any more."
    assert not {names.DATA_DIGEST} & set(first.run.tags)
    second = bring(folder, place, *SAID, f"data={data}", sweep=str(first.sweep.sweep_id))
    assert second.run.tags[names.BEST_FROM] == "evaluation"
    frame = sweep_cells(store_of(place), first.sweep.run_id)
    assert frame[["run_id", "cell", "data"]].values.tolist() == [[second.run.run_id, "yolo11n-l4-relu-s1", "few"]]


def test_two_folders_of_the_same_cell_have_names_of_their_own(folder: Path, place: Site) -> None:
    without_data(folder)
    first = bring(folder, place)
    other = Path(shutil.copytree(folder, folder.with_name("other")))
    with (other / "results.csv").open("a") as stream:
        stream.write("\n")
    second = bring(other, place, *SAID, sweep="latest")
    frame = sweep_cells(store_of(place), first.sweep.run_id)
    assert frame["cell"].tolist() == ["yolo11n-l4-relu-s1", f"yolo11n-l4-relu-s1-{second.cell.key[:8]}"]


def test_an_early_folder_without_times_and_last_checkpoint(folder: Path, place: Site) -> None:
    without_data(folder)
    rows = [row | {"epoch": epoch} for epoch, row in enumerate(written_rows(folder) * 60, start=1)]
    kept = [name for name in rows[0] if name != "time"]
    lines = [",".join(f"{name:>20}" for name in kept)]
    lines += [",".join(f"{row[name] - (name == 'epoch'):>20g}" for name in kept) for row in rows]
    (folder / "results.csv").write_text("\n".join(lines), "utf-8")
    (folder / "weights" / "last.pt").unlink()
    result = bring(folder, place)
    frame = curves(store_of(place), result.run.run_id)
    assert list(frame.index) == list(range(1, 121))
    assert frame["val/box_loss"].tolist() == pytest.approx([row["val/box_loss"] for row in rows], rel=1e-5)
    assert frame["time/epoch_s"].isna().all()
    assert names.TRAIN_TIME not in result.run.metrics
    assert result.cell.warnings == ("the folder has no weights/last.pt, so none is kept.",)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "args": (lambda folder: (folder / "args.yaml").unlink(), "has no args.yaml"),
    "nothing": (lambda folder: [shutil.rmtree(folder), folder.mkdir()], "no results.csv, no weights/best.pt"),
    "no folder": (shutil.rmtree, "does not exist"),
    "truncated": (lambda folder: truncate(folder / "weights/best.pt"), "cannot be read as an Ultralytics checkpoint"),
    "renamed": (lambda folder: (folder / "weights/best.pt").write_text("weights"), "cannot be read as"),
    "last": (lambda folder: truncate(folder / "weights/last.pt"), "last.pt cannot be read"),
    "empty csv": (lambda folder: (folder / "results.csv").write_text(""), "results.csv is empty"),
    "broken csv": (lambda folder: truncate(folder / "results.csv"), "fields, the header has"),
    "yaml": (lambda folder: (folder / "args.yaml").write_text("task: [detect"), "args.yaml cannot be read"),
    "task": (lambda folder: (folder / "args.yaml").write_text("task: segment"), "task: segment"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_bad_folders_are_refused_before_anything_is_logged(folder: Path, place: Site, what: str) -> None:
    damage, said = DAMAGE[what]
    if what == "broken csv":
        (folder / "results.csv").write_text((folder / "results.csv").read_text("utf-8") * 3, "utf-8")
    damage(folder)
    with pytest.raises(SweepError, match=said):
        examine(folder, SAID, place, None, lambda _: None)
    assert run_count(place.home) == 0


def test_all_that_is_wrong_is_said_at_once(folder: Path, place: Site, tmp_path: Path) -> None:
    (folder / "results.csv").write_text("")
    truncate(folder / "weights/best.pt")
    with pytest.raises(SweepError) as error:
        examine(folder, ["level=9", f"data={tmp_path}/none.yaml"], place, "latest", lambda _: None)
    text = "\n".join(error.value.problems)
    for said in ("act= is missing", "no level 9", "results.csv is empty", "best.pt cannot be read", "holds no sweeps"):
        assert said in text


def test_data_with_other_classes_is_refused_where_it_was_named(folder: Path, place: Site, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "two")
    with pytest.raises(SweepError, match=r"has 2 classes, but the checkpoint detects 6"):
        examine(folder, [*SAID, f"data={other}"], place, None, lambda _: None)
    arguments = yaml.safe_load((folder / "args.yaml").read_text("utf-8"))
    (folder / "args.yaml").write_text(yaml.safe_dump(arguments | {"data": str(other)}), "utf-8")
    cell, _ = examine(folder, SAID, place, None, lambda _: None)
    assert cell.data.dataset is None
    assert "has 2 classes" in str(cell.data.reason)


def test_an_import_that_died_is_closed_and_done_again(folder: Path, place: Site) -> None:
    without_data(folder)
    cell, _ = examine(folder, SAID, place, None, lambda _: None)
    store = store_of(place)
    dead = write.start_cell(
        store, parent_run_id="p", sweep_id="s", cell_name="c", cell_key=cell.key, params={}, tags=provenance_tags()
    )
    result = import_cell(store, cell, None, "…", lambda _: None)
    assert result.run.run_id != dead
    assert store.client.get_run(dead).info.status == "KILLED"


def test_a_running_sweep_takes_nothing(folder: Path, place: Site) -> None:
    write.start_sweep(store_of(place), sweep_id="now", name="now", command="", tags={names.HOST: "elsewhere"})
    with pytest.raises(SweepError, match="still running"):
        examine(folder, SAID, place, "now", lambda _: None)


def test_an_imported_cell_is_measured_later_like_any_other(
    imported: tuple[Site, Imported], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, result = imported
    monkeypatch.setattr("sweep.rebuild.rebuild_report", lambda *_: None)  # it is not what is asked for here
    targets = make_targets({"onnx": target_options("onnx")}, place.home)
    console = Console(file=io.StringIO())
    ended = measure_sweep(store_of(place), str(result.sweep.sweep_id), targets, console, data=None, again=False)
    assert ended == 0
    run = runs_by_id(store_of(place), [result.run.run_id])[result.run.run_id]
    assert {"int8/mAP50", "fp32/size_mb", "npu/onnx.generic_int8/op_pct"} <= set(run.metrics)


def test_the_verb_says_what_it_did_and_how_to_go_on(sweep: Callable[..., Ended], folder: Path, tmp_path: Path) -> None:
    without_data(folder)
    home = tmp_path / "home"
    ended = sweep("import", str(folder), *SAID, "--home", str(home))
    assert ended.returncode == 0, ended.stderr
    for said in ("2 epochs", "those of results.csv", "There is no /gone/signs/data.yaml", "--sweep 2", "npu measure"):
        assert said in ended.stdout
    assert run_count(home) == 2
    refused = sweep("import", str(folder), "level=4", "act=rellu", "--home", str(home), "--sweep", "none")
    assert refused.returncode == 2
    assert len(refused.problems) == 2
    assert run_count(home) == 2
