"""The networks that have a name: mlp and cnn, and those written in a TOML file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chainrule.arguments import shape
from chainrule.configurable import build, describe, find_name
from chainrule.data.dataset import Dataset
from chainrule.errors import ArgumentError, ChainruleError, ConfigError, UnknownNameError
from chainrule.experiments.config import TrainConfig, read_toml
from chainrule.layers import ACTIVATIONS, BatchNorm, Conv2D, Dense, Dropout, MaxPool2D
from chainrule.layers.base import Layer, declared, set_up, walk
from chainrule.layers.containers import Sequential
from chainrule.layers.descriptions import build_layers, describe_layers
from chainrule.limits import shortened, too_deep
from chainrule.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    KLDivergence,
    Loss,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network
from chainrule.regularizers import WeightDecay

CHANNELS = (32, 64)  # of the cnn, unless told otherwise
DECAY_FOR_TABLES = 0.1  # chosen on ten sets that are not reported, see docs/decisions.md
LARGEST_NETWORK = 2**28  # parameters: with their gradients 2 GB in float32
LONGEST = 1000  # characters of a message about layers, which may list all there are


def describe_model(config: TrainConfig, dataset: Dataset, loss: Loss) -> list[dict[str, Any]]:
    """The layers that `config.model` stands for, made for the data and the loss."""
    if config.model.endswith(".toml"):
        return describe_layers(read_layers(Path(config.model)))
    name = find_model(config.model)
    activation = describe(build(config.activation, ACTIVATIONS, "activation"))
    options = _options_of_weights(config)
    activated = [*([{"type": "BatchNorm"}] if config.batch_norm else []), activation]
    dropped = [{"type": "Dropout", "rate": config.dropout}] if config.dropout else []
    before = _convolutions(config, dataset, activated, options) if name == "cnn" else []
    flatten = [{"type": "Flatten"}] if len(dataset.input_shape) > 1 else []
    hidden = [[described(Dense(size, **options)), *activated, *dropped] for size in config.hidden]
    return [
        *before,
        *flatten,
        *(layer for layers in hidden for layer in layers),
        described(Dense(count_outputs(dataset, loss), **options)),
        *_after_outputs(config, loss),
    ]


def check_model(config: TrainConfig) -> None:
    """Refuse a model or layers that do not exist, whatever the data."""
    if config.layers is not None:
        check_asked_for(config, build_layers(config.layers), "the list of layers")
    elif config.model.endswith(".toml"):
        check_asked_for(config, read_layers(Path(config.model)), config.model)
    elif find_model(config.model) == "mlp" and config.channels:
        raise ConfigError("channels are for convolutions, which mlp has none of: --model cnn")
    elif find_model(config.model) == "mlp" and not config.hidden:
        for name in ("dropout", "batch_norm"):
            if getattr(config, name):
                raise ConfigError(f"{name} is for hidden layers, and there are none: --hidden 128")


def check_asked_for(config: TrainConfig, layers: Sequence[Layer], origin: str) -> None:
    """Refuse options that layers which are listed one by one do not follow."""
    inner = [layer for _, layer in walk(Sequential(list(layers)))]
    followed = {
        "channels": config.channels
        == [layer.out_channels for layer in inner if isinstance(layer, Conv2D)],
        "dropout": any(isinstance(layer, Dropout) for layer in inner),
        "batch_norm": any(isinstance(layer, BatchNorm) for layer in inner),
        "weight_decay": any(
            isinstance(getattr(layer, "regularizer", None), WeightDecay) for layer in inner
        ),
        "no_bias": not any(getattr(layer, "bias", False) for layer in inner),
        "output_activation": _ends_in(layers, config.output_activation),
    }
    for name, is_followed in followed.items():
        if getattr(config, name) and not is_followed:
            raise ConfigError(
                f"{name} is for the models mlp and cnn; {origin} says what the layers are: write "
                "it there, as in 'dropout(0.2)', 'batchnorm' or a regularizer, or leave it out"
            )


def _ends_in(layers: Sequence[Layer], activation: Any) -> bool:
    """True if the last layer is the activation of that name."""
    if activation is None or not layers:
        return False
    return described(layers[-1]) == described(build(activation, ACTIVATIONS, "activation"))


def check_output_activation(config: TrainConfig, dataset: Dataset, loss: Loss) -> None:
    """Refuse an activation of the outputs where it would keep them from the targets."""
    if config.output_activation is None:
        return
    if _compares_classes(loss) or isinstance(loss, BinaryCrossEntropy):
        raise ConfigError(
            "output_activation is for losses that compare numbers, such as mean_squared_error; "
            f"{type(loss).__name__} has the outputs it needs: leave it out"
        )
    if dataset.preparation is not None and dataset.preparation.target_scale is not None:
        raise ConfigError(
            f"output_activation={config.output_activation} limits what is predicted, but the "
            f"targets of {dataset.name} are standardized, and lie on both sides of zero: leave it "
            "out"
        )


def check_input_shape(config: TrainConfig, dataset: Dataset) -> None:
    """Refuse data of another shape than the configuration or the model's file says."""
    is_file = config.layers is None and config.model.endswith(".toml")
    stated = read_toml(Path(config.model)).get("input_shape") if is_file else config.input_shape
    if stated is not None and tuple(stated) != dataset.input_shape:
        raise ArgumentError(
            f"the model is for examples of shape {tuple(stated)}, but those of {dataset.name} have "
            f"shape {dataset.input_shape}: change input_shape and the layers, or leave it out"
        )


