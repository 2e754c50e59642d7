"""`python -m sweep --help`: what can be asked, with the choices that are there. Answers at once."""

from __future__ import annotations

from sweep.paths import option_names

TEXT = """\
npu-sweep: which architecture level with which activation should I ship?

Run a grid of detectors (a comma makes an option an axis of the grid):
  python -m sweep level=2,3,4 act=relu,leakyrelu
  python -m sweep level=2,3,4 act=relu,leakyrelu data=/path/data.yaml recipe.epochs=50
  python -m sweep sweeps=v3 'seed=range(0,3)'

Verbs:
  plan OVERRIDES   the table of cells and their states; nothing is started
  report           build the report of the last sweep anew: Korean, English, one HTML page
  import RUN_DIR   a folder that plain `yolo detect train` wrote becomes a cell: import DIR level=4 act=relu
  sync             deliver to MLflow what a sweep could not (exit code 4), then build its report
  ui               MLflow's UI on 127.0.0.1
  npu measure      measure the cells of the last sweep on more targets, without training
  npu assess FILE  measure any Ultralytics detection checkpoint
  npu targets      the targets, and which of their compilers are installed
  clean            free space in home: what MLflow has too, and caches; --dry-run only shows it
  doctor           what is installed, which devices, what is missing
  VERB --help      the options of a verb

What to train:
  level=           {levels}
  act=             {act}
  base=            {base}
  data=            {data}, or the path of a data.yaml (several: separated by commas)
  recipe=          {recipe}; recipe.NAME=VALUE sets any Ultralytics training argument
  seed=0           random seed
  model.weights=   checkpoint to start from; null (default) trains from scratch
  sweeps=          a named sweep: {sweeps}
  zip=[level,act]  axes that move together
  exclude=[{{level: 2, act: leakyrelu}}]   grid points to leave out

How to tune each cell (off by default; tune.trials and so on: docs/tuning.md):
  tune=            {tune}
  tune.trials=20   trials of a cell that end, complete or pruned; trial 0 is the recipe itself
  tune.workers=1   jobs that share the trials of one cell
  tune.space.NAME= what is varied: interval(0.001,0.01), tag(log,interval(…)), range(1,5,1), choice(a,b), null for no
  tune.sampler=    tpe, cmaes, gp, random, qmc; tune.pruner= hyperband, median, percentile, wilcoxon, none, …
  tune.epochs=     shorter trials; with tune.refit=true the best parameters are trained in full length
  tune.patience=   stop after that many trials without an improvement; tune.budget_min= after that many minutes
  tune.storage=    a database for several hosts; default: a journal in home

What to measure (INT8 and operator placement always are, unless npu=none):
  npu=[{npu}]   vendor compilers
  npu.TARGET.OPTION=VALUE   an option of a target, as in its file

The report:
  report.lang=[ko,en]   its languages
  report.require.latency_ms=   what a recommended cell must meet; also npu_pct, size_mb, target
  report.register=NAME  the recommended cell becomes the champion of this model in MLflow's registry

How to run it:
  workers=auto     cells side by side: by cores on the CPU, by free memory on GPUs
  device=auto      auto, cpu, cuda, or GPU indices
  on_error=continue|fail_fast
  retries=0        how often a crashed cell is tried again
  timeout_min=     a cell that takes longer is stopped
  rerun=false      true trains finished cells again

Where it goes:
  home=mlruns      the folder that holds all state
  experiment=npu-sweep
  tracking.uri=    an MLflow server; default: SQLite in home

Finished cells are not trained again: the same command goes on where it stopped.
Hydra's flags work too: --cfg job, --info, --hydra-help.
Exit codes: 0 all finished, 1 a cell failed, 2 wrong input, 3 a regression in a night, 4 not all delivered to MLflow,
130 Ctrl-C, 143 SIGTERM."""


def print_help() -> None:
    """Print the help text, with the choices found on the search path."""
    groups = {group: ", ".join(option_names(group)) for group in ("levels", "act", "base", "recipe", "sweeps", "tune")}
    data = ", ".join(name for name in option_names("data") if name != "path")
    npu = ",".join(name for name in option_names("npu") if name not in {"none", "onnx"})
    print(TEXT.format(**groups, data=data, npu=npu))
