"""Grading tells tests that would notice a wrong gradient from tests that would not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sweep import some_long

from chainrule.grading.grader import CannotGradeError, Grade, Solution, grade
from chainrule.grading.server import Trial, Variant, trial_from
from chainrule.grading.servers import TrialServers
from chainrule.grading.wrapping import Wrapping

SOLUTION = """\
import numpy as np

class Scale:
    def __init__(self, rng):
        self.s = rng.normal(size=3)

    def forward(self, x):
        self.x = x
        return x * self.s

    def backward(self, dy):
        self.ds = (dy * self.x).sum(axis=0) + 0 * self.s
        return dy * self.s

def example(rng):
    return {"layer": Scale(rng), "x": rng.normal(size=(4, 3))}
"""

STRONG = """\
import numpy as np
from scale import Scale

def test_gradients():
    rng = np.random.default_rng(0)
    layer = Scale(rng)
    for _ in range(2):
        x, dy = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
        layer.forward(x)
        before = dy.copy()
        dx = layer.backward(dy)
        np.testing.assert_array_equal(dy, before)
        np.testing.assert_allclose(dx, dy * layer.s)
        assert layer.ds.shape == (3,)
        np.testing.assert_allclose(layer.ds, np.einsum("ni,ni->i", dy, x))
"""

WEAK = """\
import numpy as np
from scale import Scale

def test_shapes():
    layer = Scale(np.random.default_rng(0))
    layer.forward(np.ones((1, 3)))
    assert layer.backward(np.ones((1, 3))).shape == (1, 3)
    assert layer.ds.shape == (3,)
"""


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    path = tmp_path / "scale.py"
    path.write_text(SOLUTION)
    return path


def graded(subject: Path, tests: str) -> Grade:
    file = subject.parent / "test_scale.py"
    file.write_text(tests)
    return grade([file], subject)


def test_strong_tests_let_no_mistake_pass(subject: Path) -> None:
    result = graded(subject, STRONG)
    assert result.ok
    assert result.tests == 1
    assert {wrong.code for wrong, _ in result.killed} >= {
        *["sign", "constant-scale", "batch-scale", "wrong-axis", "missing-gradient", "partial-sum"],
        *["stale-cache", "mutates-input", "unknown"],
    }
    names = {test.rpartition("/")[2] for _, test in result.killed}
    assert names == {"test_scale.py::test_gradients"}
    left_out = {wrong.description for wrong in result.equivalent}  # they change no gradient
    assert (
        "`(dy * self.x).sum(axis=0) + 0 * self.s` becomes `(dy * self.x).sum(axis=0)`" in left_out
    )
    assert not any("-(" in description for description in left_out)


# Strong tests, and tests of nothing, are tried beside it.
@pytest.mark.long
def test_weak_tests_let_much_pass(subject: Path) -> None:
    result = graded(subject, WEAK)
    assert not result.ok
    passed = {(wrong.line, wrong.gradient, wrong.code): wrong for wrong in result.survivors}
    sign = passed[12, "ds", "sign"]
    assert sign.missing == "compare ds with central differences, value by value, signs included"
    assert {code for *_, code in passed} >= {"sign", "batch-scale", "stale-cache", "partial-sum"}


def test_a_function_that_is_never_called_is_named(subject: Path) -> None:
    tests = "from scale import Scale\n\ndef test_nothing():\n    assert Scale\n"
    result = graded(subject, tests)
    assert result.uncalled == ["Scale.backward"]
    assert not result.killed


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (
            "from scale import Scale\n\ndef test():\n    assert Scale is None, 'wrong'\n",
            "must pass on the right",
        ),
        ("from scale import Other\n", "cannot import name 'Other'"),
        ("def test():\n    assert True\n", "never import"),
        ("from scale import Scale\n", "no tests"),
        ("import os\nfrom scale import Scale\n\ndef test():\n    os._exit(3)\n", "crash"),
    ],
)
def test_what_cannot_be_graded(subject: Path, tests: str, message: str) -> None:
    with pytest.raises(CannotGradeError, match=message):
        graded(subject, tests)


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        ("def forward(x):\n    return x\n", "has no backward code"),
        ("def backward(dy:\n", "scale.py, line 1"),
    ],
)
def test_a_solution_that_cannot_be_graded(subject: Path, solution: str, message: str) -> None:
    subject.write_text(solution)
    with pytest.raises(CannotGradeError, match=message):
        graded(subject, STRONG)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServers]:
    """One server for tests that pass on whatever can be imported."""
    folder = tmp_path_factory.mktemp("anything")
    (folder / "scale.py").write_text(SOLUTION)
    tests = folder / "test_scale.py"
    tests.write_text("import scale\n\ndef test():\n    assert True\n")
    with TrialServers(Solution.read(folder / "scale.py").setup([tests]), 1) as server:
        yield server


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("n = 0\nwhile True:\n    n += 1", "endless"),
        ("import os; os.kill(os.getpid(), 11)", "crash"),
        ("import numpy; numpy.ones(1 << 32)", "failed"),
        ("print('to nobody')", "passed"),
    ],
)
def test_whatever_a_variant_does_ends_with_its_process(
    server: TrialServers, body: str, outcome: str
) -> None:
    assert server.run(Variant(f"{body}\n", lines=1000)).outcome == outcome
    assert server.run(Variant("", lines=1000)).outcome == "passed"


def test_a_run_that_only_waits_is_not_finished(server: TrialServers) -> None:
    waits = Variant("import time\ntime.sleep(10_000)\n", seconds=1)
    assert server.run(waits).outcome == "unfinished"


UNTIL_IT_FITS = """\
import numpy as np
from scale import Scale

