"""The labs, each in a size of seconds: what their reports hold, and the claims they rest on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import labs
from chainrule.experiments.document import Document, Heading, Picture, Table
from chainrule.experiments.statistics import difference
from chainrule.labs import LABS, fully_connected, mnist_mlp, parabola
from chainrule.labs.lab import Setting, fingerprint, gain, run_variants, share_reaching
from chainrule.labs.mnist_mlp.claims import REPORTED_LOSS

DOCS = Path(__file__).parents[2] / "docs" / "labs"
HOME = Path(labs.__file__).parent
FILES = sorted(HOME.rglob("*.py"))
LARGEST_PICTURE = 200_000  # bytes


def check(document: Document, pictures: list[str]) -> None:
    """Every report has its pictures, and ends in the table of claims."""
    *_, heading, closing = document.parts
    assert heading == Heading("What the lab's report says, and what chainrule got")
    assert isinstance(closing, Table)
    assert all(cell for row in closing.rows for cell in row)
    drawn = [part for part in document.parts if isinstance(part, Picture)]
    assert [picture.name for picture in drawn] == pictures
    assert all(len(picture.light) < LARGEST_PICTURE for picture in drawn)


@pytest.fixture
def setting(shared_data: Path) -> Setting:
    return Setting(quick=True, data_dir=shared_data)


@pytest.fixture(autouse=True)
def no_style(monkeypatch: pytest.MonkeyPatch) -> None:
    """The section on a lab's style is left to test_adoption: the doctor takes seconds for it."""
    for lab in (parabola, mnist_mlp, fully_connected):
        monkeypatch.setattr(lab, "show_by_hand", lambda *_: None)


def test_parabola() -> None:
    document = parabola.report(Setting(quick=True), seeds=[0, 1])
    check(document, ["curves", "regions"])
    accuracies = next(
        p for p in document.parts if isinstance(p, Table) and "test loss" in p.headers
    )
    assert accuracies.headers[-2:] == ["training loss", "test loss"]


def test_three_units_learn_the_parabola_and_three_equal_ones_do_not() -> None:
    assert parabola.run_once("2→3→1", 0).test > 0.96
    assert parabola.run_once(parabola.ZEROS, 0).test < 0.86
    assert parabola.run_once(parabola.BEST, 0).train > 0.998


@pytest.mark.parametrize("name", parabola.TASKS)
def test_one_by_one_convolution_is_a_dense_layer(name: str) -> None:
    variant, points = parabola.TASKS[name], parabola.draw_points(0)
    conv, dense = parabola.conv_network(variant, 0), parabola.dense_network(variant, 0)
    for network in (conv, dense):
        parabola.train(network, variant, points)
    np.testing.assert_allclose(conv.parameters.flat, dense.parameters.flat, rtol=1e-9)


def test_mnist_mlp(setting: Setting) -> None:
    size = mnist_mlp.training.Size(train=200, test=200, part=0.1, every=1, reported=8)
    check(mnist_mlp.report(setting, size), ["curves"])


@pytest.fixture(scope="module")
def slips(shared_data: Path) -> dict[str, mnist_mlp.training.Run]:
    size = mnist_mlp.training.Size(train=2_000, test=1_000, part=0.84, every=84)
    return {
        name: mnist_mlp.training.run_once(name, 0, size, shared_data)
        for name in (mnist_mlp.networks.LAB_NETWORK, mnist_mlp.networks.BIAS_SLIP)
    }


def test_the_labs_test_knows_next_to_nothing(slips: dict[str, mnist_mlp.training.Run]) -> None:
    run = slips[mnist_mlp.networks.BIAS_SLIP]
    accuracy = {test: values[-1] for test, values in run.test_accuracy.items()}
    assert accuracy[mnist_mlp.networks.HONEST] == run.final > 0.8
    assert all(accuracy[test] < run.final for test in list(mnist_mlp.networks.TESTS)[1:])
    loss = run.test_loss[mnist_mlp.networks.AS_THE_LAB][-1]
    assert loss == pytest.approx(REPORTED_LOSS, abs=0.01)


def test_the_bias_slip_hides_how_wrong_the_test_is(
    slips: dict[str, mnist_mlp.training.Run],
) -> None:
    honest, wrong = (
        [run.test_accuracy[test][-1] for run in slips.values()]
        for test in (mnist_mlp.networks.HONEST, mnist_mlp.networks.AS_THE_LAB)
    )
    assert abs(honest[0] - honest[1]) < 0.01  # without the slip, with it
    assert wrong[1] > wrong[0] + 0.1


