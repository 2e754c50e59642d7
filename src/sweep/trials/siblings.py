"""What finished sibling cells have found best, for a study to try first."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sweep.errors import in_one_line
from sweep.tracking import names
from sweep.tracking.spool.pending import pending
from sweep.tracking.spool.replay import replay
from sweep.tuning.space import Parameter, read_space

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tune_settings import TuneSettings
    from sweep.work import Work

log = logging.getLogger(__name__)

MOST: Final = 5  # siblings that are tried; the newest ones


def siblings_best(work: Work, tune: TuneSettings) -> list[dict[str, Any]]:
    """The best parameters of finished cells on the same data, by the same objective, that lie in this cell's space."""
    from sweep.tracking.client import FIRST_CONTACT, environment
    from sweep.tracking.read import FINISHED_CELLS, search, tag_is

    parameters = read_space(tune.space)
    found: list[dict[str, Any]] = []
    same = [tag_is(names.TUNE_OBJECTIVE, tune.objective), tag_is(names.DATA_DIGEST, work.data.digest)]
    try:
        with environment(FIRST_CONTACT):
            siblings = list(search(work.store, " AND ".join([FINISHED_CELLS, *same])))
    except Exception as error:
        log.warning("MLflow is away, so only this home is asked for siblings: %s", in_one_line(error))
        siblings = []
    known = {run.id for run in siblings}
    siblings += [run for run in _not_delivered(work, tune) if run.id not in known]
    for run in sorted(siblings, key=lambda run: run.start_ms, reverse=True):
        best = values_of(run.tags, parameters) if run.key != work.identity.key else None
        if best is not None and best not in found:
            found.append(best)
    return found[:MOST]


def _not_delivered(work: Work, tune: TuneSettings) -> list[RunInfo]:
    """Finished cells of this home on the same data, by the same objective, that MLflow may not have yet."""
    found = (replay(work.store, folder) for folder in pending(work.store.home))
    wanted = {
        names.KIND: names.KIND_CELL,
        names.TUNE_OBJECTIVE: tune.objective,
        names.DATA_DIGEST: work.data.digest,
    }
    return [run for run in found if run is not None and run.status == "finished" and wanted.items() <= run.tags.items()]


def values_of(tags: Mapping[str, str], parameters: Sequence[Parameter]) -> dict[str, Any] | None:
    """The best parameters that a run's tags tell; None where they are others, or lie outside the space."""
    prefix = names.TUNE_BEST_TAG_PREFIX
    texts = {key.removeprefix(prefix): text for key, text in tags.items() if key.startswith(prefix)}
    if set(texts) != {parameter.name for parameter in parameters}:
        return None
    values = {parameter.name: _value(texts[parameter.name], parameter) for parameter in parameters}
    return values if all(parameter.contains(values[parameter.name]) for parameter in parameters) else None


def _value(text: str, parameter: Parameter) -> Any:
    if parameter.kind == "choice":
        return next((choice for choice in parameter.choices if str(choice) == text), None)
    try:
        return float(text) if parameter.kind == "float" else int(text)
    except ValueError:
        return None
