"""`python -m sweep plan …`: the cells of a sweep and what is known of them; nothing is started."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.pictures import make_pictures
from support.plans import made
from support.runs import run_count
from sweep.plan import with_states

Planned = Callable[..., Ended]


@pytest.fixture
def plan(sweep: Callable[..., Ended], signs_home: Path) -> Planned:
    """`plan("level=2")`: a plan that must succeed, in a home with the built-in data."""

    def run(*arguments: str, **options: object) -> Ended:
        ended = sweep("plan", *arguments, f"home={signs_home}", **options)
        assert (ended.returncode, ended.problems) == (0, []), ended.stderr
        return ended

    return run


def test_the_grid_of_the_readme(plan: Planned) -> None:
    ended = plan("level=2,3,4", "act=relu,leakyrelu")
    assert ended.rows == [
        (f"yolo11n-l{level}-{act}-s0", "signs", "quick", "new", "unknown")
        for level in (2, 3, 4)
        for act in ("relu", "leakyrelu")
    ]
    assert "6 new; 6 to run" in ended.stdout
    assert "warning" not in ended.stdout


def test_nothing_is_started_or_written_outside_home(plan: Planned, signs_home: Path, tmp_path: Path) -> None:
    plan("level=2,3")
    assert run_count(signs_home) == 0
    assert not (signs_home / "cells").exists()
    assert not (signs_home / "sweeps").exists()
    assert list((tmp_path / "work").iterdir()) == []


def test_a_plan_needs_no_torch(plan: Planned) -> None:
    ended = plan("level=2,3", "act=relu,silu", python=["-X", "importtime"])
    imported = {name.partition(".")[0] for name in re.findall(r"\|\s*([\w.]+)$", ended.stderr, re.MULTILINE)}
    assert "hydra" in imported
    assert not {"torch", "ultralytics", "cv2"} & imported


@pytest.mark.parametrize(
    ("arguments", "cells"),
    [
        (["seed=range(0,3)"], ["yolo11n-l4-relu-s0", "yolo11n-l4-relu-s1", "yolo11n-l4-relu-s2"]),
        (["level=2,3,4", "act=relu,silu,relu6", "zip=[level,act]"],
         ["yolo11n-l2-relu-s0", "yolo11n-l3-silu-s0", "yolo11n-l4-relu6-s0"]),
        (["level=2,3", "act=relu,silu", "exclude=[{level: 2, act: silu}]"],
         ["yolo11n-l2-relu-s0", "yolo11n-l3-relu-s0", "yolo11n-l3-silu-s0"]),
        (["--multirun", "level=4,2"], ["yolo11n-l4-relu-s0", "yolo11n-l2-relu-s0"]),
        (["sweeps=v3", "level=4", "model.weights=null"], ["yolo11n-l4-relu-s0", "yolo11n-l4-leakyrelu-s0"]),
        (["act=glob(*relu)", "hydra.launcher.memory_gb=2"], ["yolo11n-l4-leakyrelu-s0", "yolo11n-l4-relu-s0"]),
        (["base=yolo11s,yolo12n", "level=0"], ["yolo11s-l0-relu-s0", "yolo12n-l0-relu-s0"]),
    ],
    ids=lambda value: " ".join(value) if value[0].count("=") else "",
)  # fmt: skip
def test_grids(plan: Planned, arguments: list[str], cells: list[str]) -> None:
    assert plan(*arguments).cells == cells


def test_a_named_sweep_brings_its_recipe(plan: Planned) -> None:
    ended = plan("sweeps=v3", "model.weights=null")
    assert [row[2] for row in ended.rows] == ["v3"] * 6
    assert ended.cells[0] == "yolo11n-l2-relu-s0"


def test_other_axes_show_as_part_of_the_key_in_the_name(plan: Planned) -> None:
    cells = plan("recipe.lr0=0.001,0.003").cells
    assert len(set(cells)) == 2
    assert all(re.fullmatch(r"yolo11n-l4-relu-s0-[0-9a-f]{8}", cell) for cell in cells)


def test_a_level_that_changes_nothing_is_warned_of(plan: Planned) -> None:
    ended = plan("base=yolov8n", "level=0,2,4")
    (warning,) = re.findall(r"^warning: (.*)$", ended.stdout, re.MULTILINE)
    assert warning.startswith("level 2 changes nothing on yolov8n")


def test_points_that_are_the_same_cell_are_run_once(plan: Planned) -> None:
    ended = plan("recipe.warmup_epochs=1,1.0,2")
    assert len(ended.cells) == 2
    assert re.search(r"warning: 1 .*same cell", ended.stdout)


def test_states_of_cells(sweep: Callable[..., Ended], home: Path) -> None:
    from sweep.tracking import write
    from sweep.tracking.store import open_store

    store = open_store(home, "npu-sweep")
    parent = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    arguments = ["level=4", "seed=range(0,6)", f"home={home}", "npu=none"]
    history = (["FINISHED"], ["KILLED"], [None], ["FAILED"], ["FINISHED", "FAILED"], [])
    for planned, statuses in zip(made(*arguments).cells, history, strict=True):
        for status in statuses:
            run = write.start_cell(
                store,
                parent_run_id=parent,
                sweep_id="s",
                cell_name=planned.cell.name,
                cell_key=planned.cell.key,
                params={},
                tags={},
            )
            if status:  # a run without an end is that of a process that was killed
                write.finish(store, run, status)  # type: ignore[arg-type]

    ended = sweep("plan", *arguments, python=["-X", "importtime"])
    assert [row[3] for row in ended.rows] == ["finished", "interrupted", "interrupted", "failed", "finished", "new"]
    assert "2 finished, 2 interrupted" in ended.stdout
    assert "4 to run" in ended.stdout
    assert not re.search(r"\| +(torch|ultralytics)$", ended.stderr, re.MULTILINE), "asking MLflow needs no torch"

    assert [planned.cell.index for planned in with_states(made(*arguments), store).to_run] == [1, 2, 3, 5]
    assert len(with_states(made(*arguments, "rerun=true"), store).to_run) == 6
    other = open_store(home, "other")
    assert len(with_states(made(*arguments), other).to_run) == 6, "another experiment knows nothing of these runs"


ODD = ["그림 [1] a=b (x)", 'it\'s "q" {y}', "a,b back\\slash 50% #1 & $HOME"]


@pytest.mark.parametrize("name", ODD)
def test_data_may_lie_anywhere(plan: Planned, tmp_path: Path, name: str) -> None:
    yaml = make_pictures(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    assert plan(f"data={yaml}").rows == [("yolo11n-l4-relu-s0", name, "quick", "new", "unknown")]
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "work") == before, "nothing is written there"


def test_home_may_lie_anywhere(sweep: Callable[..., Ended], tmp_path: Path) -> None:
    name = "한글 [1] a=b (c) {d} it's"
    ended = sweep("plan", f"home={tmp_path / name}", f"data={make_pictures(tmp_path / 'set')}")
    assert (ended.returncode, ended.cells) == (0, ["yolo11n-l4-relu-s0"])
    assert (tmp_path / name / "datasets").is_dir()


def test_several_data_sets_are_an_axis(plan: Planned, tmp_path: Path) -> None:
    first, second = make_pictures(tmp_path / "가 [1]", 1), make_pictures(tmp_path / "b=c", 2)
    ended = plan(f"data={first},{second}", "level=2,3")
    assert [(row[0][:18], row[1]) for row in ended.rows] == [
        ("yolo11n-l2-relu-s0", "가 [1]"),
        ("yolo11n-l3-relu-s0", "가 [1]"),
        ("yolo11n-l2-relu-s0", "b=c"),
        ("yolo11n-l3-relu-s0", "b=c"),
    ]
    assert len(set(ended.cells)) == 4, "the key tells apart what the name does not"


def test_the_built_in_set_and_a_path_in_one_axis(plan: Planned, tmp_path: Path) -> None:
    yaml = make_pictures(tmp_path / "mine")
    assert [row[1] for row in plan(f"data={yaml},signs").rows] == ["mine", "signs"]


def test_a_relative_path_counts_from_the_working_directory(plan: Planned, tmp_path: Path) -> None:
    make_pictures(tmp_path / "work" / "mine")
    assert plan("data=mine/data.yaml").rows[0][1] == "mine"


def test_own_files_in_the_working_directory_are_found(plan: Planned, tmp_path: Path) -> None:
    for file, text in {
        "conf/levels/9.yaml": 'name: "9"\ntransforms:\n  - remove: {module: C2PSA}\n',
        "conf/act/mish.yaml": "name: mish\nmodule: Mish\narguments: {}\n",
        "conf/local/default.yaml": "# @package _global_\nseed: 5\n",
        "sweeps/mine.yaml": "# @package _global_\nhydra: {sweeper: {params: {level: '4,9', act: 'mish,relu'}}}\n",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    cells = plan("sweeps=mine", cwd=tmp_path).cells
    assert cells == [f"yolo11n-l{level}-{act}-s5" for level in (4, 9) for act in ("mish", "relu")]