def test_the_labs_test_is_sigmoid_softmax_softmax() -> None:
    layers = mnist_mlp.networks.lab_layers(
        (128, 64), **mnist_mlp.networks.TESTS[mnist_mlp.networks.AS_THE_LAB]
    )
    assert [type(layer) for layer in layers[2::2]] == [cr.Sigmoid, cr.Softmax, cr.Softmax]


def test_the_bias_that_is_divided_twice_is_the_outputs() -> None:
    dense = mnist_mlp.networks.VARIANTS[mnist_mlp.networks.BIAS_SLIP].layers()[1::2]
    assert [type(layer) for layer in dense] == [cr.Dense, cr.Dense, mnist_mlp.networks.TwiceDivided]


def test_the_bias_slip_is_a_division_by_the_batch_size() -> None:
    x, dy = np.ones((4, 3)), np.arange(8.0).reshape(4, 2)
    right, slip = cr.Dense(2), mnist_mlp.networks.TwiceDivided(2)
    for layer in (right, slip):
        layer.build(3, dtype="float64")
        layer.backward(dy, layer.forward(x)[1])
    np.testing.assert_allclose(slip.db, right.db / 4)
    np.testing.assert_array_equal(slip.dW, right.dW)


def test_fully_connected(setting: Setting) -> None:
    size = fully_connected.Size(xor_epochs=20, epochs=2, test=200, every=1)
    check(fully_connected.report(setting, size), ["xor", "mnist"])


def test_tanh_learns_xor_and_sigmoid_does_not() -> None:
    size = fully_connected.Size()
    errors, solved = fully_connected.run_xor("tanh", 0, size)
    assert solved
    assert errors[-1] < 0.05
    errors, solved = fully_connected.run_xor("sigmoid", 0, size)
    assert not solved
    assert errors[-1] == pytest.approx(0.256, abs=0.01)


def test_hand_written_derivatives() -> None:
    x, step = np.linspace(-3, 3, 20), 1e-6
    for function, derivative in fully_connected.ACTIVATIONS.values():
        slope = (function(x + step) - function(x - step)) / (2 * step)
        np.testing.assert_allclose(derivative(x), slope, rtol=1e-6)


def test_results_do_not_depend_on_the_number_of_workers(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--engine") == "numpy":
        pytest.skip("workers are processes of their own, which use the engine")
    one, two = (run_variants(parabola.run_once, ["2→3→1"], [0, 1], workers) for workers in (1, 2))
    assert one == two


def test_a_quick_run_is_not_held_against_the_report() -> None:
    values = [0.9, 0.95, 0.8]
    assert share_reaching(0.9, values, Setting()) == "2 of 3 runs are at least as good"
    assert share_reaching(0.95, values, Setting()) == "1 of 3 runs is at least as good"
    assert "not to be held against" in share_reaching(0.9, values, Setting(quick=True))


@pytest.mark.long
def test_parabola_says_how_many_seeds_reach_the_reports_figures() -> None:
    document = parabola.report(Setting(), seeds=[0, 1])
    closing = document.parts[-1]
    assert isinstance(closing, Table)
    measured = {row[0]: row[2] for row in closing.rows}
    assert "0 of 2 runs are at least as good" in measured["2→3→1: test accuracy"]
    assert "2 of 2 runs" in measured["2→3→1 from zeros, test accuracy"]


def test_one_more_layer_is_that_of_the_report() -> None:
    assert fully_connected.VARIANTS[fully_connected.DEEPER].sizes == (100, 50, 100, 10)


def test_gain_says_whether_a_difference_is_real() -> None:
    equal = difference([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert gain(equal) == "+0.00 points: no difference with any of 3 seeds"
    assert "): the runs cannot tell" in gain(difference([0.9, 0.8, 0.9], [0.8, 0.9, 0.9]))
    alike = difference([0.852, 0.852], [0.9, 0.9])
    assert gain(alike) == "-4.80 points: 2 seeds are too few to tell; run 5"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(HOME).as_posix())
def test_labs_are_written_with_public_names_alone(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert not re.match(r"_[^_]", node.attr)
        if isinstance(node, ast.ImportFrom):
            assert not any(alias.name.startswith("_") for alias in node.names)


@pytest.mark.parametrize("name", LABS)
def test_the_full_results_stand_in_the_documentation(name: str) -> None:
    text = (DOCS / name / "report.md").read_text(encoding="utf-8")
    assert f"`chainrule lab run {name}`" in text
    made_by = re.search(r"fingerprint `(\w+)`", text)
    assert made_by is not None
    assert made_by[1] == fingerprint(name), f"{name}'s code has changed since: make labs"
    pictures = [DOCS / name / path for path in re.findall(r"\]\((pictures/[^)]+)\)", text)]
    assert pictures
    assert all(picture.stat().st_size < LARGEST_PICTURE for picture in pictures)
