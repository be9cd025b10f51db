"""The report of a run: what was trained, how it went, and what the network gets right and wrong.

Each section is a function that adds to the document, or adds nothing where it does not apply.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.augment import Augmentation
from chainrule.calibration import Reliability, at_temperature, find_temperature, reliability
from chainrule.data.dataset import Dataset
from chainrule.experiments import figures
from chainrule.experiments.config import TrainConfig
from chainrule.experiments.document import Code, Document
from chainrule.experiments.features import Feature, features_of
from chainrule.experiments.judged import Judged, class_probabilities, judge, load_own_data
from chainrule.experiments.recording import PROBE, read_layers
from chainrule.experiments.run_folder import LAYERS, Run, read_history, read_run
from chainrule.experiments.stored import LayersRecord
from chainrule.history import History
from chainrule.layers import ACTIVATIONS, Activation, Conv2D, Dense
from chainrule.metrics import confusion_matrix
from chainrule.presentation.curves import plot_curves, spell
from chainrule.presentation.display import counted, format_number
from chainrule.presentation.palette import SIGNS
from chainrule.types import Array, Shape

PAIRS = 6  # most confused pairs that are shown
IN_ROW = 8  # images side by side
WORST = 16  # worst mistakes that are shown
EPOCHS_SEEN = 3  # of which changed images are shown
UNITS = 64  # units whose first weights are shown
COLUMNS = 50  # columns of a table that are told
FOLLOWED = (*ACTIVATIONS.values(), Activation)  # layers whose outputs are followed
STATISTICS = {
    "mean": "mean",
    "standard deviation": "std",
    "share of zeros": "zero",
    "share saturated": "saturated",
}

# Told by another table.
IN_LAYERS = ("hidden", "channels", "activation", "init", "layers", "input_shape")


def report_run(folder: Path, data_dir: Path | None = None) -> Document:
    """The report of the run in `folder`.

    Args:
        data_dir: where to look for the run's data first.
    Raises:
        RunFolderError: not a run, an unfinished one, or a damaged one.
        DataError: the run's data is no longer to be found.
    """
    run, history = read_run(folder), read_history(folder)
    records = read_records(run)
    config = run.config.model_copy(update={"data_dir": _data_dir(run, data_dir)})
    dataset = load_own_data(replace(run, config=config))
    judged = judge(run, dataset)
    inputs = math.prod(run.network.input_shape)
    document = Document(f"{dataset.name}: {Path(run.config.model).stem}")
    document.paragraph(describe_outcome(run, history, judged))
    for warning in run.summary.warnings:
        document.paragraph(f"Warning: {warning}.")
    features, target = features_of(run.preparation, inputs), run.preparation.label_name or "y"
    add_curves(document, history)
    add_judgement(document, judged, features, target)
    add_calibration(document, run, judged, dataset)
    add_augmentation(document, run, dataset)
    add_weights(document, run, features)
    add_layers(document, run, records)
    add_preparation(document, dataset)
    add_configuration(document, run)
    return document


def add_judgement(
    document: Document, judged: Judged, features: Sequence[Feature], target: str
) -> None:
    """What is right and what is wrong: predictions, confusions, mistakes."""
    add_predictions(document, judged, features, target)
    if judged.class_names is not None:
        add_confusion(document, judged, judged.class_names)
        add_mistakes(document, judged, judged.class_names)


def read_records(run: Run) -> list[LayersRecord]:
    """What was recorded of the layers; nothing where nothing was."""
    path = run.path / LAYERS
    return read_layers(path, len(run.network.layers)) if path.is_file() else []


def _data_dir(run: Run, given: Path | None) -> str | None:
    return run.config.data_dir if given is None else str(given)


# --- the outcome in words -----------------------------------------------------------------


def describe_outcome(run: Run, history: History, judged: Judged) -> str:
    """One or two sentences: how long it trained, and how good it is."""
    epochs, seconds = len(history), run.summary.seconds
    stopped = f" ({run.summary.stopped})" if run.summary.stopped else ""
    training = f"After {counted(epochs, 'epoch')}{stopped} and {_seconds(seconds)} of training"
    examples = counted(len(judged.x), f"{judged.part} example")
    if run.class_names is None:
        network = run.network
        loss = network.choose_loss(None)
        numbers = network.judge(judged.answers, judged.y, loss, network.metrics).items()
        told = ", ".join(f"{spell(name)} {format_number(name, value)}" for name, value in numbers)
        return f"{training}, on the {examples}: {told}."
    return f"{training}, {describe_classes(judged)}."


def describe_classes(judged: Judged) -> str:
    """How many examples are classified correctly, and how many are not."""
    wrong, count = len(judged.wrong), len(judged.x)
    examples = counted(count, f"{judged.part} example")
    told = f"{100 * (1 - wrong / count):.2f} % of the {examples} are classified correctly"
    return f"{told}; {wrong:,} of them {'is' if wrong == 1 else 'are'} wrong" if wrong else told


def _seconds(seconds: float) -> str:
    """Two digits, or whole seconds."""
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s"


def add_preparation(document: Document, dataset: Dataset) -> None:
    """What became of each column of a table, and what was said of it."""
    layout = dataset.preparation.layout
    if layout is None or layout.columns is None:
        return
    document.heading("How the table was prepared")
    taken = {column.name: column.describe() for column in layout.columns}
    others = [name for name in layout.order if name != layout.label]
    document.table(
        ["column", "for the network"],
        [[layout.name_of(name), taken.get(name, "left out")] for name in others[:COLUMNS]],
        "What becomes of each column. Means and standard deviations are those of the training part."
        + f" These are the first {COLUMNS} of {len(others):,} columns." * (len(others) > COLUMNS),
    )
    said = [dataset.preparation.describe(), *dataset.notes]
    document.table(["what was said of the table before training"], [[line] for line in said])


def add_configuration(document: Document, run: Run) -> None:
    """Options, layers, and how to repeat the run."""
    document.heading("Configuration")
    options = [list(option) for option in options_in_words(run.config, IN_LAYERS).items()]
    document.table(["option", "value"], options, "Options of chainrule train.")
    network = run.network.summary()
    rows = [
        [row.position, row.layer, _spell_shape(row.output_shape), f"{row.parameters:,}"]
        for row in network.rows
    ]
    document.table(
        ["", "layer", "output shape", "parameters"],
        [["", "input", _spell_shape(network.input_shape), ""], *rows],
        f"The network: {network.parameters:,} parameters in {run.config.dtype}.",
    )
    made = ", ".join(f"{name} {version}" for name, version in run.summary.versions.items())
    document.paragraph(
        Code(f"chainrule train --config {run.path / 'config.toml'}"),
        f" repeats this run. It was made with {made}.",
    )


def options_in_words(config: TrainConfig, left_out: Collection[str]) -> dict[str, str]:
    """Name and value of each option that applies."""
    return {
        spell(name): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in config.model_dump().items()
        if name not in left_out and value is not None and value is not False
    }


def _spell_shape(shape: Shape) -> str:
    return " × ".join(map(str, shape))


def add_curves(document: Document, history: History) -> None:
    """Loss and metrics over the epochs of a training by chainrule."""
    numbers = history.measured()
    validation, tested = (
        any(name.startswith(part) for name in numbers) for part in ("validation_", "test_")
    )
    caption = (
        "Training figures are means over the batches of an epoch, each measured before its update"
        + ("; validation figures are measured after the epoch" * validation)
        + ("; test figures are measured after the epoch, and choose nothing" * tested)
        + "."
        + describe_best(numbers.get("validation_loss", []))
    )
    draw_history(document, history, caption)


def draw_history(document: Document, history: History, caption: str) -> None:
    """The section of learning curves."""
    document.heading("Learning curves")
    document.picture(
        "curves",
        plot_curves(range(1, len(history) + 1), history.measured()),
        caption,
        "Line charts of the loss and of each metric over the epochs.",
    )


def describe_best(losses: Sequence[float]) -> str:
    """After which epoch the validation loss is lowest, where there is any."""
    if not losses:
        return ""
    best = int(np.argmin(losses))
    return f" The validation loss is lowest, {losses[best]:.4g}, after epoch {1 + best}."


def add_predictions(
    document: Document, judged: Judged, features: Sequence[Feature], target: str
) -> None:
    """Predictions and ground truth: of points of the plane, or of numbers."""
    x = np.asarray(judged.x) if len(features) <= 2 else judged.x
    if judged.class_names is None:
        is_curve = x.shape[1:] == (1,) and judged.answers[0].size == 1
        figure = (
            figures.draw_fit(judged.predict, x, judged.y, features[0], target)
            if is_curve
            else figures.draw_agreement(judged.answers, judged.y, target)
        )
        document.heading("Predictions and ground truth")
        caption = f"The {judged.part} examples and the network's predictions."
        document.picture("predictions", figure, caption)
    elif x.shape[1:] == (2,):
        predictors = {"predicted": judged.predict}
        document.heading("Predictions and ground truth")
        document.picture(
            "regions",
            figures.draw_regions(predictors, x, judged.y, judged.class_names, features),
            f"The {judged.part} examples, coloured by their true class. The background on the "
            "right shows which class the network predicts there; wrong predictions are circled.",
            "Two scatter plots of the same points by true class, one over the predicted regions.",
        )


def add_confusion(document: Document, judged: Judged, names: Sequence[str]) -> None:
    """The confusion matrix, and the pairs that are confused most."""
    document.heading("Which classes are confused")
    counts = confusion_matrix(judged.answers, judged.y, len(names))
    document.picture(
        "confusion",
        figures.draw_confusion(counts, names),
        f"How many {judged.part} examples of each true class (rows) were predicted as each class "
        "(columns). Blue is right, orange is wrong. Stronger colours are larger shares of the "
        "row; each of the two colours has its own scale.",
        "A confusion matrix.",
    )
    pairs = judged.confused_pairs(PAIRS)
    if not pairs or len(names) == 2:
        return
    titles = [f"{names[true]} taken for {names[predicted]}" for true, predicted, _ in pairs]
    shares = [len(places) / counts[true].sum() for true, _, places in pairs]
    document.table(
        ["most confused", "examples", "share of the true class"],
        [
            [title, f"{len(places):,}", f"{100 * share:.1f} %"]
            for title, share, (_, _, places) in zip(titles, shares, pairs, strict=True)
        ],
    )
    rows = [
        (title, [(judged.x[place], "") for place in places[:IN_ROW]])
        for title, (_, _, places) in zip(titles, pairs, strict=True)
        if len(places) > 1  # single ones are among the worst mistakes
    ]
    if rows and shows_images(judged.x.shape[1:]):
        document.picture(
            "confused-pairs",
            figures.draw_images(rows, IN_ROW),
            f"Up to {IN_ROW} examples of each pair of classes that was confused more than once, "
            "the worst first.",
            "Images of the most confused pairs, a row for each pair.",
        )


def add_mistakes(document: Document, judged: Judged, names: Sequence[str]) -> None:
    """The wrong predictions with the largest loss, as images."""
    if not shows_images(judged.x.shape[1:]) or not len(judged.wrong):
        return
    worst = judged.wrong[:WORST]
    images = [(judged.x[place], caption_mistake(judged, place, names)) for place in worst]
    rows = [("", images[start : start + IN_ROW]) for start in range(0, len(images), IN_ROW)]
    is_ordered = judged.losses is not None
    document.heading("The worst mistakes" if is_ordered else "The first mistakes")
    document.picture(
        "mistakes",
        figures.draw_images(rows, min(IN_ROW, len(images))),
        f"The {'wrong predictions with the largest loss' if is_ordered else 'first mistakes'}: "
        "the true class, and the class that was predicted"
        + (", with its probability." if judged.probabilities is not None else "."),
        f"Images of the worst mistakes: {'; '.join(text for _, text in images)}.",
    )


def caption_mistake(judged: Judged, place: int, names: Sequence[str]) -> str:
    """``5 taken for 3, 98 %``."""
    predicted = int(judged.answers[place])
    text = f"{names[int(judged.y[place])]} taken for {names[predicted]}"
    if judged.probabilities is None:
        return text
    return f"{text}, {100 * judged.probabilities[place, predicted]:.0f} %"


def shows_images(input_shape: Shape) -> bool:
    """True if examples are images that can be shown: grey or in colour."""
    return len(input_shape) == 3 and input_shape[-1] in (1, 3)


def add_calibration(document: Document, run: Run, judged: Judged, dataset: Dataset) -> None:
    """How far probabilities can be taken at their word, and the temperature that would mend them,
    chosen by the validation part where that is not what is judged."""
    if judged.probabilities is None:
        return
    found = {"as they are": reliability(judged.probabilities, judged.y)}
    text = (
        "On average, the probability of the predicted class and the share of right predictions "
        f"differ by {100 * found['as they are'].error:.1f} % (the expected calibration error)"
    )
    if judged.part == "test" and dataset.x_validation is not None:
        held_out = class_probabilities(run.network, run.network.predict(dataset.x_validation))
        temperature = find_temperature(held_out, np.asarray(dataset.y_validation))
        name = f"at a temperature of {temperature:.2f}"
        found[name] = reliability(at_temperature(judged.probabilities, temperature), judged.y)
        text += (
            f"; {name}, chosen by the validation part, by {100 * found[name].error:.1f} %. A "
            "temperature divides the logits: above 1, the network becomes less sure of itself"
        )
    document.heading("Calibration")
    document.picture(
        "reliability",
        figures.draw_reliability(found),
        f"{text}. On the line, probabilities are as good as they say; below it, they say too much.",
        "The share of right predictions against the probability that the network gave them: "
        + "; ".join(
            f"{name}, {', '.join(f'{p:.2f}: {a:.2f}' for p, a in points_of(one))}"
            for name, one in found.items()
        )
        + ".",
    )


def points_of(found: Reliability) -> Iterable[tuple[float, float]]:
    """The points of a reliability diagram."""
    return zip(found.confidences.tolist(), found.accuracies.tolist(), strict=True)


def add_augmentation(document: Document, run: Run, dataset: Dataset) -> None:
    """Some training images as they are, and as the network saw them in the first epochs."""
    if run.config.augment is None or not shows_images(dataset.input_shape):
        return
    augment, seed = Augmentation.of(run.config.augment), run.config.seed
    first = np.arange(min(IN_ROW, len(dataset.x_train)))
    seen = {"as they are": dataset.x_train[first]}
    for epoch in range(1, EPOCHS_SEEN + 1):
        seen[f"epoch {epoch}"] = augment.of_epoch(dataset.x_train, seed, epoch)[first]
    document.heading("What the network saw")
    document.picture(
        "augmentation",
        figures.draw_images(
            [(name, [(image, "") for image in images]) for name, images in seen.items()], len(first)
        ),
        f"Training images as they are, and as they were in the first epochs: {augment!r}.",
        "Rows of the same training images, unchanged and changed at random.",
    )


def add_weights(document: Document, run: Run, features: Sequence[Feature]) -> None:
    """What the first layer with weights looks for."""
    network = run.network
    layer = next((one for one in network.layers if isinstance(one, (Dense, Conv2D))), None)
    if layer is None:
        return
    images = weights_as_images(layer, network.input_shape)
    if images is None and isinstance(layer, Conv2D):
        return  # filters over many channels are no images
    document.heading("What the first layer looks for")
    signs = f"{SIGNS.capitalize()}. Stronger colours are further from zero."
    if images is None:
        inputs = len(layer.W)
        takes_features = layer is network.layers[0] and len(features) == inputs
        named = features if takes_features else [Feature(str(n)) for n in range(inputs)]
        figure = figures.draw_weight_matrix(layer.W, named)
        caption = (
            f"The weights of {layer!r}: one row for each input, one column for each unit. {signs}"
        )
    else:
        figure = figures.draw_weight_images(images[:UNITS])
        units = "units" if isinstance(layer, Dense) else "filters"
        shown = f"the first {UNITS} of {len(images)}" if len(images) > UNITS else len(images)
        is_grey = images.shape[-1] == 1
        caption = (
            f"The weights of {layer!r} as images: {shown} {units}. "
            f"{signs if is_grey else 'Middle grey is zero.'}"
        )
    document.picture("weights", figure, caption, "The first layer's weights as colours.")


def weights_as_images(layer: Dense | Conv2D, input_shape: Shape) -> Array | None:
    """The weights of each unit, ``(units, height, width, 1 or 3)``; None where they are no
    image: features that are no pixels, or filters over more channels."""
    images = layer.W.transpose(3, 0, 1, 2) if isinstance(layer, Conv2D) else layer.W.T
    if isinstance(layer, Dense) and shows_images(input_shape):
        if images.shape[1] != math.prod(input_shape):
            return None
        images = images.reshape(-1, *input_shape)
    return images if shows_images(images.shape[1:]) else None


def add_layers(document: Document, run: Run, records: Sequence[LayersRecord]) -> None:
    """Gradients and activations by layer over time, where they were recorded."""
    if not records:
        return
    layers = run.network.layers
    epochs = [record.epoch for record in records]
    names = [f"{position} {type(layer).__name__}" for position, layer in enumerate(layers)]
    document.heading("Inside the network while it learnt")
    document.picture(
        "gradients",
        figures.draw_gradients(epochs, follow(records, names, "gradient_norm")),
        "The norm of each layer's gradient in the last step of an epoch. If it is far smaller "
        "than in later layers, the layer hardly learns; if it grows, training may diverge.",
        "Line chart of the gradient norm by layer over the epochs.",
    )
    followed = [
        name
        for name, layer in zip(names, layers, strict=True)
        if isinstance(layer, FOLLOWED) or layer.children() or layer is layers[-1]
    ]
    statistics = {label: follow(records, names, key, followed) for label, key in STATISTICS.items()}
    document.picture(
        "activations",
        figures.draw_activations(
            epochs, {label: lines for label, lines in statistics.items() if tells(lines)}, followed
        ),
        f"The outputs of each layer after an epoch, for the same {PROBE} training examples (or "
        "all, if there are fewer). A unit whose output is always zero, or always saturated "
        "(within 5 % of an end of its range), no longer learns.",
        "Line charts of the mean, the standard deviation and the shares of zero and saturated "
        "activations by layer over the epochs.",
    )


def tells(lines: dict[str, list[float]]) -> bool:
    """True if any line leaves zero: a layer without zeros has nothing to show of them."""
    return any(value for values in lines.values() for value in values)


def follow(
    records: Sequence[LayersRecord],
    names: Sequence[str],
    key: str,
    followed: Sequence[str] | None = None,
) -> dict[str, list[float]]:
    """One recorded number over the epochs for each layer that has it."""
    return {
        name: [getattr(record.layers[position], key) for record in records]
        for position, name in enumerate(names)
        if (followed is None or name in followed)
        and getattr(records[0].layers[position], key) is not None
    }
