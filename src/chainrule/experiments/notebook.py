"""A Jupyter notebook that repeats a run with chainrule's Python interface."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chainrule.augment.changes import CHANGES
from chainrule.averages import AVERAGES
from chainrule.configurable import Configurable, build
from chainrule.data.synthetic import DEFAULT_SAMPLES
from chainrule.experiments.config import Spec, TrainConfig
from chainrule.experiments.run_folder import Run
from chainrule.experiments.runner import is_drawn, make_optimizer, task_of
from chainrule.files import whole_file
from chainrule.layers import Layer
from chainrule.layers.descriptions import build_layers
from chainrule.losses import LOSSES
from chainrule.presentation.display import describe_numbers
from chainrule.schedules import SCHEDULES
from chainrule.text import for_markdown, for_python, markdown_code

MODULES = ("initializers", "schedules")  # reached as cr.schedules.Cosine; the rest as cr.Dense

CURVES = """\
import matplotlib.pyplot as plt

names = [name for name in history.names() if name not in ("epoch", "learning_rate", "seconds")]
panels = [name for name in names if not name.startswith("validation_")]
figure, places = plt.subplots(1, len(panels), figsize=(5 * len(panels), 3.5), squeeze=False)
for axes, name in zip(places[0], panels):
    axes.plot(history["epoch"], history[name], label="training")
    if f"validation_{name}" in names:
        axes.plot(history["epoch"], history[f"validation_{name}"], label="validation")
    axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
    axes.legend()
