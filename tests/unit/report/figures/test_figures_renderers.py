"""The same figure as PNG and for Plotly: valid, alike, deterministic, whatever a name holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from sweep.report.figures import Figure, cell_figures, sweep_figures, to_plotly, to_png
from sweep.report.figures.figure import legend
from sweep.report.texts import speaking
from unit.report.figures.evaluations import cell, curves, evaluation, sweep

HOSTILE = (
    "<script>alert(1)</script>",
    "<b>bold</b> & 100%{x}",
    r"$\frac{1}{2}$ | _a_ `b`",
    "x" * 200,
    "🚦 신호등 레벨 4",
    "_hidden",
    "=cmd()",
    "line\nbreak",
    "",
    "同じ名前",
)


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    cells = [
        cell(name, 0.5 + 0.03 * index, curves=curves(0.6, 12, index), statistics=evaluation(index, images=10))
        for index, name in enumerate(HOSTILE)
    ]
    strange = evaluation(9, [*HOSTILE, "\ud800"], images=30)
    with speaking("ko"):
        return [*sweep_figures(sweep(*cells)), *cell_figures(cell("c", curves=curves(), statistics=strange))]


def test_plotly_accepts_the_figures(figures: list[Figure]) -> None:
    from plotly import graph_objects

    for figure in figures:
        graph_objects.Figure(to_plotly(figure))


def test_figures_are_plain_json_of_few_digits(figures: list[Figure]) -> None:
    for figure in figures:
        text = json.dumps(to_plotly(figure), allow_nan=False)
        text.encode("utf-8")
        numbers = [value for value in _values(json.loads(text)["data"]) if isinstance(value, float)]
        assert [value for value in numbers if value != float(f"{value:.5g}")] == []


def test_no_name_is_html_or_a_template_for_plotly(figures: list[Figure]) -> None:
    for figure in figures:
        made = to_plotly(figure)
        for trace in made["data"]:
            trace.pop("legendgroup", None)  # an id, never shown
        for words in _values(made):
            if isinstance(words, str):
                assert "<script" not in words and "<b>" not in words and "%{x}" not in words.replace("%{x}<br>", "")


def test_both_renderers_have_the_same_legend(figures: list[Figure]) -> None:
    from sweep.report.figures.plotly_layout import plotly_text

    for figure in figures:
        told = [trace["name"] for trace in to_plotly(figure)["data"] if trace.get("showlegend")]
        assert told == [plotly_text(name) for name in legend(figure)]


def test_pictures_are_drawn_without_a_warning_and_the_same_each_time(figures: list[Figure], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in figures:
            to_png(figure, tmp_path / "a.png")
            to_png(figure, tmp_path / "b.png")
            content = (tmp_path / "a.png").read_bytes()
            assert content == (tmp_path / "b.png").read_bytes()
            assert content.startswith(b"\x89PNG") and b"Software" not in content


def test_no_text_of_a_picture_is_cut_off(
    figures: list[Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure as Canvas
    from matplotlib.text import Text

    beyond: list[str] = []
    number = re.compile(r"[−\d.]+")  # numbers of axes are there beyond their ends, too, and not drawn

    def measured(canvas: Any, *args: Any, **kwargs: Any) -> None:
        canvas.draw_without_rendering()
        whole = canvas.bbox
        for text in canvas.findobj(Text):
            if text.get_text() and not number.fullmatch(text.get_text()):
                box = text.get_window_extent()
                inside = whole.x0 - 2 <= box.x0 and box.x1 <= whole.x1 + 2 and whole.y0 - 2 <= box.y0
                if not (inside and box.y1 <= whole.y1 + 2):
                    beyond.append(text.get_text())

    monkeypatch.setattr(Canvas, "savefig", measured)
    for figure in figures:
        to_png(figure, tmp_path / "a.png")
    assert beyond == []


def test_the_users_matplotlib_settings_change_nothing(figures: list[Figure], tmp_path: Path) -> None:
    import matplotlib

    to_png(figures[0], tmp_path / "a.png")
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.grid": True, "savefig.dpi": 50}):
        to_png(figures[0], tmp_path / "b.png")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_is_written_but_the_picture(tmp_path: Path) -> None:
    script = (
        "from unit.report.figures.evaluations import cell, curves\n"
        "from sweep.report.figures import cell_figures, to_png\n"
        "from pathlib import Path\n"
        "to_png(cell_figures(cell('a', curves=curves()))[0], Path('a.png'))\n"
    )
    user, temporary = tmp_path / "user", tmp_path / "temporary"
    for folder in (user, temporary):
        folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR" and not name.startswith("XDG")}
    tests = Path(__file__).parents[3]
    environment = kept | {"HOME": str(user), "TMPDIR": str(temporary), "PYTHONPATH": str(tests)}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "a.png",
        "temporary",
        "user",
    ]


def test_describing_figures_loads_no_library() -> None:
    script = (
        "import sys, sweep.report.figures, sweep.report.fonts\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'plotly', 'fontTools', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def _values(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [value for item in node.values() for value in _values(item)]
    return [value for item in node for value in _values(item)] if isinstance(node, list) else [node]
