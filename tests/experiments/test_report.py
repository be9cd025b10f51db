"""Reports: what they hold of a run and of a comparison, and how they look in a browser."""

from __future__ import annotations

import io
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import chainrule as cr
from chainrule.experiments.comparison import Comparison, grid, run_comparison
from chainrule.experiments.comparison_report import report_comparison
from chainrule.experiments.document import (
    DARK_PAGE,
    Code,
    Document,
    Heading,
    Picture,
    Table,
)
from chainrule.experiments.judged import judge
from chainrule.experiments.report import (
    add_layers,
    describe_outcome,
    read_records,
    report_run,
    weights_as_images,
)
from chainrule.experiments.run_folder import Run, read_history, read_run
from chainrule.experiments.runner import load_data
from chainrule.presentation.palette import BLUE, VERMILION
from tests.browser import PHONE, WIDE, measure, photograph, printed
from tests.experiments.runs import train

DIVERGES = 1e18


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on images that still makes many mistakes."""
    return train(tmp_path_factory.mktemp("digits") / "run", data="digits", epochs=2, hidden=[16])


@pytest.fixture(scope="module")
def digits_report(digits: Run) -> Document:
    return report_run(digits.path)


@pytest.fixture(scope="module")
def parabola(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on points of the plane."""
    options = {"data": "parabola", "epochs": 20, "hidden": [3], "learning_rate": 0.1}
    return train(tmp_path_factory.mktemp("parabola") / "run", **options)