plt.show()"""


def write_notebook(run: Run, path: Path) -> None:
    """Write the notebook of a run.

    Raises:
        OutputError: the file cannot be written.
    """
    from nbformat import writes
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells = [
        new_code_cell(text, id=f"cell-{number}")  # an id of its own would be random
        if kind == "code"
        else new_markdown_cell(text, id=f"cell-{number}")
        for number, (kind, text) in enumerate(cells_of(run))
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=cells, metadata=kernel)
    with whole_file(path) as file:
        file.write(f"{writes(notebook)}\n".encode())


def cells_of(run: Run) -> Iterator[tuple[str, str]]:
    """The cells, each ``("text" or "code", source)``."""
    config = run.config
    # As code, for in all other text a notebook looks for formulas, even in what Markdown escapes.
    data, model = markdown_code(run.summary.data), markdown_code(Path(config.model).stem)
    yield "text", f"# {data}: {model}\n\n{for_markdown(introduce(run))}"
    yield "text", "## Data"
    yield "code", f"import chainrule as cr\n\ndata = {load_source(config)}"
    yield "text", "## Network"
    yield "code", network_source(config)
    yield "text", "## Training"
    yield "code", fit_source(config)
    yield "text", "## Test"
    yield "code", "net.evaluate(data.x_test, data.y_test)" if run.summary.test else "history[-1]"
    yield "text", "## Learning curves"
    yield "code", CURVES


def introduce(run: Run) -> str:
    """What the notebook repeats, and what the run gave."""
    test, versions = run.summary.test, run.summary.versions
    part, numbers = ("test", test) if test else ("last epoch", run.summary.last_epoch)
    return (
        f"This notebook repeats a run of chainrule {versions['chainrule']} "
        f"(NumPy {versions['numpy']}, Python {versions['python']}). "
        f"The run gave, {part}: {describe_numbers(numbers).replace('   ', ', ')}."
    )


def load_source(config: TrainConfig) -> str:
    """The expression that loads the data."""
    loss = build(config.loss, LOSSES, "loss") if config.loss else None
    options = {
        "data_dir": config.data_dir,
        "seed": config.seed_of_data,
        "samples": config.samples,
        "label_column": config.label_column,
        "task": task_of(loss),
        "validation": None if is_drawn(config) else config.validation or None,
        "test": config.test,
        "group_column": config.group_column,
        "image_size": config.image_size,
        "grayscale": config.grayscale or None,
        "flag_missing": config.flag_missing or None,
    }
    given = [f"{name}={source(value)}" for name, value in options.items() if value is not None]
    return f"cr.datasets.load({', '.join([source(config.data), *given])})"


def network_source(config: TrainConfig) -> str:
    """The code that makes the network, its layers written out."""
    layers = build_layers(config.layers or [])
    lines, names = define_shared(layers)
    lines += ["net = cr.Network(", "    ["]
    lines += [f"        {source(layer, names)}," for layer in layers]
    lines += ["    ],", f"    input_shape={tuple(config.input_shape or ())},"]
    lines += [f"    seed={config.seed},", f"    dtype={source(config.dtype)},"]
    lines += [f"    engine={source(config.engine)},", f"    threads={config.threads},", ")"]
    return "\n".join([*lines, "net.preparation = data.preparation", "print(net.summary())"])


def fit_source(config: TrainConfig) -> str:
    """The code that trains, with every option that the run had."""
    optimizer = make_optimizer(config)
    rate = {"learning_rate": optimizer.learning_rate}
    options = {
        "loss": spec_source(config.loss, LOSSES, "loss"),
        "optimizer": constructor(optimizer, {**rate, **optimizer.options()}),
        "schedule": spec_source(config.schedule, SCHEDULES, "schedule"),
        "epochs": source(config.epochs),
        "batch_size": source(config.batch_size),
        "samples_per_epoch": source(config.samples_per_epoch),
        "validation": "(data.x_validation, data.y_validation)",
        "class_weights": source(config.class_weights),
        "augment": spec_source(config.augment, CHANGES, "augmentation"),
        "average": spec_source(config.average, AVERAGES, "average"),
        "metrics": source(config.metrics or []),
        "callbacks": f"[cr.EarlyStopping({config.early_stopping})]",
    }
    if not config.validation:
        del options["validation"]
    elif is_drawn(config):
        options["validation"] = "draw(0)"
    if config.early_stopping is None:
        del options["callbacks"]
    given = [f"{name}={value}" for name, value in options.items() if value != "None"]
    data = ["draw"] if config.fresh_data else ["data.x_train", "data.y_train"]
    fit = ["history = net.fit(", *(f"    {argument}," for argument in [*data, *given]), ")"]
    return "\n".join([*(draw_source(config) if config.fresh_data else []), *fit])


def draw_source(config: TrainConfig) -> list[str]:
    """The function that draws new points for each epoch."""
    samples = config.samples or DEFAULT_SAMPLES
    arguments = f"{source(config.data)}, {samples}, {config.seed}, epoch"
    return ["def draw(epoch):", f"    return cr.datasets.fresh({arguments})", "", ""]


# --- objects as code ----------------------------------------------------------------------


def spec_source(spec: Spec | None, known: Mapping[str, Any], kind: str) -> str:
    """A name stays a name; a table becomes the object that it describes."""
    return source(build(spec, known, kind)) if isinstance(spec, dict) else source(spec)


def source(value: Any, names: Mapping[Layer, str] | None = None) -> str:
    """The expression that makes `value`; layers in `names` are variables.

    >>> from chainrule.initializers import Normal
    >>> from chainrule.layers import Dense, ReLU
    >>> source(Dense(8, initializer=Normal(0.1)))
    'cr.Dense(8, initializer=cr.initializers.Normal(std=0.1))'
    >>> source([Dense(4), ReLU()])
    '[cr.Dense(4), cr.ReLU()]'
    """
    names = names or {}
    if isinstance(value, Layer) and value in names:
        return names[value]
    if isinstance(value, Configurable):
        return constructor(value, value.options(), names)
    if isinstance(value, list):
        return f"[{', '.join(source(item, names) for item in value)}]"
    return for_python(value) if isinstance(value, str) else repr(value)


def constructor(
    thing: Configurable, options: Mapping[str, Any], names: Mapping[Layer, str] | None = None
) -> str:
    """The call that makes `thing`: what it must be given by position, the rest by name."""
    parameters = inspect.signature(type(thing)).parameters
    arguments = [
        source(value, names)
        if parameters[name].default is inspect.Parameter.empty
        else f"{name}={source(value, names)}"
        for name, value in options.items()
    ]
    module = type(thing).__module__.rpartition(".")[2]
    prefix = f"cr.{module}." if module in MODULES else "cr."
    return f"{prefix}{type(thing).__name__}({', '.join(arguments)})"


def define_shared(layers: Sequence[Layer]) -> tuple[list[str], dict[Layer, str]]:
    """Lines that give each layer that stands in several places a name, and these names."""
    times = Counter(place for layer in layers for place in places(layer))
    lines: list[str] = []
    names: dict[Layer, str] = {}
    # A layer is counted before those inside it, and defined after them.
    for layer in reversed([layer for layer, count in times.items() if count > 1]):
        name = f"shared_{len(names)}"
        lines.append(f"{name} = {source(layer, names)}")
        names[layer] = name
    return lines, names


def places(layer: Layer) -> Iterator[Layer]:
    """A layer and those inside it, once for each place."""
    yield layer
    for child in layer.children().values():
        yield from places(child)
