"""The wheel: its kernels need no compiler, and give the bits of those that are compiled here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from chainrule.engine.codegen.library import ITEMS, symbol
from chainrule.engine.codegen.processor import VECTORS
from chainrule.engine.running import building, built
from chainrule.files import cache_folder
from chainrule.system.environment import CAP

ROOT = Path(__file__).parents[2]
COMPILERS = ("numba", "llvmlite")
TRAIN = """
import hashlib, sys
import numpy as np, chainrule as cr

rng = np.random.default_rng(0)
networks = {
    "dense": ([cr.Dense(40), cr.GELU(), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(3)], (20,)),
    "images": (
        [cr.Conv2D(20, 3), cr.LayerNorm(), cr.SiLU(), cr.MaxPool2D(2), cr.Flatten(), cr.Dense(3)],
        (8, 8, 3),
    ),
    "narrow": (
        [cr.Conv2D(6, 3), cr.Tanh(), cr.AveragePool2D(2), cr.Flatten(), cr.Dense(3)],
        (8, 8, 1),
    ),
    "small": ([cr.Dense(4), cr.Tanh(), cr.Dense(3)], (2,)),
}
engine, *dtypes = sys.argv[1:]
for name, (layers, shape) in networks.items():
    for dtype in dtypes:
        net = cr.Network(layers, shape, seed=0, dtype=dtype, engine=engine, threads=1)
        x, y = rng.random((200, *shape)), np.arange(200) % 3
        history = net.fit(x, y, epochs=3, batch_size=32, optimizer="adam", quiet=True)
        outputs = net.predict(x[:50]).tobytes() + net.parameters.flat.tobytes()
        print(name, dtype, history.engine.split(",")[0], hashlib.sha256(outputs).hexdigest())
"""
WARM_UP = "import sys; from chainrule.cli import main; sys.argv[1:] = ['warm-up']; main()"


@pytest.fixture
def without_compiler(tmp_path: Path) -> Path:
    """A folder with all that this Python has installed but a compiler, and chainrule."""
    folder = tmp_path / "installed"
    folder.mkdir()
    for package in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not package.name.lower().startswith((*COMPILERS, "chainrule", "_editable", "__")):
            (folder / package.name).symlink_to(package)
    return folder


def run(code: str, path: list[Path], *arguments: str, cap: str = "", ends_with: int = 0) -> str:
    """What a Python says that imports from these folders alone."""
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), CAP: cap},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == ends_with, ran.stderr
    return ran.stdout + ran.stderr


PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
linux_with_a_compiler = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="nothing is built"
)
without_a_cap = pytest.mark.skipif(
    bool(os.environ.get(CAP)), reason="a whole wheel, built by `make test-long`, has all vectors"
)


KERNELS = ("activations.Relu", "activations.ReluDx")  # which call no other function


@linux_with_a_compiler
def test_kernels_become_a_library_that_serves_the_source_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A few kernels, of which nothing is run: `make test-long` builds wheels, and trains."""
    monkeypatch.setattr(building, "FUNCTIONS", KERNELS)
    monkeypatch.setattr(built, "FOLDER", tmp_path)
    (objects := tmp_path / "objects").mkdir()
    building.write_objects(str(objects), "float32")
    building.link(objects, tmp_path / built.library_name(VECTORS.key), os.environ.get("CC", "cc"))
    library = built.built_kernels.__wrapped__()
    assert library is not None
    assert all(hasattr(library, symbol(name, "float32")) for name in KERNELS)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(built, "source_hash", lambda: "0" * 64)
    assert built.built_kernels.__wrapped__() is None
    assert "was built from other source than what is installed" in capsys.readouterr().err


@pytest.mark.long
@linux_with_a_compiler
@without_a_cap
def test_a_wheel_needs_no_compiler_and_gives_the_same_bits(
    tmp_path: Path, without_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a wheel: the kernels for these vectors and one type of number."""
    monkeypatch.setattr(building, "kinds", lambda: (VECTORS,))
    monkeypatch.setattr(building, "ITEMS", ["float32"])
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    place = installed(Path(wheel), tmp_path)
    assert_same_bits(place, without_compiler, "", "float32")
    source = place / "chainrule" / "engine" / "running" / "machine.py"
    source.write_text(source.read_text() + "\n# changed\n")
    said = run(TRAIN, [place, without_compiler], "auto", "float32")
    assert "was built from other source than what is installed; reinstall chainrule" in said
    assert said.count(" NumPy ") == 4


@pytest.mark.long
@linux_with_a_compiler
@without_a_cap
def test_a_whole_wheel_gives_the_same_bits(tmp_path: Path, without_compiler: Path) -> None:
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("chainrule-*-py3-none-*.whl")
    place = installed(wheel, tmp_path)
    for cap in ("", "avx2"):
        assert_same_bits(place, without_compiler, cap, *ITEMS)


def installed(wheel: Path, folder: Path) -> Path:
    """The folder that a wheel is installed into."""
    assert "-py3-none-" in wheel.name
    place = folder / "place"
    subprocess.run([*PIP, "install", "--no-deps", "--target", place, wheel], check=True)
    return place


def assert_same_bits(place: Path, without_compiler: Path, cap: str, *dtypes: str) -> None:
    """What is installed in a place trains as what is compiled here."""
    here = [ROOT / "src", Path(sysconfig.get_paths()["purelib"])]
    from_wheel = run(TRAIN, [place, without_compiler], "compiled", *dtypes, cap=cap)
    assert from_wheel == run(TRAIN, here, "compiled", *dtypes, cap=cap)
    assert from_wheel.count("compiled") == 4 * len(dtypes)
    said = run(WARM_UP, [place, without_compiler], cap=cap)
    assert said.startswith("kernels from the wheel, ")
    assert said.splitlines()[1:] == [
        f"{cache_folder()} has compiled code and downloads; it can be deleted at any time"
    ]


def test_without_kernels_and_compiler_there_is_numpy(without_compiler: Path) -> None:
    path = [ROOT / "src", without_compiler]
    assert run(TRAIN, path, "auto", *ITEMS).count(" NumPy ") == 8
    refused = run(TRAIN, path, "compiled", *ITEMS, ends_with=1)
    what_to_do = "nor a compiler to make them: pip install 'chainrule[compile]'\n"
    assert refused.endswith(what_to_do)
    said = run(WARM_UP, path, ends_with=2)
    assert said.startswith("chainrule: the engine is off: ")
    assert said.endswith(what_to_do)
    assert said.count("\n") == 1


def test_a_damaged_library_is_said_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(built, "FOLDER", tmp_path)
    assert built.built_kernels.__wrapped__() is None
    assert capsys.readouterr().err == ""
    (tmp_path / built.library_name(built.VECTORS.key)).write_bytes(b"\x7fELF")
    assert built.built_kernels.__wrapped__() is None
    assert capsys.readouterr().err.startswith("chainrule: the built kernels cannot be loaded: ")
