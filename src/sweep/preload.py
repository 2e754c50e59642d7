"""What the process does first from which workers on the CPU are forked: the imports that `pool.start_imports` names."""

from __future__ import annotations

import os

from sweep.pool import PRELOAD_VARIABLE, import_for_good

import_for_good([module for module in os.environ.get(PRELOAD_VARIABLE, "").split(",") if module])
