"""Code that sets out to harm the machine, or to forge its own answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import nbformat
import pytest
from sweep import some_long

from chainrule.doctor.process.judge import MODULE
from chainrule.doctor.process.reaching import reaching
from chainrule.sandbox.confinement import REFUSED
from chainrule.sandbox.fork_server import ForkServer
from tests.cli.conftest import Answer, Command, chainrule
from tests.doctor.hostile.attacks import ENDLESS, FORGERIES, HARM, RIGHT, UNSEEN, WRONG

__all__ = ["chainrule"]  # the fixture

BY_SOURCE = "has another function compared"  # the forgery that its source alone tells
RAISES = "\nif succeeded:\n    raise RuntimeError('the attack succeeded')\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """What forks for all attacks, as for the submissions of a class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_TEST_SECRET", "secret")
        server = ForkServer(MODULE)
        yield server
        server.end()


@pytest.fixture(autouse=True)
def forked(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each check has forks of the server, which no attack reaches."""
    begin = "chainrule.doctor.process.judge.starter"
    monkeypatch.setattr(begin, lambda module: nullcontext(server.start))
    yield
    assert server.process.poll() is None


def given(answer: Answer) -> dict[str, object]:
    assert "Traceback" not in answer.err
    return json.loads(answer.out)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to write code to, in a folder with another one."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "precious.txt").write_text("kept")
    return folder / "lab.py"


@pytest.mark.parametrize("name", HARM)
def test_harm_is_held_back(chainrule: Command, file: Path, name: str) -> None:
    code = RIGHT + HARM[name] + RAISES
    file.write_text(code)
    answer = chainrule("check", file, "--json")
    assert given(answer)["verdict"] == "right", answer.out
    assert "the attack succeeded" not in answer.out  # as a statement that was left out
    assert file.read_text() == code
    assert (file.parent / "precious.txt").read_text() == "kept"
    assert sorted(path.name for path in file.parent.iterdir()) == ["lab.py", "precious.txt"]


@pytest.mark.parametrize("name", some_long(ENDLESS, lambda name: "SIGPROF" in name))
def test_what_does_not_end_is_ended(
    chainrule: Command, file: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, attack = ENDLESS[name]
    file.write_text(RIGHT + attack)
    seconds = 120 if said == "writes more than" else 1
    monkeypatch.setattr("chainrule.sandbox.limits.PATIENCE", 2)
    answer = chainrule("check", file, "--json", "--time-limit", seconds)
    assert answer.code == 2
    assert re.search(said, str(given(answer)["error"]))


def assert_not_believed(answer: Answer) -> None:
    assert answer.code in (1, 2, 3)
    assert given(answer)["verdict"] != "right"
    assert given(answer).get("gradients", {}).get("dW") is not True


@pytest.mark.parametrize("name", [BY_SOURCE, "takes the place of the diagnosis"])
def test_a_forged_answer_is_not_believed(chainrule: Command, file: Path, name: str) -> None:
    file.write_text(WRONG + FORGERIES[name])
    assert_not_believed(chainrule("check", file, "--json"))


@pytest.mark.parametrize("name", [name for name in FORGERIES if name != BY_SOURCE])
def test_numbers_alone_tell_a_forged_answer(
    chainrule: Command, file: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then with the source as well, which makes nothing right that numbers do not."""
    monkeypatch.setattr("chainrule.doctor.process.judge.reaching_in", lambda file: [])
    file.write_text(WRONG + FORGERIES[name])
    assert_not_believed(chainrule("check", file, "--json"))


def test_with_a_solution_no_other_function_is_compared(chainrule: Command, file: Path) -> None:
    solution = file.with_name("solution.py")
    solution.write_text(RIGHT)
    file.write_text(WRONG + UNSEEN)
    answer = chainrule("check", file, "--solution", solution, "--json")
    assert given(answer)["verdict"] == "not checked"
    assert "computes something else forward than the solution" in answer.out
    file.write_text(RIGHT)
    assert chainrule("check", file, "--solution", solution).code == 0


def test_code_that_reaches_into_its_process_is_left_to_a_reader(
    chainrule: Command, file: Path
) -> None:
    file.with_name("helper.py").write_text("import sys\n\nframe = sys._getframe()\n")
    file.write_text("import helper\n" + RIGHT)
    answer = chainrule("check", file)
    assert answer.code == 2
    assert "helper.py, line 3: _getframe: that reaches into" in " ".join(answer.out.split())
    assert chainrule("check", file, "--solution", file).code == 0


def test_a_notebook_that_reaches_into_its_process_is_left_to_a_reader(
    chainrule: Command, file: Path
) -> None:
    cells = [nbformat.v4.new_code_cell(RIGHT), nbformat.v4.new_code_cell("import gc\n%time gc")]
    notebook = file.with_suffix(".ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    answer = chainrule("check", notebook)
    assert answer.code == 2
    assert "lab.ipynb, cell 2, line 1: gc: that reaches" in " ".join(answer.out.split())


def test_source_that_is_too_long_to_be_looked_at_is_left_to_a_reader(
    chainrule: Command, file: Path
) -> None:
    file.with_name("helper.py").write_text("x = [\n" + "    1,\n" * 200_000 + "]\n")
    file.write_text("import helper\n" + RIGHT)
    answer = chainrule("check", file)
    assert answer.code == 2
    assert "helper.py: more than" in " ".join(answer.out.split())


def test_what_is_enforced_is_said(chainrule: Command, file: Path) -> None:
    file.write_text(RIGHT)
    said = given(chainrule("check", file, "--json"))["sandbox"]
    assert {"memory", "time", "size of files"} <= set(said["enforced"])
    everything = {"memory", "time", "size of files", "files", *REFUSED}
    missing = {each.partition(" (")[0] for each in said["missing"]}
    assert set(said["enforced"]) | missing == everything


@pytest.mark.parametrize("name", ["leaves a process behind", "kills every process it can"])
def test_no_process_is_left_behind(chainrule: Command, file: Path, name: str) -> None:
    file.write_text(RIGHT + HARM[name])
    chainrule("check", file)
    assert not list(working_in(file.parent))


def working_in(folder: Path) -> Iterator[str]:
    """The processes that work in a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                yield process.name


def test_layers_kept_as_modules_reach_into_nothing() -> None:
    own = "class Net:\n    def __init__(self, parts):\n        self.modules = parts\n"
    assert not list(reaching(own + "net = Net([])\nprint(net.modules)\n"))
    assert list(reaching(own + "import sys\nsys.modules\n")) == [(5, "modules")]
    assert list(reaching("def f(self):\n    return self.modules\n")) == [(2, "modules")]


def test_an_argument_called_eval_reaches_into_nothing() -> None:
    assert not list(reaching("def forward(x, eval=False):\n    return 0 * x if eval else x\n"))
    assert list(reaching("def forward(x):\n    return eval('x')\n")) == [(2, "eval")]
