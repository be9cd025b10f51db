"""Installs a wheel for each Python from 3.11 to 3.14 that this machine has, and tries it.

    python -m tests.try_wheel dist/chainrule-*.whl

Each gets an environment of its own, with what the wheel asks for and nothing else, and runs a
command of every kind. Pythons that are not here are named.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
STUDENT = Path(__file__).parents[1] / "docs" / "images" / "mine.py"
MISTAKES_FOUND = 1
COMMANDS = [  # each with its exit code
    ("--version", 0),
    ("train digits --epochs 3 --out run", 0),
    ("evaluate run", 0),
    ("predict run digits --out predictions.csv", 0),
    ("summary run", 0),
    ("report run", 0),
    ("explain run --out step.py", 0),
    ("explain run --numbers --out numbers.html", 0),
    ("export-notebook run --out run.ipynb", 0),
    ("train digits --hidden 16 --activation gelu --augment affine --epochs 1 --out augmented", 0),
    ("compare xor --vary hidden=[4],[8] --seeds 3 --epochs 5 --out comparison", 0),
    ("report comparison", 0),
    (f"check {STUDENT}", MISTAKES_FOUND),
    ("lab run parabola --quick --out lab", 0),
    ("data list", 0),
]
DIGITS = """
import chainrule as cr
digits = cr.datasets.load("digits")
net = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1), seed=0)
print(net.fit(digits.x_train, digits.y_train, epochs=1, quiet=True).engine)
"""


def find(version: str) -> str | None:
    """A Python of this version that starts; None where there is none."""
    candidates = [shutil.which(f"python{version}"), sys.executable]
    candidates += map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/python"))
    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    for python in filter(None, candidates):
        said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return python
    return None


def attempt(python: str, wheel: Path, folder: Path) -> str:
    """What came of a Python, in a line.

    Raises:
        SystemExit: something of it failed.
    """
    run([python, "-m", "venv", folder / "venv"], folder)
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    began = time.perf_counter()
    pip = [scripts / "python", "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", wheel], folder)
    installed = time.perf_counter()
    engine = run([scripts / "python", "-c", DIGITS], folder).strip()
    first = time.perf_counter()
    run([scripts / "python", "-m", "pip", "check"], folder)
    for command, code in COMMANDS:
        run([scripts / "chainrule", *command.split()], folder, code)
    return (
        f"{megabytes(folder / 'venv'):.0f} MB with pip, installed in {installed - began:.0f} s, "
        f"the first epoch after {first - installed:.1f} s, {engine.partition(',')[0]}; "
        f"{len(COMMANDS)} commands in {time.perf_counter() - first:.0f} s"
    )


def run(command: list[str | Path], folder: Path, code: int = 0) -> str:
    """What a command prints; the end of everything where it ends with another code."""
    environment = {**os.environ, "CHAINRULE_CACHE": str(folder / "cache")}
    environment.pop("PYTHONPATH", None)
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode != code:
        said = f"{' '.join(map(str, command))}: exit code {ran.returncode}, not {code}"
        raise SystemExit(f"{said}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def megabytes(folder: Path) -> float:
    """What a folder takes on the disk, as `du` counts it."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 2**20


def main(wheel: str) -> None:
    """Try every Python."""
    for version in VERSIONS:
        python = find(version)
        if python is None:
            print(f"Python {version}: not on this machine", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(f"Python {version}: ", end="", flush=True)
            print(attempt(python, Path(wheel).resolve(), Path(folder)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
