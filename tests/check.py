"""Everything that a change must pass: format, lint, types, tests, coverage.

Runs the tools of the environment that it is started with, in the checkout it lies in, on the
cobot that is installed there. Words after it go to pytest: `python tests/check.py -k config`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# -P keeps the checkout off the path: the tests import the cobot that is installed.
PYTHON = (sys.executable, "-P", "-m")

STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("coverage", "erase"),
    # As many tests at a time as there are processors: most of them wait for processes.
    ("coverage", "run", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *sys.argv[1:]),
    ("coverage", "combine", "--quiet"),
    ("coverage", "report"),
)


def main() -> int:
    """Run the steps; return the exit code of the first that fails."""
    for step in STEPS:
        print(f"$ {' '.join(step)}", flush=True)
        done = subprocess.run((*PYTHON, *step), cwd=CHECKOUT, check=False)
        if done.returncode:
            print(f"failed: {' '.join(step)}", flush=True)
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
