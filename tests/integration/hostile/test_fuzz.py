"""Damaged label files, data.yaml files and overrides, made by Hypothesis: each is a sentence for the user, or fine.

`FUZZ=10000` makes so many in all; without it there are few.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.pictures import YAML, make_pictures
from sweep.arguments import prepare
from sweep.data.check import check_dataset
from sweep.errors import SweepError

KINDS = 3
EXAMPLES = int(os.environ.get("FUZZ", "300")) // KINDS
pytestmark = pytest.mark.timeout(max(900, EXAMPLES))
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)

LABELS = b"0 0.5 0.5 0.25 0.25\n1 0.25 0.25 0.1 0.1\n1 0.1 0.1 0.2 0.1 0.2 0.2\n"
LABEL_PARTS = (
    b"nan",
    b"-inf",
    b"1e999",
    b"-0",
    b"0x1",
    b"1_0",
    "٣".encode(),
    b"9" * 5000,
    b"\0",
    b"\xff\xfe",
    b"\r",
    b"0.5 " * 99,
)
YAML_PARTS = (
    "!!python/object/apply:os.system ['touch CANARY']", "&a [*a]", "*a", "<<: {train: x}", ".inf",
    "-.nan", "2001-99-99",
    '"\\ud800"', "~", "../../../../etc", "/dev/zero", "? [a]", "\t", "[" * 2000, "{a: {b: [c]}}", "0o8", "1_000", "yes",
    "download: touch CANARY", "path: /", "nc: 99999999999999999999", "names: []", "'", '"', "|",
    ">", "---", "%YAML 9.9",
    "!!binary aGk=", "!!set {a}", "!!timestamp x", "train: [images/train, [x]]", "channels: 4",
    "\u2028", "\x85", "9" * 5000,
)  # fmt: skip
KEYS = (
    "level", "act", "base", "data", "data.path", "recipe", "recipe.lr0", "recipe.epochs",
    "recipe.hsv_h", "seed", "zip", "npu",
    "exclude", "home", "tracking.uri", "model.weights", "model.trust", "tune", "tune.trials",
    "tune.space.lr0", "tune.sampler",
    "report.lang", "workers", "device", "timeout_min", "experiment", "sweeps", "hydra.callbacks",
    "+x", "++job.key", "~act", "",
)  # fmt: skip
VALUES = (
    "null", "true", "1", "-1", "1e999", "nan", "2,3", "[relu]", "{a: b}", "${oc.env:HOME}",
    "${oc.env:GH_TOKEN}", "${level}",
    "${x", "range(1,3)", "glob(*)", "choice(a,b)", "interval(0,1)", "'", '"', "\\", "../../x",
    "/etc/passwd", "/dev/zero", "😀",
    "!!python/name:os.system", "${oc.decode:'[1'}", "int(x)", "a b", "\n", "\0", "relu", "4",
    "optuna", "sort(1,2)", "\ud800", "~nobody-is-called-so/x", "a" * 5000,
)  # fmt: skip


def damaged(whole: Any, parts: Any, some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The text or bytes with a few places cut out and replaced by a part, a repetition, or anything."""

    @st.composite
    def made(draw: st.DrawFn) -> Any:
        content = whole
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(content)))
            end = draw(st.one_of(st.just(start), st.integers(start, min(len(content), start + 40))))
            new = draw(st.one_of(st.sampled_from(parts), some, st.just(content[start:end] * 2)))
            content = content[:start] + new + content[end:]
        return content

    return made()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good data set, in which one file is written again and again."""
    return make_pictures(tmp_path_factory.mktemp("fuzz") / "set")


def check(data: Path) -> None:
    home = data.parents[1] / "home"
    try:
        check_dataset(data, home)
    except SweepError as error:
        assert all(error.problems)
    assert not [path for path in (Path("canary"), Path("CANARY"), data.parent / "CANARY") if path.exists()]


@fuzz
@given(content=damaged(LABELS, LABEL_PARTS, st.binary(max_size=30)))
def test_label_files(content: bytes, data: Path) -> None:
    file = data.parent / "labels" / "train" / "p0.txt"
    before = file.read_bytes()
    try:
        file.write_bytes(content)
        check(data)
    finally:
        file.write_bytes(before)


@fuzz
@given(text=damaged(YAML, YAML_PARTS, st.text(max_size=30)))
def test_data_yaml_files(text: str, data: Path) -> None:
    try:
        data.write_bytes(text.encode("utf-8", "surrogatepass"))
        check(data)
    finally:
        data.write_text(YAML, "utf-8")


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`compose(overrides)`: what a plan does with them, up to the data sets."""
    from sweep.compose import Composer, hydra_app, read_axes
    from sweep.config import read_cell, read_settings
    from sweep.grid import expand
    from sweep.overrides import check_overrides

    loader = hydra_app().config_loader
    composer = Composer(loader)

    def run(arguments: list[str]) -> None:
        overrides = prepare(arguments)
        check_overrides(overrides)
        fixed, axes = read_axes(loader, {}, overrides)
        plain = composer.compose([*fixed, *(axis.overrides[0] for axis in axes)])
        found = read_settings(plain)
        expand(axes, found.zip, found.exclude)
        read_cell(plain, found.home)

    return run


OVERRIDE = st.one_of(
    st.builds("{}={}".format, st.sampled_from(KEYS), st.sampled_from(VALUES)),
    st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=20)),
    st.builds("{}={},{}".format, st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(VALUES)),
    st.builds("{}={}{}".format, st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(VALUES)),
    st.text(max_size=30),
)


@fuzz
@given(arguments=st.lists(OVERRIDE, min_size=1, max_size=3))
def test_overrides(arguments: list[str], compose: Any) -> None:
    try:
        compose(arguments)
    except SweepError as error:
        assert all(error.problems)