def find_model(name: str) -> str:
    """``"mlp"`` or ``"cnn"``."""
    try:
        return find_name(name, ["mlp", "cnn"], "model")
    except UnknownNameError as error:
        raise UnknownNameError(f"{error}. A file with layers is named FILE.toml") from None


def read_layers(path: Path) -> list[Layer]:
    """The layers that a TOML file lists, new."""
    layers = read_toml(path).get("layers")
    if not isinstance(layers, list) or not layers:
        raise ConfigError(
            f"{path} lists no layers: write layers = ['flatten', 'dense(128)', 'relu', …], or a "
            "table [[layers]] with a type for each"
        )
    with _naming(path):
        return build_layers(layers)


def read_network(path: Path) -> Network:
    """The untrained network that a TOML file describes: its layers and its input_shape."""
    input_shape = read_toml(path).get("input_shape")
    if input_shape is None:
        raise ConfigError(f"{path} has no input_shape: add input_shape = [28, 28, 1], say")
    layers = read_layers(path)
    with _naming(path):
        check_size(layers, input_shape)
        return Network(layers, input_shape)


def check_size(layers: list[Layer], input_shape: Any) -> None:
    """Refuse layers with more parameters than there may be memory for.

    Raises:
        ShapeError: layers that do not fit.
        ArgumentError: there are more than 268 million parameters.
    """
    root = Sequential(layers)
    set_up(root, shape(input_shape, "input_shape"))
    parameters = sum(math.prod(declaration.shape) for declaration in declared(root).values())
    if parameters > LARGEST_NETWORK:
        raise ArgumentError(
            f"the network would have {shortened(f'{parameters:,}')} parameters, more than "
            f"{LARGEST_NETWORK:,}: make its layers smaller"
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors in what a file describes name the file."""
    try:
        yield
    except RecursionError:
        raise too_deep(path, ConfigError) from None
    except ChainruleError as error:
        raise ConfigError(f"{path}: {shortened(str(error), LONGEST)}") from None


def count_outputs(dataset: Dataset, loss: Loss) -> int:
    """How many numbers the network must end in: one for each class, or one for both of two
    where the loss has a threshold; for regression, as many as the targets."""
    if dataset.class_names is None:
        return int(dataset.y_train.size // len(dataset.y_train))
    classes = len(dataset.class_names)
    return 1 if classes == 2 and not _compares_classes(loss) else classes


def check_outputs(network: Network, dataset: Dataset, loss: Loss) -> None:
    """Refuse a network that ends in another shape than the data asks for."""
    expected = (count_outputs(dataset, loss),)
    classes = dataset.class_names
    acceptable = {expected} if classes is None else {expected, (len(classes),)}
    if network.output_shape not in acceptable:
        what = "targets" if classes is None else f"{len(classes)} classes"
        raise ArgumentError(
            f"the model ends in an output of shape {network.output_shape}, but {dataset.name} "
            f"has {what} of shape {expected}: make the last layer Dense({expected[0]})"
        )


def default_loss(dataset: Dataset) -> str:
    """The usual loss for this kind of data."""
    if dataset.task == "regression":
        return "mean_squared_error"
    return "softmax_cross_entropy"


def default_weight_decay(config: TrainConfig, dataset: Dataset) -> float | None:
    """What is asked for; else the usual for tables other than of pixels, unless layers are given
    one by one."""
    is_table = dataset.preparation.columns is not None
    gives_layers = config.layers is not None or config.model.endswith(".toml")
    if config.weight_decay is None and is_table and not gives_layers:
        return DECAY_FOR_TABLES
    return config.weight_decay


def default_metrics(dataset: Dataset) -> list[str]:
    """What to report for this kind of data."""
    return ["root_mean_squared_error", "r2"] if dataset.task == "regression" else ["accuracy"]


def _options_of_weights(config: TrainConfig) -> dict[str, Any]:
    """What all layers with weights are given: their first values, penalty and bias."""
    return {
        **({} if config.init is None else {"initializer": config.init}),
        "regularizer": WeightDecay(config.weight_decay) if config.weight_decay else None,
        "bias": not config.no_bias,
    }


def _convolutions(
    config: TrainConfig,
    dataset: Dataset,
    activated: list[dict[str, Any]],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """Convolution, activation, pooling, and again: 32 and then 64 kernels of 3x3, or as asked."""
    if len(dataset.input_shape) != 3:
        raise ArgumentError(
            f"model cnn needs images (height, width, channels), but {dataset.name} has examples "
            f"of shape {dataset.input_shape}: use --model mlp"
        )
    return [
        layer
        for channels in config.channels or CHANNELS
        for layer in (
            described(Conv2D(channels, 3, padding="same", **options)),
            *activated,
            described(MaxPool2D(2)),
        )
    ]


def described(layer: Layer) -> dict[str, Any]:
    """A layer as a configuration has it."""
    return describe_layers([layer])[0]


def _compares_classes(loss: Loss) -> bool:
    """True if the loss sets the classes against each other, one output for each."""
    return isinstance(loss, (SoftmaxCrossEntropy, CategoricalCrossEntropy, KLDivergence))


def _after_outputs(config: TrainConfig, loss: Loss) -> list[dict[str, Any]]:
    """The activation of the outputs that was asked for, or the layer that turns them into what the
    loss takes, where it does not take logits."""
    if config.output_activation is not None:
        return [described(build(config.output_activation, ACTIVATIONS, "activation"))]
    if isinstance(loss, CategoricalCrossEntropy):
        return [{"type": "Softmax"}]
    if isinstance(loss, KLDivergence):
        return [{"type": "LogSoftmax"}]
    if isinstance(loss, BinaryCrossEntropy) and not loss.from_logits:
        return [{"type": "Sigmoid"}]
    return []
