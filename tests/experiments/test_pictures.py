"""Pictures can be read: no text lies on another, every legend entry has something to name, axes are
equal where they should be, nothing is cut off, and colours mean one thing everywhere."""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from chainrule.data.preparation import Preparation
from chainrule.data.tables.columns import CategoryColumn, NumberColumn
from chainrule.data.tables.layout import Layout
from chainrule.doctor.heat_map import draw_heat_map
from chainrule.errors import ArgumentError, OutputError, UnknownNameError
from chainrule.experiments import figures
from chainrule.experiments.document import Document
from chainrule.experiments.features import Feature, features_of
from chainrule.explain.tracing.images import image_of
from chainrule.history import History
from chainrule.labs import pictures as lab_pictures
from chainrule.labs.two_layer.drawings import draw_losses
from chainrule.labs.two_layer.questions import Question
from chainrule.labs.two_layer.training import Trained, Training
from chainrule.presentation.curves import plot_bands, plot_curves
from chainrule.presentation.palette import BLUE, MARKERS, VERMILION, colour, marker, signed

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-2, 2, (300, 2))
UNDER = (POINTS[:, 0] ** 2 > POINTS[:, 1]).astype(int)
PLANE = [Feature("x1"), Feature("x2")]
IMAGE = np.zeros((8, 8, 1))
CAPTION = "wwwwww taken for mmmmmm, 100 %"
EPOCHS = list(range(1, 41))


def falling(start: float, factor: float) -> list[float]:
    return [start * factor**epoch for epoch in EPOCHS]


def by_first(x: np.ndarray) -> np.ndarray:
    return (x[:, 0] > 0).astype(int)


def lab_curves() -> Figure:
    return lab_pictures.draw_curves(
        "A lab",
        {
            "accuracy": {"training": [[0.1, 0.9], [0.2, 0.9]], "test": [[0.2, 0.8], [0.1, 0.7]]},
            "loss": {name: [[2.0, 0.001]] * 2 for name in ("training", "test", "test, slipped")},
        },
    )


DRAWN = {
    "curves": lambda: plot_curves(
        EPOCHS,
        {
            "loss": falling(100, 0.7),
            "r2": [-12.0, *([0.9] * 39)],
            "accuracy": falling(0.1, 1.01),
            "validation_loss": falling(200, 0.75),
        },
        "regression",
    ),
    "bands": lambda: plot_bands(
        {
            f"learning_rate={rate}, optimizer=adam, batch_size=32": [{"loss": falling(3, rate)}] * 2
            for rate in (0.9, 0.8, 0.7)
        }
    ),
    "regions": lambda: figures.draw_regions(
        {"predicted": by_first}, POINTS, UNDER, ["0", "1", "2"], PLANE
    ),
    "lab regions": lambda: lab_pictures.draw_regions(
        "A lab", POINTS, UNDER, {"2→1": by_first, "2→3→1": lambda x: (x[:, 0] ** 2 > x[:, 1]) * 1}
    ),
    "lab curves": lab_curves,
    "fit": lambda: figures.draw_fit(
        lambda x: x**2, POINTS[:, :1], POINTS[:, :1] ** 2, Feature("size", 20, 5), "price"
    ),
    "agreement": lambda: figures.draw_agreement(3 + POINTS[:, 0], POINTS[:, 1], "price"),
    "confusion": lambda: figures.draw_confusion(
        RNG.integers(0, 100_000, (16, 16)), [f"class {number}" for number in range(16)]
    ),
    "mistakes": lambda: figures.draw_images([("", [(IMAGE, CAPTION)] * 8)] * 2, 8),
    "pairs": lambda: figures.draw_images([(CAPTION, [(IMAGE, "")] * 8)] * 3, 8),
    "few weights": lambda: figures.draw_weight_matrix(RNG.normal(size=(3, 8)), [*PLANE, PLANE[0]]),
    "many units": lambda: figures.draw_weight_matrix(RNG.normal(size=(2, 32)), PLANE),
    "many inputs": lambda: figures.draw_weight_matrix(
        RNG.normal(size=(60, 16)), [Feature(f"a column called {n}") for n in range(60)]
    ),
    "weight images": lambda: figures.draw_weight_images(RNG.normal(size=(32, 8, 8, 1))),
    "gradients": lambda: figures.draw_gradients(
        EPOCHS, {"0 Dense": falling(0.3, 0.95), "2 Dense": falling(0.9, 0.97)}
    ),
    "activations": lambda: figures.draw_activations(
        EPOCHS,
        {
            name: {f"{n} BatchNorm": falling(0.5, 0.9) for n in range(9)}
            for name in ("mean", "share of zeros", "share saturated")
        },
        [f"{n} BatchNorm" for n in range(9)],
    ),
}