def test_the_loss_falls():
    rng = np.random.default_rng(0)
    layer, x = Scale(rng), rng.normal(size=(4, 3))
    loss = 1.0
    while not loss < 1e-3:
        error = layer.forward(x) - x
        layer.backward(error)
        layer.s = layer.s - 0.1 * layer.ds
        loss = float(np.sum(error**2))
"""


def test_a_mistake_that_makes_a_test_endless_is_noticed(subject: Path) -> None:
    result = graded(subject, UNTIL_IT_FITS)
    reasons = {(wrong.gradient, wrong.code): reason for wrong, reason in result.killed}
    assert reasons["ds", "sign"] == "endless"


def test_nothing_is_said_when_a_run_is_not_finished(
    subject: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_all(self: TrialServers, variants: list[Variant], finished: object) -> list[Trial]:
        return [Trial("unfinished") for _ in variants]

    monkeypatch.setattr(TrialServers, "run_all", run_all)
    with pytest.raises(CannotGradeError, match="not finished"):
        graded(subject, STRONG)


def test_the_variant_goes_before_a_file_of_the_same_name(subject: Path) -> None:
    tests = subject.parent / "tests" / "test_scale.py"
    tests.parent.mkdir()
    tests.write_text("from scale import NAME\n\ndef test():\n    assert NAME == 'variant'\n")
    (tests.parent / "scale.py").write_text("NAME = 'beside'\n")
    setup = Solution.read(subject).setup([tests])
    with TrialServers(setup, 1) as servers:
        assert servers.run(Variant("NAME = 'variant'\n")).outcome == "passed"


@pytest.mark.long
def test_a_module_within_a_package(tmp_path: Path) -> None:
    package = tmp_path / "course" / "week1"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "scale.py").write_text(SOLUTION)
    tests = tmp_path / "test_scale.py"
    tests.write_text(STRONG.replace("from scale", "from course.week1.scale"))
    assert Solution.read(package / "scale.py").setup([tests]).module == "course.week1.scale"
    assert grade([tests], package / "scale.py").ok


HIDDEN = """\
import numpy as np

class Layer:
    def __init__(self):
        self.W = np.full(3, 2.0)

    def forward(self, x):
        self.x = x
        return x * self.W

    def backward(self, dy):
        found = {"self": self, "dy": dy}
        exec("self.dW = (dy * self.x).sum(axis=0); dx = dy * self.W", found)
        return found["dx"]

def example(rng):
    return {"layer": Layer(), "x": rng.normal(size=(4, 3))}
"""

HIDDEN_TESTS = """\
import numpy as np
from hidden import Layer

def passes():
    layer = Layer()
    layer.forward(np.ones((2, 3)))
    return layer, layer.backward(np.ones((2, 3)))
"""


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServers]:
    """A server for a solution whose source does not show its gradients."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "hidden.py").write_text(HIDDEN)
    tests = folder / "test_hidden.py"
    checks = {"dW": "(passes()[0].dW == 2).all()", "dx": "(passes()[1] == 2).all()"}
    functions = [f"\ndef test_{name}():\n    assert {check}\n" for name, check in checks.items()]
    tests.write_text("\n".join([HIDDEN_TESTS, *functions]))
    with TrialServers(Solution.read(folder / "hidden.py").setup([tests]), 1) as server:
        yield server


@pytest.mark.parametrize("output", ["dW", "dx"])
@pytest.mark.parametrize("code", ["sign", "batch-scale", "missing-gradient", "unknown"])
def test_wrapping_reaches_what_the_source_does_not_show(
    hidden: TrialServers, output: str, code: str
) -> None:
    wrapping = asdict(Wrapping("Layer.backward", output, code))
    trial = hidden.run(Variant(HIDDEN, wrapping=wrapping))
    assert trial.outcome == "failed"
    assert trial.test.endswith(f"test_{output}")


