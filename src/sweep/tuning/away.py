"""A storage that is away for a while: a database that is started again, a network that is interrupted."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sweep.errors import SweepError

if TYPE_CHECKING:
    from tenacity import RetryCallState

WAIT_S: Final = 300.0  # how long a worker waits for its storage before it gives up
MOST_BETWEEN_S: Final = 15.0

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass
class Outages:
    """What this process knows of times in which its storage was away.

    Attributes:
        last: when it was, on the clock of `time.monotonic`; minus infinity: never.
    """

    last: float = -math.inf

    def note(self) -> None:
        """Note that the storage is away at this moment."""
        self.last = time.monotonic()


OUTAGES: Final = Outages()


def patiently(action: Callable[[], Result], wait_s: float = WAIT_S) -> Result:
    """Do something that needs the storage; while it is away, again and again.

    Raises:
        Exception: What the storage has raised last, after `wait_s` seconds; anything else at once.
    """
    from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_delay, wait_exponential

    tell = before_sleep_log(log, logging.WARNING)

    def before_sleep(state: RetryCallState) -> None:
        OUTAGES.note()
        tell(state)

    retrying = Retrying(
        retry=retry_if_exception(is_away),
        stop=stop_after_delay(wait_s),
        wait=wait_exponential(multiplier=0.5, max=MOST_BETWEEN_S),
        before_sleep=before_sleep,
        reraise=True,
    )
    return retrying(action)


def is_away(error: BaseException) -> bool:
    """Whether an error is one of the storage, and not of what was asked of it.

    Where the connection is lost while Optuna reads values of trials, it goes on with the same session, which then says
    that it has to be rolled back first.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError

    cause = error.__cause__ if isinstance(error, StorageInternalError | SweepError) else error
    return isinstance(cause, OperationalError | InterfaceError | PendingRollbackError)