class Drawn(NamedTuple):
    """A figure with everything in its place, and all that was written in it."""

    figure: Figure
    texts: list[Text]


@pytest.fixture(scope="module", params=DRAWN)
def drawn(request: pytest.FixtureRequest) -> Drawn:
    figure, written = DRAWN[request.param](), []
    draw = Text.draw

    def watched(text: Text, *arguments: Any, **options: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            written.append(text)
        draw(text, *arguments, **options)

    figure.draw_without_rendering()  # lays it out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", watched)
        figure.draw(FigureCanvasAgg(figure).get_renderer())
    return Drawn(figure, list(dict.fromkeys(written)))


def test_no_text_lies_on_another(drawn: Drawn) -> None:
    assert drawn.texts
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn.texts]
    for (one, box), (other, second) in itertools.combinations(boxes, 2):
        across = min(box.x1, second.x1) - max(box.x0, second.x0)
        up = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert across < 1 or up < 1, f"{one!r} lies on {other!r}"


def test_no_text_is_cut_off(drawn: Drawn) -> None:
    for text in drawn.texts:
        box = text.get_window_extent()
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= drawn.figure.bbox.width + 1, text.get_text()
        assert box.y1 <= drawn.figure.bbox.height + 1, text.get_text()


def test_legends_lie_on_no_axes(drawn: Drawn) -> None:
    for legend in drawn.figure.legends:
        for axes in drawn.figure.axes:
            assert not legend.get_window_extent().overlaps(axes.bbox)
    assert all(axes.get_legend() is None for axes in drawn.figure.axes)