def test_hidden_gradients_are_found_by_watching(tmp_path: Path) -> None:
    subject = tmp_path / "hidden.py"
    subject.write_text(HIDDEN)
    tests = tmp_path / "test_hidden.py"
    tests.write_text(f"{HIDDEN_TESTS}\ndef test():\n    passes()\n")
    found = {(wrong.gradient, wrong.code) for wrong in grade([tests], subject).survivors}
    assert {("dW", "sign"), ("dW", "missing-gradient"), ("dx", "unknown")} <= found


LAYERS = Path(__file__).parents[2] / "src" / "chainrule" / "layers"
CONFORMANCE = Path(__file__).parents[1] / "test_conformance.py"
ENOUGH = "random_directions or accumulates or changes_nothing"  # of the checks


@pytest.mark.parametrize(
    ("module", "cases"),
    [
        ("dropout", "Dropout"),
        pytest.param("reshape", "Flatten or Reshape", marks=pytest.mark.long),
        pytest.param("dense", "Dense", marks=pytest.mark.long),
        pytest.param("pooling", "Pool", marks=pytest.mark.long),
        pytest.param("normalization", "Norm", marks=pytest.mark.long),
        pytest.param("convolution", "Conv", marks=pytest.mark.long),
        pytest.param("containers", "Sequential or Residual or Concat", marks=pytest.mark.long),
        pytest.param("activations", "not (Conv or Pool or Dense or Norm)", marks=pytest.mark.long),
    ],
)
def test_no_wrong_gradient_passes_the_tests_of_the_layers(module: str, cases: str) -> None:
    result = grade([str(CONFORMANCE), "-k", f"({cases}) and ({ENOUGH})"], LAYERS / f"{module}.py")
    assert not result.survivors
    assert not result.uncalled
    assert result.killed


CHEATING = {
    "by the text": """
from pathlib import Path
import scale

def test():
    assert scale.__loader__.variant.source == Path(scale.__file__).read_text()
""",
    "by the code": """
import inspect
from pathlib import Path
from types import CodeType
from scale import Scale

def test():
    code = compile(Path(inspect.getfile(Scale)).read_text(), "scale.py", "exec")
    while code.co_name != "backward":
        within = [each for each in code.co_consts if isinstance(each, CodeType)]
        code = within[2 if code.co_name == "Scale" else 0]
    assert inspect.unwrap(Scale.backward).__code__.co_code == code.co_code
""",
}


@pytest.mark.parametrize("how", some_long(CHEATING, lambda how: how == "by the text"))
def test_tests_that_tell_variants_otherwise_than_by_their_gradients_are_not_graded(
    subject: Path, how: str
) -> None:
    with pytest.raises(CannotGradeError, match="rejects the right solution in another writing"):
        graded(subject, CHEATING[how])


HARM = {
    "deletes the working folder": "shutil.rmtree(os.path.dirname(__file__))",
    "opens a socket": "socket.create_server(('127.0.0.1', 0))",
    "leaves a process behind": "os.fork() or os.setsid() or time.sleep(600)",
    "kills the process that started it": "os.kill(os.getppid(), 9)",
    "reads a file of the machine": "open('/etc/passwd').read()",
    "writes into the working folder": "open('results.json', 'w').write('x')",
}


HARMFUL = """
@pytest.mark.parametrize("harm", {harm})
def test_harm(harm):
    with pytest.raises(OSError):
        eval(harm)

def test_secret():
    assert "CHAINRULE_TEST_SECRET" not in os.environ
"""


def test_harm_by_tests_is_held_back(subject: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They pass if each attack is refused; one that does harm is named."""
    monkeypatch.setenv("CHAINRULE_TEST_SECRET", "secret")
    imports = "import os, shutil, socket, time\nimport pytest\n"
    result = graded(subject, imports + STRONG + HARMFUL.format(harm=[*HARM.values()]))
    assert result.ok
    assert result.tests == 1 + len(HARM) + 1
    assert subject.exists()


@pytest.mark.parametrize(
    "said",
    [
        *("", "[" * 100_000, "5", "{}", '{"outcome": 3}'),
        *('{"outcome": "passed", "imported": "yes"}', '{"outcome": "passed", "nonsense": 1}'),
        *('{"outcome": "passed", "outputs": {"a": 3}}', '{"outcome": "passed", "outputs": []}'),
    ],
)
def test_what_a_run_says_is_read_with_distrust(said: str) -> None:
    assert trial_from(said).outcome == "crash"


def test_a_trial_is_read_as_it_was_written() -> None:
    trial = Trial("failed", "test_a", "no", True, 3, 40, {"f": ["ds"]})
    assert trial_from(json.dumps(asdict(trial))) == trial
