"""The numbers of some examples in every layer, and what is found wrong with them."""

from __future__ import annotations

import base64
import copy
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.explain.examples import example_batch, usual_loss
from chainrule.explain.tracing.images import image_of
from tests.explain.networks import lenet, nested_residual, shared, with_dropout


def small() -> cr.Network:
    """y = relu(x W + b) with W = 1, b = 0."""
    return cr.Network([cr.Dense(2, initializer="ones"), cr.ReLU()], input_shape=2, dtype="float64")


def test_hand_worked_numbers() -> None:
    """x = (1, 2): z = y = (3, 3); the mean of (y - 0)² over two outputs is 9, its slope is y = 3;
    dW = xᵀ dz, dx = dz Wᵀ."""
    trace = cr.explain.trace(small(), [[1.0, 2.0]], [[0.0, 0.0]], "mean_squared_error")
    dense, relu = trace.passages
    assert trace.loss == 9
    np.testing.assert_array_equal(dense.y, [[3, 3]])
    np.testing.assert_array_equal(relu.dy, [[3, 3]])
    np.testing.assert_array_equal(dense.dy, [[3, 3]])
    np.testing.assert_array_equal(dense.parameters["W"][1], [[3, 3], [6, 6]])
    np.testing.assert_array_equal(dense.dx, [[6, 6]])
    assert trace.findings == []


@pytest.mark.parametrize("make", [lenet, nested_residual, with_dropout, shared])
@pytest.mark.parametrize("training", [False, True])
def test_the_numbers_are_the_networks_own(make, training: bool) -> None:
    network = make()
    x, y = example_batch(network, usual_loss(network), 4)
    trace = cr.explain.trace(network, x, y, training=training)
    twin = copy.deepcopy(network)
    outputs, caches = twin.forward(x, training)
    value = twin.backward_from_loss(outputs, caches, y, usual_loss(network))
    assert trace.loss == value
    np.testing.assert_array_equal(trace.passages[-1].y, outputs)
    found = {
        f"{passage.position}.{name}": gradient
        for passage in trace.passages
        for name, (_, gradient) in passage.parameters.items()
    }
    assert found.keys() == twin.gradients.keys()
    for key, gradient in found.items():
        np.testing.assert_array_equal(gradient, twin.gradients[key])


def test_the_network_is_left_alone() -> None:
    network = shared()
    before = set(vars(network.layers[0]))
    x, y = example_batch(network, usual_loss(network), 4)
    cr.explain.trace(network, x, y, training=True)
    assert set(vars(network.layers[0])) == before
    assert not network.gradients.flat.any()
    np.testing.assert_array_equal(network.buffers["1.running_mean"], 0)


def test_a_layer_used_twice_has_two_passages() -> None:
    network = shared()
    x, y = example_batch(network, usual_loss(network), 2)
    positions = [passage.position for passage in cr.explain.trace(network, x, y).passages]
    assert positions.count("0") == 4
    assert positions[-2:] == ["5", "6"], "a container comes after what is inside it"


# --- findings -------------------------------------------------------------------------------


def kinds(trace: cr.explain.Trace) -> list[tuple[str, str]]:
    return [(finding.kind, finding.layer) for finding in trace.findings]


def stack(layer: type[cr.Layer], scale: float, depth: int = 8) -> cr.Network:
    """Layers of eight units, their weights so many times the usual."""
    layers = [one for _ in range(depth) for one in (cr.Dense(8), layer())]
    network = cr.Network([*layers, cr.Dense(2)], 8, dtype="float64")
    network.parameters.flat[:] *= scale
    return network


def traced(network: cr.Network) -> cr.explain.Trace:
    x, y = example_batch(network, usual_loss(network), 16)
    return cr.explain.trace(network, x, y)


def test_a_healthy_network_has_no_findings() -> None:
    assert traced(stack(cr.Tanh, 1.0, depth=2)).findings == []


def test_saturated() -> None:
    found = traced(stack(cr.Tanh, 30.0, depth=2)).findings
    assert ("saturated", "1 Tanh()") in [(finding.kind, finding.layer) for finding in found]
    assert "of [-1, 1]" in found[0].evidence


def test_vanishing() -> None:
    found = dict(kinds(traced(stack(cr.Sigmoid, 0.3))))
    assert found.keys() == {"vanishing"}


def test_exploding() -> None:
    found = dict(kinds(traced(stack(cr.Identity, 4.0))))
    assert found.keys() == {"exploding"}


def test_where_it_vanishes_first() -> None:
    network = cr.Network([cr.Dense(3), cr.Dense(3), cr.Dense(3), cr.Dense(2)], 3, dtype="float64")
    network.parameters["1.W"][...] *= 1e-6
    assert kinds(traced(network)) == [("vanishing", "1 Dense(3)")]


