"""The search space of a study, read from texts in Hydra's sweep grammar as Hydra's Optuna sweeper reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from sweep.errors import SweepError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

LOG = "log"
STEP_TOLERANCE = 1e-8  # of a step, as Optuna's own FloatDistribution allows
FORMS = "interval(0.1, 0.5), int(interval(1, 9)), range(1, 9, 2), choice(a, b), tag(log, interval(0.001, 0.1))"


@dataclass(frozen=True)
class Parameter:
    """One tuned training argument.

    Attributes:
        name: the argument of the recipe, without `recipe.`.
        kind: `float` and `int` have low and high, `choice` has choices.
        low: least value.
        high: greatest value; it can be proposed too.
        step: distance of the values from low on; None: any value between.
        log: whether values are drawn evenly on a logarithmic scale.
        choices: numbers, texts, true, false and null.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    def contains(self, value: object) -> bool:
        """Whether a trial may have this value. `1` and `1.0` are the same number; true is no number."""
        if self.kind == "choice":
            return any(
                choice == value and isinstance(choice, bool) == isinstance(value, bool) for choice in self.choices
            )
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        if self.low is None or self.high is None or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / (self.step or 1)
        return (self.kind == "float" and self.step is None) or abs(steps - round(steps)) < STEP_TOLERANCE

    def distribution(self) -> BaseDistribution:
        """Optuna's distribution of this parameter."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.kind == "choice":
            return CategoricalDistribution(self.choices)
        assert self.low is not None and self.high is not None
        if self.kind == "int":
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: Trial) -> Any:
        """A value for a trial: the one that it was given, or what the study's sampler proposes."""
        if self.kind == "choice":
            return trial.suggest_categorical(self.name, self.choices)
        assert self.low is not None and self.high is not None
        if self.kind == "int":
            step = int(self.step or 1)
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def ends(self) -> tuple[Any, ...]:
        """The least and the greatest value, or all choices."""
        return self.choices if self.kind == "choice" else (self.low, self.high)


def read_space(space: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The parameters of a space, in the order of their names.

    Args:
        space: By argument, `interval(a,b)` (any number between), `int(interval(a,b))` (whole numbers, both ends
            included, as Hydra's Optuna sweeper reads it), `range(start,stop,step)` (as in Hydra, stop itself is
            never proposed), `choice(a,b)`, `a,b` or a list, and `tag(log, …)` around an interval.

    Raises:
        SweepError: With every text that is no such space.
    """
    parameters = []
    problems = []
    for name in sorted(space):
        try:
            parameters.append(_parameter(name, space[name]))
        except ValueError as error:
            problems.append(f"tune.space.{name}={_shown(space[name])} {error}")
    if problems:
        raise SweepError(*problems)
    return tuple(parameters)


def _parameter(name: str, content: object) -> Parameter:
    """One parameter; a ValueError says what is wrong and the fix, as the rest of a sentence."""
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    value = _parsed(name, content) if isinstance(content, str) else content
    if isinstance(value, Glob):
        raise ValueError(f"is a glob, which only chooses files. Write one of {FORMS}.")
    if isinstance(value, list | tuple):
        return _choice(name, value)
    if isinstance(value, ChoiceSweep):
        return _tagged_choice(name, value)
    if isinstance(value, IntervalSweep):
        return _interval(name, value)
    if isinstance(value, RangeSweep):
        return _range(name, value)
    if isinstance(value, Mapping) or value == "":
        raise ValueError(f"is not a search space. Write one of {FORMS}.")
    raise ValueError(f"is one value, so there is nothing to tune. Set it with recipe.{name}={_shown(value)} instead.")


def _parsed(name: str, text: str) -> Any:
    from hydra.errors import HydraException

    from sweep.overrides import parse

    try:
        return parse(f"{name}={text.strip()}").value()
    except HydraException as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"cannot be read ({reason}). Write one of {FORMS}.") from None


def _tagged_choice(name: str, value: ChoiceSweep) -> Parameter:
    from hydra.core.override_parser.types import QuotedString, Sweep

    if value.tags:
        raise ValueError(
            "tags a list of choices: a tag belongs to an interval, such as tag(log, interval(0.001, 0.1))."
        )
    if any(isinstance(item, Sweep) for item in value.list):
        raise ValueError("has several spaces: write one interval that holds them, or single values.")
    return _choice(name, [item.text if isinstance(item, QuotedString) else item for item in value.list])


def _choice(name: str, items: Sequence[Any]) -> Parameter:
    for item in items:
        if not (item is None or isinstance(item, str | bool | int | float)):
            raise ValueError(f"has the choice {item}: Optuna chooses among numbers, texts, true, false and null.")
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"has the choice {item}, which is not a finite number.")
    for index, item in enumerate(items):
        if item in items[:index]:  # also 1, 1.0 and true, which Optuna cannot tell apart
            raise ValueError(f"has the choice {_shown(item)} twice. Name every value once.")
    if len(items) < 2:
        fix = f"Add one, or set recipe.{name}={_shown(items[0])} instead" if items else "Name at least two"
        raise ValueError(f"has {'one choice' if items else 'no choices'}, so there is nothing to tune. {fix}.")
    return Parameter(name, "choice", choices=tuple(items))


def _interval(name: str, value: IntervalSweep) -> Parameter:
    low, high = value.start, value.end
    assert low is not None and high is not None
    log = _is_log(value.tags)
    _check_finite(low, high)
    if low >= high:
        raise ValueError(f"is empty: its lower end {low} must be below its upper end {high}.")
    if log and low <= 0:
        raise ValueError(
            f"has a logarithmic scale, so its lower end {low} must be above 0. Raise it, or leave out log."
        )
    return Parameter(name, "int" if isinstance(low, int) else "float", low, high, log=log)


def _range(name: str, value: RangeSweep) -> Parameter:
    start, stop, step = value.start, value.stop, value.step
    assert start is not None and stop is not None
    if _is_log(value.tags):
        raise ValueError("has steps, which a logarithmic scale cannot have. Use tag(log, int(interval(1, 64))).")
    _check_finite(start, stop, step)
    if step == 0:
        raise ValueError("has the step 0. Give another step, such as range(0, 10, 2).")
    # Decimals of what was written: with binary fractions, range(0, 0.9, 0.3) would propose 0.9 as well.
    first, end, distance = (Decimal(str(number)) for number in (start, stop, step))
    count = math.ceil((end - first) / distance)
    if count < 2:
        what = "has one value" if count == 1 else "is empty"
        raise ValueError(f"{what}: it runs from {start} up to {stop}, without {stop} itself, in steps of {step}.")
    ends = sorted((first, first + (count - 1) * distance))
    if all(isinstance(number, int) for number in (start, stop, step)):
        return Parameter(name, "int", int(ends[0]), int(ends[1]), abs(int(step)))
    return Parameter(name, "float", float(ends[0]), float(ends[1]), abs(float(step)))


def _is_log(tags: set[str]) -> bool:
    unknown = sorted(tags - {LOG})
    if unknown:
        raise ValueError(f"has the tag {', '.join(unknown)}. The only tag is log.")
    return LOG in tags


def _check_finite(*numbers: float) -> None:
    for number in numbers:
        if not math.isfinite(number):
            raise ValueError(f"has the end {number}, which is not a finite number.")


def _shown(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
