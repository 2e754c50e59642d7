"""The figures of a study, as Optuna draws them: pictures, and one page that answers the mouse."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.tuning.facts import best_trial, ended_trials, importance, importance_evaluator

if TYPE_CHECKING:
    from optuna import Study

FIGURES: Final = "tune/figures"
PAGE: Final = "tune/study.html"
DPI: Final = 120
LEGEND_TRIALS: Final = 20  # with more trials the legend is longer than the figure
# No request to anywhere. Plotly writes styles, and makes its picture to download from a blob.
POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

BUTTONS: Final = {"displaylogo": False, "showSendToCloud": False}  # nothing that leads out of the page


@dataclass(frozen=True)
class Drawing:
    """A figure of a study: its name, how Optuna draws it, and whether this study has what it shows."""

    name: str
    draw: Callable[[Any, Study, str], Any]
    possible: Callable[[Study], bool]


def _history(backend: Any, study: Study, objective: str) -> Any:
    return backend.plot_optimization_history(study, target_name=objective)


def _importance(backend: Any, study: Study, objective: str) -> Any:
    return backend.plot_param_importances(study, evaluator=importance_evaluator(), target_name=objective)


def _slice(backend: Any, study: Study, objective: str) -> Any:
    return backend.plot_slice(study, target_name=objective)


def _intermediate(backend: Any, study: Study, objective: str) -> Any:
    return backend.plot_intermediate_values(study)


def _complete(study: Study) -> int:
    return sum(trial.state.name == "COMPLETE" for trial in ended_trials(study))


DRAWINGS: Final = (
    Drawing("history", _history, lambda study: best_trial(study) is not None),
    Drawing("importance", _importance, lambda study: bool(importance(study))),
    Drawing("slice", _slice, lambda study: _complete(study) > 1),
    Drawing(
        "intermediate", _intermediate, lambda study: any(trial.intermediate_values for trial in ended_trials(study))
    ),
)


def write_figures(study: Study, folder: Path, *, objective: str) -> dict[str, Path]:
    """Draw a study; a figure that it has too few trials for is left out.

    Args:
        study: The cell's study.
        folder: Where the files go; made where it is missing.
        objective: What a trial's value is, for the axes.

    Returns:
        The files by artifact path: `tune/figures/{history,importance,slice,intermediate}.png`, `tune/study.html`.
    """
    drawings = [drawing for drawing in DRAWINGS if drawing.possible(study)]
    if not drawings:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    with _quiet():
        for drawing in drawings:
            path = folder / f"{drawing.name}.png"
            _write_picture(drawing, study, objective, path)
            written[f"{FIGURES}/{path.name}"] = path
        page = folder / Path(PAGE).name
        page.write_text(_page(drawings, study, objective), encoding="utf-8")
    return written | {PAGE: page}


def _write_picture(drawing: Drawing, study: Study, objective: str, path: Path) -> None:
    from matplotlib import pyplot, rc_context
    from optuna.visualization import matplotlib as backend

    pyplot.switch_backend("agg")
    before = set(pyplot.get_fignums())
    try:
        with rc_context():  # Optuna changes the style of all figures to come
            drawing.draw(backend, study, objective)
            figure = pyplot.gcf()
            _tidy(figure)
            # Without the version of Matplotlib in it, the same study gives the same bytes.
            figure.savefig(path, dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    finally:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)


def _tidy(figure: Any) -> None:
    """Take a legend away that is longer than the figure, and let a `$` in a name be a `$`."""
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is not None and len(legend.get_texts()) > LEGEND_TRIALS:
            legend.remove()
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set_parse_math(False)
            if axis.get_scale() == "linear":  # the powers of ten of the others are formulas
                for tick in axis.get_major_ticks():
                    tick.label1.set_parse_math(False)


def _page(drawings: list[Drawing], study: Study, objective: str) -> str:
    """The page with all figures; it holds Plotly, and what it shows cannot end its scripts."""
    from optuna import visualization as backend

    parts = []
    for drawing in drawings:
        figure = drawing.draw(backend, study, objective)
        content = figure.to_html(full_html=False, include_plotlyjs=False, div_id=drawing.name, config=BUTTONS)
        parts.append(f"<section>\n{content}\n</section>")
    plotly = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    title = html.escape(study.study_name)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>{title}</title>",
            "<style>body { font-family: sans-serif; margin: 1rem auto; max-width: 1200px }\n"
            "section { overflow-x: auto }</style>",
            f"<script>{plotly}</script>",
            "</head>",
            "<body>",
            f"<h1>{title}</h1>",
            *parts,
            "</body>",
            "</html>",
            "",
        ]
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the word of Optuna that a function is experimental or that a figure has little to show."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
