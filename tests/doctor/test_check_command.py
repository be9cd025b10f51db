"""`chainrule check`: exit codes, JSON, what is shown, and code that does not behave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.doctor.diagnosis import diagnose_file, diagnose_request
from chainrule.doctor.failure import DoctorError
from chainrule.doctor.intake.request import Request
from chainrule.foreign.errors import CannotCheckError
from tests.cli.conftest import Answer, Command, chainrule
from tests.doctor.slips import SLIPS, SPECIMENS

__all__ = ["chainrule"]  # the fixture
pytestmark = pytest.mark.usefixtures("forked")

LAYER = """
import numpy as np

class Layer:
    def __init__(self):
        self.W = np.ones((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        {}
        self.dW = self.x.T @ dy
        return dy @ self.W.T
"""


EXAMPLE = """
def example(rng):
    return {"layer": Layer(), "x": rng.normal(size=(5, 4))}
"""


SCALE = """
import chainrule as cr


class Scale(cr.Layer):
    def setup(self, input_shape):
        self.declare("s", input_shape, "normal(1)")
        return input_shape

    def forward(self, x, training=False):
        return x * self.s, x

    def backward(self, dy, x):
        self.ds = (dy * x).sum(axis=0)
        return dy * self.s
"""


def layer(folder: Path, line: str = "pass", example: str = "") -> Path:
    """A file with a layer whose backward pass has one more line."""
    file = folder / "layer.py"
    file.write_text(LAYER.format(line) + example, encoding="utf-8")
    return file


def findings(answer: Answer) -> list[dict[str, object]]:
    return json.loads(answer.out)["findings"]


def test_right_code(chainrule: Command) -> None:
    answer = chainrule("check", SPECIMENS / "dense_rows.py")
    assert answer.code == 0
    assert "✓ weight_grad" in answer.out
    assert "no mistake found" in answer.out


def test_wrong_code_with_line_and_suggestion(chainrule: Command, tmp_path: Path) -> None:
    slip = next(s for s in SLIPS if s.name == "weights averaged over the batch")
    file = tmp_path / "wrong.py"
    file.write_text(slip.source(), encoding="utf-8")
    answer = chainrule("check", file)
    assert answer.code == 1
    assert "✗ weight_grad" in answer.out
    assert "[batch-scale]" in answer.out
    assert "▸   19 │" in answer.out
    assert "1 mistake found" in answer.out


def test_json_has_the_keys_that_programs_read(chainrule: Command, tmp_path: Path) -> None:
    answer = chainrule("check", layer(tmp_path, "dy = dy / len(dy); print('noise')"), "--json")
    assert answer.code == 1
    given = json.loads(answer.out)
    assert given["ok"] is False
    (finding,) = given["findings"]
    assert set(finding) == {"gradient", "code", "certain", "evidence", "line", "suggestion"}
    assert (finding["code"], finding["certain"], finding["line"]) == ("batch-scale", True, 13)
    assert given["gradients"] == {"dx": False, "dW": False}


def test_what_a_first_call_leaves_is_seen_whatever_the_judge_draws(
    chainrule: Command, tmp_path: Path
) -> None:
    slip = next(s for s in SLIPS if s.name == "where x was positive at the first call")
    file = tmp_path / "wrong.py"
    file.write_text(slip.source(), encoding="utf-8")
    for _ in range(4):  # with a little of the same sign, one in five masks would be the right one
        given = json.loads(chainrule("check", file, "--json").out)
        assert [finding["code"] for finding in given["findings"]] == ["stale-cache"]
        assert (given["gradients"], given["unchecked"]) == ({"dx": False}, [])


def test_a_class_made_as_told(chainrule: Command) -> None:
    file = SPECIMENS / "mlp_columns.py"
    functions = ["--functions", "forward_pass,backward_pass"]
    assert chainrule("check", file, *functions, "--json").code == 0
    file = SPECIMENS / "fc_layer.py"
    made = ["--make", "FCLayer(4, 3, rng)", "--shape", "5,4"]
    assert chainrule("check", file, "--class", "FCLayer", *made, "--json").code == 0


def test_a_class_without_being_told_how(chainrule: Command, tmp_path: Path) -> None:
    answer = chainrule("check", layer(tmp_path), "--class", "Layer", "--json")
    assert answer.code == 0
    assert any("was tried" in note for note in json.loads(answer.out)["notes"])


def test_two_functions(chainrule: Command) -> None:
    file = SPECIMENS / "sigmoid_pair.py"
    answer = chainrule("check", file, "--functions", "sigmoid,sigmoid_backward", "--json")
    assert (answer.code, json.loads(answer.out)["ok"]) == (0, True)


@pytest.mark.parametrize(
    ("line", "code", "evidence"),
    [
        ("while True: n = 1", "timeout", "more than 10,000,000 lines are run"),
        ("import os; os.abort()", "crash", "SIGABRT"),
        ("import os; os._exit(3)", "crash", "exit code 3"),
        ("import sys; sys.exit(0)", "crash", "SystemExit"),
        ("raise ValueError('no idea')", "exception", "ValueError: no idea"),
        ("np.ones(10**10)", "out-of-memory", "MemoryError"),
    ],
)
def test_code_that_does_not_behave_is_a_finding(
    chainrule: Command, tmp_path: Path, line: str, code: str, evidence: str
) -> None:
    answer = chainrule("check", layer(tmp_path, line, EXAMPLE), "--json")
    assert answer.code == 1
    (finding,) = findings(answer)
    assert finding["code"] == code
    assert evidence in str(finding["evidence"])
    if code in ("timeout", "exception", "out-of-memory"):
        assert finding["line"] == 13


def test_an_exception_on_an_input_that_nobody_gave_is_no_finding(
    chainrule: Command, tmp_path: Path
) -> None:
    answer = chainrule("check", layer(tmp_path, "raise ValueError('no idea')"), "--json")
    assert answer.code == 2
    given = json.loads(answer.out)
    assert (given["verdict"], given["ok"], given["findings"]) == ("not checked", None, [])
    assert given["error"].startswith("Layer: on an input that chainrule chose")
    assert "no idea" in given["error"]


def test_what_fails_inside_is_chainrules_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.doctor.search.subject_diagnosis.examine", None)
    with pytest.raises(DoctorError, match=r"chainrule failed while it checked layer\.py"):
        diagnose_file(layer(tmp_path))


UNWRITTEN = """
class Linear:
    def __init__(self, n, m):
        self.W = {W}

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        {forward}

    def backward(self, dy):
        {backward}
"""


@pytest.mark.parametrize("told", [(), ("--make", "Linear(4, 3)", "--shape", "5,7")])
@pytest.mark.parametrize(
    ("forward", "backward", "said"),
    [
        ("raise NotImplementedError", "return dy", "Linear.forward is not written yet"),
        ("return x", "...", "Linear.backward is not written yet"),
        ("pass", "raise NotImplementedError", "Linear.forward and Linear.backward are not written"),
    ],
)
def test_what_is_not_written_yet_is_said_without_options(
    tmp_path: Path, forward: str, backward: str, said: str, told: tuple[str, ...]
) -> None:
    file = tmp_path / "layer.py"
    file.write_text(UNWRITTEN.format(W="1.0", forward=forward, backward=backward))
    make, shape = (told[1], (5, 7)) if told else (None, None)
    with pytest.raises(CannotCheckError) as caught:
        diagnose_request(Request(file, make=make, shape=shape))
    assert said in str(caught.value)
    assert "--" not in str(caught.value)


def test_what_is_given_is_not_asked_for_as_if_it_were_not(tmp_path: Path) -> None:
    file = tmp_path / "layer.py"
    body = {"forward": "return x @ self.W", "backward": "return dy @ self.W.T"}
    file.write_text("import numpy as np\n" + UNWRITTEN.format(W="np.ones((n, m))", **body))
    with pytest.raises(CannotCheckError, match="give another one with --make and --shape"):
        diagnose_request(Request(file, make="Linear(4, 3)", shape=(5, 7)))


TWO_WAYS = """
class Net:
    def __init__(self):
        self.W = np.ones((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, y):
        d = self.x @ self.W - y
        for i in range(1):
            if i > 0:
                d = d * (self.x > 0)
        self.dW = self.x.T @ d
"""


def test_notes_are_whole_sentences(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("import numpy as np\n" + TWO_WAYS)
    diagnosis = diagnose_file(file)
    assert "no targets are given: arrays of the output's shape were tried" in diagnosis.notes
    assert any("(it runs if i > 0)" in each for each in diagnosis.unchecked)


NET = """
class Net:
    def __init__(self, setup):
        self.W = setup["W"]

    def forward(self, x):
        self.x = x
        return x * self.W

    def backward(self, dy):
        self.dW = (self.x * dy).sum()
        return self.W * dy

def train():
    net = Net({"W": 3.0})
    for epoch in range(9):
        net.backward(net.forward(1.0) - 2.0)
"""


@pytest.mark.parametrize(
    ("start", "trains"),
    [("train()", True), ('if __name__ == "__main__":\n    train()', True), ("Net", False)],
)
def test_a_run_is_suggested_where_a_file_trains_by_itself(
    tmp_path: Path, start: str, trains: bool
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET + start)
    with pytest.raises(CannotCheckError) as caught:
        diagnose_file(file)
    assert str(caught.value).endswith("; it trains by itself: check it with --run") is trains
    with pytest.raises(CannotCheckError) as caught:
        diagnose_request(Request(file, class_name="Net"))
    assert "--run" not in str(caught.value)


def test_what_is_not_compared_is_said_and_never_0(chainrule: Command, tmp_path: Path) -> None:
    stub = "\nclass Later(Layer):\n    def backward(self, dy):\n        pass\n"
    file = layer(tmp_path, example=stub)
    answer = chainrule("check", file)
    assert answer.code == 3
    assert "not compared: Later.backward is not written yet" in answer.out
    assert "not everything was" in answer.out
    given = json.loads(chainrule("check", file, "--json").out)
    assert (given["verdict"], given["ok"]) == ("partly checked", None)
    assert given["gradients"] == {"dx": True, "dW": True}
    assert len(given["unchecked"]) == 1


def test_a_forward_pass_without_an_end(chainrule: Command, tmp_path: Path) -> None:
    file = layer(tmp_path)
    endless = file.read_text().replace("self.x = x", "while True: self.x = x")
    example = "def example(rng):\n    return {'layer': Layer(), 'x': rng.normal(size=(5, 4))}\n"
    file.write_text(f"{endless}\n\n{example}", encoding="utf-8")
    (finding,) = findings(chainrule("check", file, "--json"))
    assert (finding["code"], finding["certain"], finding["line"]) == ("timeout", True, 9)


@pytest.mark.parametrize("line", ["import time; time.sleep(10_000)", "sum(iter(int, 1))"])
def test_when_the_time_is_over_nothing_is_said_of_the_code(
    chainrule: Command, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.sandbox.limits.PATIENCE", 2)
    answer = chainrule("check", layer(tmp_path, line), "--json", "--time-limit", 1)
    assert answer.code == 2
    given = json.loads(answer.out)
    assert given["ok"] is None
    assert not given["findings"]
    assert "layer.py is not finished after 1 seconds of processor time" in given["error"]
    assert "--time-limit" in given["error"]


def test_a_product_that_does_not_fit_is_named(chainrule: Command, tmp_path: Path) -> None:
    file = layer(tmp_path)
    file.write_text(file.read_text().replace("self.x.T @ dy", "dy @ self.x"), encoding="utf-8")
    (finding,) = findings(chainrule("check", file, "--json"))
    assert (finding["code"], finding["certain"], finding["line"]) == ("transposed", True, 14)
    assert (finding["gradient"], finding["raises"]) == ("dW", True)


def test_what_raises_is_named_and_what_is_wrong_behind_it_too(tmp_path: Path) -> None:
    file = layer(tmp_path)
    source = file.read_text().replace("dy @ self.W.T", "dy @ self.W")
    file.write_text(source.replace("self.x.T @ dy", "-self.x.T @ dy"), encoding="utf-8")
    found = diagnose_file(file)
    assert [(each.gradient, each.code, each.raises) for each in found.findings] == [
        ("dx", "transposed", True),
        ("dW", "sign", False),
    ]
    assert {each.name: each.right for each in found.comparisons} == {"dx": False, "dW": False}


def test_an_array_of_a_layer_that_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "scale.py"
    file.write_text(SCALE, encoding="utf-8")
    (finding,) = diagnose_file(file).findings
    assert (finding.gradient, finding.code, finding.certain) == ("ds", "overwrites", True)


def test_notes_on_one_of_several_classes_name_it(tmp_path: Path) -> None:
    file = layer(tmp_path)
    text = file.read_text(encoding="utf-8")
    averaging = text.replace("Layer", "Averaging").replace("@ dy\n", "@ dy / len(dy)\n")
    file.write_text(text + averaging, encoding="utf-8")
    notes = diagnose_file(file).notes
    assert any(note.startswith("Averaging: dW divided by the number of examples") for note in notes)
    assert "x of shape (5, 4) was tried, as none was given" in notes


def test_advice_about_the_number_of_examples_is_in_the_words_of_the_code(tmp_path: Path) -> None:
    file = tmp_path / "loss.py"
    file.write_text(
        "import numpy as np\n\n"
        "def cross_entropy(p, y):\n    return -np.sum(y * np.log(p)) / len(p)\n\n"
        "def cross_entropy_derivative(p, y):\n    return -y / p\n",
        encoding="utf-8",
    )
    (finding,) = diagnose_file(file).findings
    assert finding.code == "batch-scale"
    assert finding.suggestion.startswith("divide it by the number of examples, `len(p)`")


@pytest.mark.parametrize("name", ["lab.txt", "lab"])
def test_what_is_no_code_by_its_name(chainrule: Command, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(SCALE, encoding="utf-8")
    answer = chainrule("check", file)
    assert answer.code == 2
    assert "neither a Python file nor a notebook: its name must end in .py or .ipynb" in answer.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "lab.py does not exist"),
        ("x = = 3", "lab.py, line 1: invalid syntax"),
        ("import nothing_there", "line 1, cannot be imported: ModuleNotFoundError"),
        ("import sys\nsys.exit(4)", "ends the program itself"),
        ("x = 3", "if it is a program that trains, check it with --run"),
        ("", "lab.py defines nothing"),
        ("class A:\n    def forward(self, x):\n        return x", "A has forward, but no backward"),
        (
            "class A:\n    def backward(self, d):\n        return d",
            "A has backward, but no forward",
        ),
        ("def f_forward(x, w):\n    return x @ w", "f_forward is there, but no backward"),
        (
            "import chainrule as cr\n\nclass A(cr.Layer):\n    def setup(self, shape):\n"
            "        return shape\n    def forward(self, x, training=False):\n        return x+x\n"
            "    def backward(self, dy, cache):\n        return 2 * dy",
            "A: layer 0 (A) returned an array of shape",
        ),
        ("def example(rng):\n    return 5", "returns int, not a dictionary"),
        ("def example(rng):\n    return {'layr': 5}", "its keys are layr"),
        ("def example(rng):\n    raise KeyError('a')", "line 2, raises KeyError"),
    ],
)
def test_what_cannot_be_checked(
    chainrule: Command, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "lab.py"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    answer = chainrule("check", file)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
    as_json = json.loads(chainrule("check", file, "--json").out)
    assert as_json["ok"] is None
    assert message in as_json["error"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class", "Layr"], "did you mean 'Layer'?"),
        (["--functions", "one"], "--functions takes two names"),
        (["--functions", "one,two"], "no function 'one'"),
        (["--shape", "a,b"], "--shape takes whole numbers"),
        (["--make", "Layer(3)"], "--make 'Layer(3)' raises TypeError"),
        (["--make", "Layer(", "--shape", "5,4"], "--make 'Layer(' raises SyntaxError"),
    ],
)
def test_options_that_do_not_fit(
    chainrule: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    answer = chainrule("check", layer(tmp_path), *options)
    assert answer.code == 2
    assert message in answer.err


def test_a_heat_map_of_the_wrong_entries(chainrule: Command, tmp_path: Path) -> None:
    file, picture = layer(tmp_path, "dy = dy / len(dy)"), tmp_path / "wrong.png"
    assert chainrule("check", file, "--heat-map", picture).code == 1
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert image.width > 800


def test_a_heat_map_can_be_a_vector_picture_and_nothing_else(
    chainrule: Command, tmp_path: Path
) -> None:
    file = layer(tmp_path, "dy = dy / len(dy)")
    assert chainrule("check", file, "--heat-map", tmp_path / "wrong.svg").code == 1
    assert (tmp_path / "wrong.svg").read_bytes().startswith(b"<?xml")
    refused = chainrule("check", file, "--heat-map", tmp_path / "wrong.txt")
    assert refused.code == 2
    assert ".png, .svg or .pdf" in refused.err


def test_a_heat_map_draws_what_the_code_gives(tmp_path: Path) -> None:
    diagnosis = diagnose_file(layer(tmp_path, "dy = dy / len(dy)"))
    for each in diagnosis.comparisons:
        np.testing.assert_allclose(5 * each.given, each.true, rtol=1e-6)


def test_a_question_mark_is_explained(chainrule: Command, tmp_path: Path) -> None:
    unknown = layer(tmp_path, "dy = dy ** 3")
    assert "?: the likeliest cause" in chainrule("check", unknown).out
    certain = layer(tmp_path, "dy = dy / len(dy)")
    assert "?: the likeliest cause" not in chainrule("check", certain).out


def test_right_code_has_no_heat_map(chainrule: Command, tmp_path: Path) -> None:
    picture = tmp_path / "wrong.png"
    assert chainrule("check", layer(tmp_path), "--heat-map", picture).code == 0
    assert not picture.exists()
