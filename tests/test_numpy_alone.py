"""``pip install --no-deps`` and NumPy: everything but files, pictures and commands is there, and
what needs a package says so in one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]

BEGIN = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np, chainrule as cr
rng = np.random.default_rng(0)
x, y = rng.normal(size=(60, 8)).astype("f4"), np.arange(60) % 3
images = rng.random((60, 8, 8, 1)).astype("f4")
"""
RUNS = {
    "layers": """
from layer_cases import LAYER_CASES
for case in LAYER_CASES:
    net = case.network()
    inputs = rng.random((3, *net.input_shape)).astype(net.dtype)
    outputs, caches = net.forward(inputs, training=True)
    assert net.backward(outputs, caches).shape == inputs.shape
""",
    "training": """
from chainrule.layers import LAYERS
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
for optimizer in OPTIMIZERS:
    net = cr.Network([cr.Dense(4), cr.GELU(), cr.BatchNorm(), cr.Dense(3)], 8, seed=0)
    history = net.fit(x, y, optimizer=optimizer, epochs=2, validation=0.2, metrics=["accuracy"])
    assert history.engine == "NumPy" and net.predict(x).shape == (60, 3)
    assert 0 <= net.evaluate(x, y)["accuracy"] <= 1
    assert "Dense" in str(net.summary())
""",
    "images": """
layers = [cr.Conv2D(4, 3), cr.ReLU(), cr.MaxPool2D(2), cr.Flatten(), cr.Dense(3)]
net = cr.Network(layers, (8, 8, 1), seed=0)
net.fit(images, y, epochs=1, augment=cr.Affine(1, rotation=10, scale=0.1))
digits = cr.datasets.load("digits")
cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1)).fit(digits.x_train, digits.y_train, epochs=1)
""",
    "the doctor": """
class Double:
    def forward(self, x):
        return 2 * x
    def backward(self, dy):
        return -2 * dy
diagnosis = cr.check.diagnose(Double(), np.ones((3, 2)))
assert [each.code for each in diagnosis.findings] == ["sign"]
assert cr.check.diagnose(cr.Dense(3), x[:5]).ok
from pathlib import Path
file = Path(sys.argv[1], "double.py")
file.write_text('''
import numpy as np
class Double:
    def forward(self, x):
        return 2 * x
    def backward(self, dy):
        return 3 * dy
def example(rng):
    return {"layer": Double(), "x": rng.normal(size=(3, 2))}
''')
assert not cr.check.diagnose(file).ok
""",
    "explain": """
net = cr.Network([cr.Dense(4), cr.GELU(), cr.Dense(3)], 8, seed=0)
program = cr.explain(net)
exec(compile(program.source, "step", "exec"), {})
assert "Phi" in cr.explain.latex(net)
print(cr.explain.trace(net, x[:3], y[:3]))
""",
}
NEEDS = {
    "safetensors": "cr.Network([cr.Dense(3)], 8).save(sys.argv[1] + '/net.safetensors')",
    "filelock": "cr.Network([cr.Dense(3)], 8).fit(x, y, checkpoint=sys.argv[1] + '/run')",
    "onnx": "cr.Network([cr.Dense(3)], 8).to_onnx(sys.argv[1] + '/net.onnx')",
}


@pytest.fixture(scope="module")
def with_numpy_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NumPy, and nothing else that was installed."""
    folder = tmp_path_factory.mktemp("installed")
    for package in Path(np.__file__).parents[1].glob("numpy*"):
        (folder / package.name).symlink_to(package)
    return folder


def python(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A Python that finds chainrule and what is in a folder, and nothing else."""
    places = ROOT / "src", folder, ROOT / "tests"  # the last for the table of layers
    return subprocess.run(
        [sys.executable, "-S", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("code", RUNS.values(), ids=RUNS)
def test_it_runs(with_numpy_alone: Path, tmp_path: Path, code: str) -> None:
    ran = python(with_numpy_alone, "-c", BEGIN + code, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


@pytest.mark.parametrize(("package", "code"), NEEDS.items(), ids=NEEDS)
def test_what_needs_a_package_says_so(
    with_numpy_alone: Path, tmp_path: Path, package: str, code: str
) -> None:
    ran = python(with_numpy_alone, "-c", BEGIN + code, tmp_path)
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("chainrule.errors.MissingPackageError: ")
    assert f" needs {package}: pip install " in last
    assert not list(tmp_path.rglob("*.*"))


def test_a_command_says_what_it_needs(with_numpy_alone: Path) -> None:
    ran = python(with_numpy_alone, "-m", "chainrule", "train", "digits")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "chainrule: the command line needs typer: pip install typer\n"