@pytest.fixture(scope="module")
def parabola_report(parabola: Run) -> Document:
    return report_run(parabola.path)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of which one variant fails."""
    out = tmp_path_factory.mktemp("comparison") / "rates"
    variants = grid({"learning_rate": [0.1, 1, DIVERGES]})
    base = {"data": "moons", "epochs": 3, "hidden": [4], "optimizer": "sgd", "samples": 600}
    with ThreadPoolExecutor(1) as executor:
        run_comparison(Comparison(base, variants, (0, 1), 0.5), out, executor)
    return out


@pytest.fixture(scope="module")
def comparison_report(comparison: Path) -> Document:
    return report_comparison(comparison)


def headings(document: Document) -> list[str]:
    return [part.text for part in document.parts if isinstance(part, Heading)]


def pictures(document: Document) -> dict[str, Picture]:
    return {part.name: part for part in document.parts if isinstance(part, Picture)}


def tables(document: Document) -> list[Table]:
    return [part for part in document.parts if isinstance(part, Table)]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


# --- the report of a run ------------------------------------------------------------------


def test_a_run_on_images_has_every_section(digits: Run, digits_report: Document) -> None:
    document = digits_report

    assert headings(document) == [
        "digits: mlp",
        "Learning curves",
        "Which classes are confused",
        "The worst mistakes",
        "Calibration",
        "What the first layer looks for",
        "Inside the network while it learnt",
        "Configuration",
    ]
    assert set(pictures(document)) == {
        *("curves", "confusion", "confused-pairs", "mistakes", "reliability", "weights"),
        *("gradients", "activations"),
    }
    accuracy = digits.summary.test["accuracy"]
    wrong = round((1 - accuracy) * 360)
    outcome = document.parts[1].text
    assert f"{100 * accuracy:.2f} % of the 360 test examples" in outcome
    assert f"; {wrong} of them are wrong." in outcome


def test_warnings_of_the_training_stand_in_summary_and_report(tmp_path: Path) -> None:
    trained = train(
        tmp_path / "run", data="moons", samples=600, epochs=20, hidden=[8], learning_rate=1e-7
    )
    (warning,) = trained.summary.warnings
    assert "the loss has not moved in 20 epochs" in warning
    paragraphs = [part.text for part in report_run(trained.path).parts[:3]]
    assert f"Warning: {warning}." in paragraphs


def test_the_configuration_is_that_of_the_run(digits_report: Document) -> None:
    *_, options, layers = tables(digits_report)
    assert ["learning rate", "0.001"] in options.rows
    assert ["1", "Dense(16)", "16", "1,040"] in layers.rows


def test_the_most_confused_pairs_are_counted(digits: Run, digits_report: Document) -> None:
    judged = judge(digits, load_data(digits.config))
    counts = cr.metrics.confusion_matrix(judged.answers, judged.y, 10)
    np.fill_diagonal(counts, 0)
    true, predicted, places = judged.confused_pairs(1)[0]
    assert counts[true, predicted] == counts.max() == len(places)
    assert set(judged.y[places]) == {true}
    assert set(judged.answers[places]) == {predicted}
    pairs = tables(digits_report)[0]
    assert pairs.rows[0][:2] == [f"{true} taken for {predicted}", f"{counts.max()}"]


def test_the_worst_mistakes_come_first(digits: Run) -> None:
    judged = judge(digits, load_data(digits.config))
    rows = np.arange(len(judged.y))
    right = np.log(judged.probabilities[rows, judged.y])
    assert set(judged.wrong) == set(np.flatnonzero(judged.answers != judged.y))
    assert (np.diff(right[judged.wrong]) >= 0).all()


def test_points_of_the_plane_have_decision_regions(parabola_report: Document) -> None:
    drawn = pictures(parabola_report)
    assert "regions" in drawn
    assert not {"mistakes", "confused-pairs"} & set(drawn)
    shown = pixels(drawn["regions"].light)[..., :3]
    right_half = shown[:, shown.shape[1] // 2 :].reshape(-1, 3)
    for colour in (BLUE, VERMILION):  # the regions are the points' colours on white, at a quarter
        light = 255 - 0.25 * (255 - rgb(colour))
        assert (np.abs(right_half - light).max(axis=1) < 3).mean() > 0.05


def test_regression_shows_the_curve_it_learnt(tmp_path: Path) -> None:
    train(tmp_path / "run", data="sine", epochs=2, hidden=[8])
    document = report_run(tmp_path / "run")
    assert {"curves", "predictions"} < set(pictures(document))
    assert "confusion" not in pictures(document)
    assert "root mean squared error" in document.parts[1].text


def test_what_became_of_each_column_of_a_table(tmp_path: Path) -> None:
    rows = [f"{n},{10 * (n % 2) if n else ''},{'ab'[n % 2]},name {n},{n % 3}" for n in range(61)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["Id,size,kind,name,label", *rows]))
    train(tmp_path / "run", data=str(table), epochs=1, hidden=[2], validation=0)
    document = report_run(tmp_path / "run")
    assert "How the table was prepared" in headings(document)
    (prepared,) = [one for one in tables(document) if one.headers[0] == "column"]
    assert prepared.rows == [
        ["Id", "left out"],
        ["size", "(x - 5) / 4.959"],  # 5 is the median too, and stands for the missing one
        ["kind", "0 or 1 for each of a, b"],
        ["name", "left out"],
    ]
    (said,) = [one.rows for one in tables(document) if one.headers[0].startswith("what was said")]
    for line in ("`Id`", "`name` (61 different texts)", "`size`: 1 missing"):
        assert line in str(said)


def test_a_convolution_shows_its_filters(tmp_path: Path) -> None:
    layers = ["conv2d(6, 3)", "relu", "flatten", "dense(10)"]
    train(tmp_path / "run", data="digits", layers=layers, epochs=1, samples_per_epoch=64)
    weights = pictures(report_run(tmp_path / "run"))["weights"]
    assert "6 filters" in weights.caption


def test_weights_are_images_where_the_inputs_are_pixels() -> None:
    def shape(layer: cr.Layer, *input_shape: int) -> tuple[int, ...] | None:
        net = cr.Network([cr.Flatten(), layer] if isinstance(layer, cr.Dense) else [layer],
                         input_shape)  # fmt: skip
        images = weights_as_images(net.layers[-1], net.input_shape)
        return None if images is None else images.shape

    assert shape(cr.Dense(5), 8, 9, 1) == (5, 8, 9, 1)
    assert shape(cr.Dense(5), 8, 8, 3) == (5, 8, 8, 3)
    assert shape(cr.Dense(5), 8, 8, 2) is None
    assert shape(cr.Dense(5), 7) is None
    assert shape(cr.Conv2D(4, 3), 8, 8, 1) == (4, 3, 3, 1)
    assert shape(cr.Conv2D(4, 3), 8, 8, 16) is None


@pytest.mark.parametrize(
    ("validation", "part", "count"), [(0.2, "validation", 120), (0, "training", 600)]
)
def test_without_test_data_others_are_judged(
    tmp_path: Path, validation: float, part: str, count: int
) -> None:
    x, y = cr.datasets.moons(600, np.random.default_rng(0))
    np.savez(tmp_path / "moons.npz", x_train=x, y_train=y)
    run = train(tmp_path / "run", data=str(tmp_path / "moons.npz"), validation=validation, epochs=1)
    judged = judge(run, load_data(run.config))
    assert (judged.part, len(judged.x)) == (part, count)
    outcome = describe_outcome(run, read_history(run.path), judged)
    assert f"{count} {part} examples" in outcome


def test_a_run_without_records_of_its_layers_has_a_report_without_them(
    tmp_path: Path, parabola: Run
) -> None:
    shutil.copytree(parabola.path, tmp_path / "run")
    (tmp_path / "run" / "layers.jsonl").unlink()
    document, run = Document("xor"), read_run(tmp_path / "run")
    add_layers(document, run, read_records(run))
    assert not pictures(document)


# --- the report of a comparison -----------------------------------------------------------


def test_a_comparison_has_its_tables_sentences_and_bands(
    comparison: Path, comparison_report: Document
) -> None:
    document = comparison_report
    results = json.loads((comparison / "results.json").read_text())

    judgement, failed, costs, differ, shared = tables(document)
    assert [row[0] for row in judgement.rows] == [
        "learning_rate=0.1", "learning_rate=1", f"learning_rate={DIVERGES} (2 failed)"
    ]  # fmt: skip
    means = [v["estimates"].get("validation_accuracy", {}).get("mean") for v in results["variants"]]
    assert judgement.rows[1][1].startswith(f"{100 * means[1]:.2f} ± ")
    assert [row[1] for row in failed.rows] == ["0", "1"]
    assert "the loss became" in failed.rows[0][2]
    assert {"parameters", "epochs", "epochs to target"} < set(costs.headers)
    assert differ.headers == ["variant", "learning rate"]
    assert ["samples", "600"] in list(map(list, shared.rows))
    assert results["sentences"][0] in [
        part.text for part in document.parts if hasattr(part, "text")
    ]
    assert {"estimates", "curves"} == set(pictures(document))


def test_defaults_that_follow_from_a_variant_are_told(tmp_path: Path) -> None:
    variants = grid({"optimizer": ["adam", "sgd"]})
    base = {"data": "xor", "epochs": 1, "hidden": [2]}
    with ThreadPoolExecutor(1) as executor:
        run_comparison(Comparison(base, variants, (0, 1)), tmp_path / "out", executor)
    differ = tables(report_comparison(tmp_path / "out"))[-2]
    assert differ.rows == [
        ["optimizer=adam", "adam", "0.001"],
        ["optimizer=sgd", "sgd", "0.01"],
    ]


# --- files --------------------------------------------------------------------------------


def test_the_page_needs_nothing_else(digits_report: Document, tmp_path: Path) -> None:
    digits_report.write(tmp_path)

    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "url(" not in page
    for address in re.findall(r'(?:src|srcset|href)="([^"]*)"', page):
        assert address.startswith(("data:image/png;base64,", "#section-"))
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert page.count("<img ") == page.count('prefers-color-scheme: dark)" srcset=') == 8


def test_markdown_has_its_pictures(digits_report: Document, tmp_path: Path) -> None:
    digits_report.write(tmp_path)

    text = (tmp_path / "report.md").read_text()
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(linked) == 8
    for path in linked:
        assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")
    assert "| option | value |" in text


def test_pictures_have_the_ink_of_their_page() -> None:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], color=BLUE, label="line")
    figure.legend()
    document = Document("ink")
    document.picture("plot", figure, "A line.")
    picture = pictures(document)["plot"]
    light, dark = pixels(picture.light), pixels(picture.dark)
    assert light[0, 0].tolist() == [255, 255, 255, 255]
    assert dark[0, 0, 3] == 0
    assert (light[..., :3].max(axis=-1) < 40).any()  # black
    assert not ((dark[..., :3].max(axis=-1) < 20) & (dark[..., 3] > 200)).any()
    for image in (light, dark):
        assert (np.abs(image[..., :3] - rgb(BLUE)).max(axis=-1) < 3).any()


def test_text_is_never_markup() -> None:
    document = Document("<b>")
    document.paragraph(Code("a < b"), " and <i>")
    document.table(["<th>"], [["`x`"], ["[red]"]])
    page = document.to_html()
    assert "<title>&lt;b&gt;</title>" in page
    assert "<code>a &lt; b</code> and &lt;i&gt;" in page
    assert "&lt;th&gt;" in page


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


# --- in a browser -------------------------------------------------------------------------


BACKGROUNDS = {"light": "#ffffff", "dark": DARK_PAGE}


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("parabola_report", "light"),
        ("comparison_report", "dark"),
        pytest.param("parabola_report", "dark", marks=pytest.mark.long),
        pytest.param("comparison_report", "light", marks=pytest.mark.long),
    ],
)
def test_chromium_shows_it_in_light_and_dark(
    kind: str, scheme: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    background = BACKGROUNDS[scheme]
    request.getfixturevalue(kind).write(tmp_path)

    shown = photograph(tmp_path / "report.html", scheme)

    assert shown.shape == (2600, 1100, 3)
    is_page = (shown == rgb(background)).all(axis=-1)
    assert is_page[0].all()
    assert 0.3 < is_page.mean() < 0.99
    for colour in (BLUE, VERMILION):  # the pictures are there
        assert (np.abs(shown - rgb(colour)).max(axis=-1) < 3).sum() > 100
    other = {"#ffffff", DARK_PAGE} - {background}
    assert (shown == rgb(other.pop())).all(axis=-1).mean() < 0.05  # nothing of the other scheme


@pytest.mark.parametrize("kind", ["digits_report", "parabola_report", "comparison_report"])
def test_no_page_is_wider_than_its_window(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(kind).write(tmp_path)
    wide, phone = measure(tmp_path / "report.html", WIDE, PHONE)
    assert wide["page"] <= wide["window"] == WIDE
    assert phone["page"] <= phone["window"] == PHONE
    assert all(table <= place for table, place, _ in wide["tables"])


SENTENCE = "one run against several seeds; a sentence that is long enough to fill several lines"


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """A page with a table like those at the end of labs, whose cells begin with numbers."""
    document = Document("claims")
    rows = [
        ["Test accuracy", "0.788, 0.760", f"92.00 ± 1.41 %; +4.67 points: {SENTENCE}", SENTENCE],
        ["Seconds", "100 %", f"12.3 s; {SENTENCE}", f"1,000 points {SENTENCE}"],
    ]
    for number in range(8):
        document.heading(f"Section {number}")
        document.table(["", "reported", "measured", "why"], rows, "Sentences about numbers.")
    document.write(tmp_path)
    return tmp_path / "report.html"


def test_a_table_of_sentences_has_no_column_of_one_word_a_line(claims: Path) -> None:
    assert Table(["", "a"], [["", f"1 {SENTENCE}"]]).kind(1) == "prose"
    wide, phone = measure(claims, WIDE, PHONE)
    for table, place, highest_row in wide["tables"]:
        assert table <= place
        assert highest_row < 150
    assert phone["page"] == PHONE


@pytest.mark.parametrize("cell", ["97.1 % ± 0.2 %", "0.4 to 0.6", "12 (2 of 5 seeds)", "−3", "",
                                  "1,234", "0.817 ± 0.011 (0.790 to 0.835)", "3.1e-07", "12 ms",
                                  "never", "inf"])  # fmt: skip
def test_cells_of_numbers(cell: str) -> None:
    assert Table(["", "a"], [["", cell]]).holds_numbers(1)


@pytest.mark.parametrize("cell", ["0.788, 0.760", "100 %, 100 %", "1 of them", "2→3→1", "(1, 1, 2)",
                                  "+4.67 points (95 % interval +3.23 to +6.10): real"])  # fmt: skip
def test_cells_of_text(cell: str) -> None:
    assert not Table(["", "a"], [["", cell]]).holds_numbers(1)


# --- on paper -----------------------------------------------------------------------------


def test_paper_is_filled_from_the_first_page_on(claims: Path) -> None:
    first, *others = pages = printed(claims)
    assert "Section 0" in first
    assert " ".join(first.split()).count("Test accuracy") >= 2
    for page in pages:
        assert not re.fullmatch(r"Section \d|Sentences.*", page.strip().splitlines()[-1])
    text = " ".join(" ".join(pages).split())
    assert others
    assert text.count("fill several lines") == 4 * 8  # no column is cut off


def test_a_report_on_paper_begins_with_its_results(digits_report: Document, tmp_path: Path) -> None:
    digits_report.write(tmp_path)
    first, *_, last = printed(tmp_path / "report.html")
    assert "are classified correctly" in " ".join(first.split())
    assert "repeats this run" in " ".join(last.split())
