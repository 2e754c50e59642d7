"""`python -m sweep`: a known verb goes to the verbs, everything else to Hydra."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

from sweep.disk_full import refusal
from sweep.errors import SweepError
from sweep.interruption import EXIT_CODES, Interrupted
from sweep.redaction import redacted

VERBS = {"plan", "status", "report", "import", "sync", "ui", "clean", "doctor", "npu", "nightly"}
PLACES = ("-cd", "--config-dir", "-cn", "--config-name", "-cp", "--config-path")  # Hydra's flags for other places
HYDRA_FLAGS = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc", "--version")
EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with the exit code of design section 4."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.excepthook = _show_without_secrets
    try:
        if arguments and arguments[0] in VERBS:
            from sweep.cli import run_verb

            run_verb(arguments)
        elif "--help" in arguments or "-h" in arguments or arguments == ["help"]:
            from sweep.help import print_help

            print_help()
        elif any(argument.startswith(PLACES) for argument in arguments):
            _refuse_places(arguments)
        elif any(argument.startswith(HYDRA_FLAGS) for argument in arguments):
            _hydra_flags(arguments)
        else:
            _refuse_unknown_verb(arguments)
            _sweep(arguments)
    except SweepError as error:
        for problem in error.problems:
            print(f"error: {redacted(problem)}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
    except Interrupted as interruption:
        print(f"Stopped by {interruption.reason}.", file=sys.stderr)
        raise SystemExit(interruption.exit_code) from None
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", file=sys.stderr)
        raise SystemExit(EXIT_CODES[signal.SIGINT]) from None
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        print(f"error: {refused}", file=sys.stderr)
        raise SystemExit(EXIT_FAILED) from None


def _show_without_secrets(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback; MLflow and database drivers put addresses into their messages."""
    print(redacted("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _refuse_unknown_verb(arguments: Sequence[str]) -> None:
    first = arguments[0] if arguments else ""
    if first.isalpha():
        from sweep.overrides import nearest

        verbs = ", ".join(sorted(VERBS))
        raise SweepError(
            f"There is no verb `{first}`.{nearest(first, sorted(VERBS))} Verbs: {verbs}. Options are key=value."
        )


def _refuse_places(arguments: Sequence[str]) -> None:
    flag = next(argument for argument in arguments if argument.startswith(PLACES)).partition("=")[0]
    raise SweepError(
        f"{flag} is not for npu-sweep, which reads its own configuration, and before it what you have in conf/ and "
        "sweeps/ of the folder where you start it. Put your files there, and choose with key=value, as in sweeps=NAME."
    )


def _sweep(arguments: Sequence[str]) -> None:
    """Compose once ourselves, so that mistakes of the user end with exit code 2, then let Hydra run the sweep."""
    from sweep.arguments import prepare
    from sweep.cell import run_cell
    from sweep.compose import hydra_app
    from sweep.overrides import CONFIG_NAME, check_overrides

    overrides = prepare(arguments)
    check_overrides(overrides)
    hydra_app().multirun(
        config_name=CONFIG_NAME, task_function=run_cell, overrides=overrides, with_log_configuration=False
    )


def _hydra_flags(arguments: Sequence[str]) -> None:
    """Hydra's own flags. `--cfg job` shows the first cell of a grid."""
    import hydra

    from sweep.arguments import prepare
    from sweep.cell import run_cell
    from sweep.compose import first_cell
    from sweep.overrides import CONFIG_NAME, check_overrides
    from sweep.paths import packaged

    prepared = prepare(arguments)
    overrides = [text for text in prepared if not text.startswith("-") and "=" in text]
    check_overrides(overrides)
    flags = [text for text in prepared if text not in overrides]
    sys.argv = [sys.argv[0], *flags, *first_cell(overrides)]
    hydra.main(config_path=str(packaged("conf")), config_name=CONFIG_NAME, version_base="1.3")(run_cell)()


if __name__ == "__main__":
    main()