def names_in(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# --- what is drawn ------------------------------------------------------------------------


def test_only_what_can_be_seen_is_in_the_legend() -> None:
    none_wrong = figures.draw_regions(
        {"predicted": by_first}, POINTS, by_first(POINTS), "012", PLANE
    )
    assert names_in(none_wrong) == ["class 0", "class 1"]
    gradients = figures.draw_gradients([1, 2], {"0 Dense": [0.0, 0.0], "1 Dense": [1.0, 2.0]})
    assert names_in(gradients) == ["1 Dense"]


def test_a_training_that_leaves_the_picture_is_told_below_it() -> None:
    epochs = np.arange(1, 5)
    calm, wild = Training(4), Training(4, output="identity")
    runs = {
        (training, 0): Trained(None, 0, 0, 0, None, epochs, losses, losses, 0)
        for training, losses in ((calm, 0.5 / epochs), (wild, 10.0 ** (9 * epochs)))
    }
    document = Document("losses")
    draw_losses(document, "loss", Question("Both", "", {"calm": calm, "wild": wild}), runs, [0])
    picture = document.parts[-1]
    assert names_in(picture.figure) == ["calm"]
    assert "Not shown: wild, whose loss grows to 1.0e+36" in picture.caption


def test_the_plane_has_equal_axes_and_room_around_its_corners() -> None:
    for figure in (DRAWN["regions"](), DRAWN["lab regions"]()):
        for axes in figure.axes:
            assert axes.get_aspect() == 1
            for low, high, values in zip(
                *zip(axes.get_xlim(), axes.get_ylim(), strict=True), POINTS.T, strict=True
            ):
                assert low < values.min() - 0.1
                assert high > values.max() + 0.1


def test_columns_in_units_of_their_own_fill_their_axes() -> None:
    features = [Feature("age", 40, 15), Feature("income", 50_000, 20_000)]
    figure = figures.draw_regions({"predicted": by_first}, POINTS, UNDER, "01", features)
    truth, prediction = figure.axes
    assert truth.get_aspect() == "auto"
    assert truth.get_xlabel() == "age"
    assert prediction.get_ylabel() == "income"
    low, high = truth.get_xlim()
    assert 0 < low < 40 - 15 < 40 + 15 < high
    regions = prediction.images[0].get_array()  # the border is at the mean, where x[:, 0] is 0
    border = low + (high - low) * np.mean(regions == 0)
    assert border == pytest.approx(40, abs=0.5)


def test_predictions_over_numbers_have_equal_axes() -> None:
    (axes,) = DRAWN["agreement"]().axes
    assert axes.get_aspect() == 1
    assert axes.get_xlim() == axes.get_ylim()


def test_features_have_the_names_of_columns() -> None:
    columns = (NumberColumn("age", 1, 40, 15, flagged=True), CategoryColumn("pet", "a", ("a", "b")))
    layout = Layout(("age", "pet", "y"), True, "y", ("age", "pet"), columns)
    found = features_of(Preparation(layout=layout), 4)
    names = ["age", "age is missing", "pet: a", "pet: b"]
    assert [feature.name for feature in found] == names
    assert found[0] == Feature("age", 40, 15)
    figure = figures.draw_weight_matrix(np.ones((4, 2)), found)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names


def test_weights_have_numbers_only_where_these_have_room() -> None:
    def numbers(inputs: int, units: int, size: float = 1.0) -> int:
        weights = np.full((inputs, units), size)
        axes = figures.draw_weight_matrix(weights, [Feature("x")] * inputs).axes[0]
        return len(axes.texts)

    assert numbers(2, 8) == 16
    assert numbers(2, 32) == 0
    assert numbers(2, 8, 1e-5) == numbers(2, 8, 1e9) == 0


def test_r2_far_below_zero_does_not_flatten_the_curve() -> None:
    figure = plot_curves(EPOCHS, {"loss": [1.0] * 40, "r2": [-12.0, -3.0, *([0.9] * 38)]})
    axes = figure.axes[1]
    assert axes.get_ylim()[0] == -1
    assert axes.get_ylabel() == "R² (not shown below -1)"
    all_low = plot_curves(EPOCHS, {"r2": [-12.0, -3.0, *([-2.0] * 38)]})
    assert all_low.axes[0].get_ylim()[0] < -12


@pytest.mark.parametrize("high", [1.1, 11.0, 1.1e6])
def test_logarithmic_axes_are_not_half_empty(high: float) -> None:
    low = high / 200
    axes = figures.draw_gradients([1, 2], {"0 Dense": [low, high]}).axes[0]
    bottom, top = np.log10(axes.get_ylim())
    assert axes.get_yscale() == "log"
    assert (np.log10(high) - np.log10(low)) / (top - bottom) > 0.8


@pytest.mark.parametrize(("low", "high"), [(2e-5, 3e7), (0.002, 900.0), (0.3, 5.0)])
def test_ticks_are_all_written_in_one_way(low: float, high: float) -> None:
    figure = figures.draw_gradients([1, 2], {"0 Dense": [low, high]})
    figure.savefig(io.BytesIO())
    written = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(written) >= 2
    assert len({"mathdefault" in text for text in written}) == 1
    assert not any("e+" in text or "e-" in text for text in written)


def test_twelve_classes_look_different() -> None:
    looks = {(colour(number), marker(number)) for number in range(36)}
    assert len(looks) == 36
    assert {mark for _, mark in looks} == set(MARKERS)


# --- one convention -----------------------------------------------------------------------


def has(picture: bytes, name: str) -> bool:
    shown = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), float) / 255
    return bool((np.abs(shown - to_rgb(name)).max(axis=-1) < 0.02).sum() > 50)