def test_dead_units() -> None:
    network = cr.Network([cr.Dense(10), cr.ReLU(), cr.Dense(2)], 3, dtype="float64")
    network.parameters["0.b"][:6] = -100
    (finding,) = traced(network).findings
    assert (finding.kind, finding.layer) == ("dead", "1 ReLU()")
    assert "6 of 10 units receive nothing above zero, for all 16 examples" in finding.evidence


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_first_layer_that_is_not_finite(value: float) -> None:
    network = cr.Network([cr.Dense(3), cr.Dense(4), cr.Dense(2)], 3, dtype="float64")
    network.parameters["1.W"][0, 2] = value
    first = traced(network).findings[0]
    assert (first.kind, first.layer) == ("not finite", "1 Dense(4)")
    assert "16 " in first.evidence


def test_an_input_that_is_not_finite() -> None:
    trace = cr.explain.trace(small(), [[1.0, np.nan]], [[0.0, 0.0]], "mean_squared_error")
    assert kinds(trace)[0] == ("not finite", "the input")


class WrongOnTheWayBack(cr.Layer):
    """y = sqrt(x), whose slope at 0 is infinite."""

    def forward(self, x, training=False):
        y = np.sqrt(np.abs(x))
        return y, y

    def backward(self, dy, y):
        return dy / (2 * y)


def test_what_is_not_finite_on_the_way_back_only() -> None:
    layers = [cr.Dense(3, initializer="zeros"), WrongOnTheWayBack(), cr.Dense(2)]
    network = cr.Network(layers, 3, dtype="float64")
    first = traced(network).findings[0]
    assert (first.kind, first.layer) == ("not finite", "1 WrongOnTheWayBack()")
    assert first.evidence.startswith("dx holds")


def test_a_first_layer_that_hands_back_nothing_is_no_finding() -> None:
    class First:
        def __init__(self) -> None:
            self.weight = np.ones((3, 4))

        def forward(self, x):
            self.x = x
            return x @ self.weight

        def backward(self, dy):
            self.weight_grad = self.x.T @ dy

    trace = traced(cr.Network([cr.HandWritten(First()), cr.Dense(2)], 3, dtype="float64"))
    assert np.isnan(trace.passages[0].dx).all()
    assert trace.findings == []


# --- how it is shown --------------------------------------------------------------------------


class Page(HTMLParser):
    """The images, links and cells of a page, and whether it asks for anything from outside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.images += [str(given["src"])] if tag == "img" else []
        self.addresses += [str(given[name]) for name in ("src", "href") if name in given]
        self.ids += [str(given["id"])] if "id" in given else []


def test_the_page_holds_everything(tmp_path: Path) -> None:
    network = lenet()
    trace = traced(network)
    trace.write(tmp_path / "trace.html")
    text = (tmp_path / "trace.html").read_text(encoding="utf-8")
    page = Page(text)
    assert all(a.startswith(("#", "data:image/png")) for a in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)
    assert len(page.images) > 30
    assert "url(" not in text
    for passage in trace.passages:
        assert passage.name.replace("'", "&#39;") in text


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(cr.errors.OutputError, match="cannot write"):
        traced(small()).write(tmp_path / "nowhere" / "trace.html")


def pixels(array: np.ndarray) -> np.ndarray:
    image = image_of(array)
    assert image is not None
    content = base64.b64decode(image.source.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)))


def test_blue_is_positive_orange_negative_and_zero_is_clear() -> None:
    shown = pixels(np.array([[1.0, -0.5], [0.0, -1.0]]))
    assert shown[..., 3].tolist() == [[255, 128], [0, 255]]
    assert shown[0, 0, 2] > shown[0, 0, 0]  # more blue than red
    assert shown[1, 1, 0] > shown[1, 1, 2]


def test_maps_stand_side_by_side() -> None:
    maps = np.ones((2, 3, 18))
    shown = pixels(maps)
    assert shown.shape[:2] == (2 * 2 + 1, 16 * 3 + 15)
    assert shown[..., 3].sum() == 255 * maps.size


def test_numbers_that_are_not_finite_are_drawn_too() -> None:
    assert pixels(np.array([np.nan, np.inf, -np.inf, 0.5]))[..., 3].tolist() == [[0, 255, 255, 255]]


def test_an_array_that_is_too_large_is_described(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(300)], 300)
    trace = traced(network)
    trace.write(tmp_path / "page.html")
    assert image_of(network.parameters["0.W"]) is None
    assert re.search(r"<b>W</b>, 300 × 300.*?mean ", (tmp_path / "page.html").read_text(), re.S)


def test_small_arrays_are_printed_in_full() -> None:
    trace = cr.explain.trace(small(), [[1.0, 2.0]], [[0.0, 0.0]], "mean_squared_error")
    assert "0 dW = [[3. 3.]\n [6. 6.]]" in str(trace)
    assert "400" not in str(traced(lenet())).partition("loss")[2]


def test_targets_that_do_not_fit() -> None:
    with pytest.raises(cr.errors.TargetError):
        cr.explain.trace(small(), [[1.0, 2.0]], [[0.0, 0.0, 0.0]], "mean_squared_error")


def test_an_input_that_does_not_fit() -> None:
    with pytest.raises(cr.errors.ShapeError, match="expects x of shape"):
        cr.explain.trace(small(), [[1.0, 2.0, 3.0]], [[0.0, 0.0]], "mean_squared_error")