def test_positive_is_blue_and_negative_orange_everywhere(tmp_path: Path) -> None:
    for number, name in ((1.0, BLUE), (-1.0, VERMILION)):
        scale = signed(1)
        assert scale["cmap"]((number - scale["vmin"]) / 2)[:3] == pytest.approx(to_rgb(name))
        draw_heat_map({"dW": {"given": [[number] * 3], "true": [[0.0] * 3]}}, tmp_path / "map.png")
        document = Document("weights")
        weights = np.full((2, 2), number)
        document.picture("a", figures.draw_weight_matrix(weights, PLANE), "")
        document.picture("b", figures.draw_weight_images(weights.reshape(1, 2, 2, 1)), "")
        drawn = [(tmp_path / "map.png").read_bytes(), *(part.light for part in document.parts[1:])]
        assert all(has(picture, name) for picture in drawn)
        image = image_of(np.full((40, 40), number))
        assert ("blue" if number > 0 else "orange") in image.caption


def text_of(picture: Path) -> bytes:
    """The text of an SVG, which matplotlib draws letter by letter and repeats in comments."""
    return b" ".join(re.findall(rb"<!-- (.*?) -->", picture.read_bytes()))


def test_every_heat_map_says_what_its_colours_mean(tmp_path: Path) -> None:
    draw_heat_map({"dW": {"given": None, "true": [[0.0, 1.0]]}}, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").read_bytes().startswith(b"<?xml")
    assert b"blue is positive, orange negative, grey not known" in text_of(tmp_path / "map.svg")
    for name in ("few weights", "weight images"):  # their captions say it too
        bar = DRAWN[name]().axes[1]
        assert bar.get_ylabel() == "weight"
        assert bar.get_ylim()[0] == -bar.get_ylim()[1] < 0


# --- files --------------------------------------------------------------------------------

BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def trained() -> History:
    history = History()
    for loss in falling(1, 0.9):
        history.record(loss=loss, validation_loss=2 * loss)
    return history


@pytest.mark.parametrize("ending", BEGINNINGS)
def test_curves_are_what_their_ending_says(ending: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        trained().plot(tmp_path / f"{name}.{ending}", "curves", size=(8, 3))
    one, other = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert one.startswith(BEGINNINGS[ending])
    assert one == other


def test_a_caller_sets_the_size(tmp_path: Path) -> None:
    trained().plot(tmp_path / "curves.png", size=(8, 3))
    with Image.open(tmp_path / "curves.png") as shown:
        assert shown.size == (8 * 150, 3 * 150)


@pytest.mark.parametrize("size", [8, (8,), (0, 3), (1e9, 3), ("8", "3")])
def test_a_size_that_cannot_be(size: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="width, height"):
        trained().plot(tmp_path / "curves.png", size=size)
    assert not list(tmp_path.iterdir())


def test_an_ending_that_no_picture_has(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.png, \.svg or \.pdf"):
        trained().plot(tmp_path / "curves.gif")


def test_a_document_has_its_pictures_in_other_formats_too(tmp_path: Path) -> None:
    document = Document("formats")
    document.picture("regions", DRAWN["regions"](), "Regions.")
    document.write(tmp_path, formats=["pdf", "SVG"])
    for ending, beginning in BEGINNINGS.items():
        assert (tmp_path / "pictures" / f"regions.{ending}").read_bytes().startswith(beginning)
    with pytest.raises(UnknownNameError, match="no format is called 'gif'"):
        document.write(tmp_path / "other", formats=["gif"])
    assert not (tmp_path / "other").exists()


def test_the_picture_of_the_benchmarks_says_what_is_missing(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = """
import json, sys
sys.path.insert(0, "benchmarks")
from picture import draw
record = json.load(open("docs/benchmark.json"))
figure = draw(record["seconds_of_a_step"], record["machine"], record["threads"])
axes = figure.axes[0]
print([text.get_text() for text in axes.texts if "not measured" in text.get_text()])
print([label.get_text().replace(chr(10), " ") for label in axes.get_yticklabels()][0])
"""
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    missing = ["JAX scan: not measured", "NumPy by hand: not measured"] * 3  # W6, W7 and W8
    assert said.splitlines() == [str(missing), "W1: 2-4-4-1 sigmoid, MSE, full batch of 100, SGD"]
