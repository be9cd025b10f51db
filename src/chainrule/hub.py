"""Networks on the Hugging Face Hub: a repository there has the model file, and a card that says
what is known of the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chainrule.errors import ArgumentError, HubError, ModelFileError
from chainrule.extras import optional
from chainrule.layers import LAYERS, Layer
from chainrule.layers.base import walk
from chainrule.limits import shortened
from chainrule.network import Network, load
from chainrule.onnx_export.model import meaning
from chainrule.presentation.display import notice
from chainrule.presentation.html import html_sentences

__all__ = ["load_from_hub", "push_to_hub"]

MODEL, CARD = "model.safetensors", "README.md"
MARK = "<!-- Written by chainrule; remove this line to keep the card as you change it. -->"


def push_to_hub(network: Network, repository: str, private: bool = False) -> str:
    """Put a network into a repository of the Hugging Face Hub, which is made where there is none.

    The repository gets the file that `Network.save` writes, and a card, its README.md. A card that
    you wrote or took over stays as it is.

    Args:
        repository: such as ``"user/name"``.
        private: of a new repository: only you see it.
    Returns:
        the address of its page.
    Raises:
        HubError: there is no token, it may not write there, or the Hub cannot be reached.
        ConfigError: a layer holds Python functions, which no file can carry.
        MissingPackageError: the package huggingface_hub is not installed.
    """
    hub = package()
    if hub.get_token() is None:
        raise HubError(
            "push_to_hub needs a token that may write: make one among the settings of your account "
            "on the Hub, then run `hf auth login`, or put it into the environment as HF_TOKEN"
        )
    api = hub.HfApi()
    with TemporaryDirectory() as folder:
        network.save(Path(folder) / MODEL)
        with failures_named(repository):
            page = api.create_repo(repository, private=private, exist_ok=True)
            files = [hub.CommitOperationAdd(MODEL, Path(folder) / MODEL)]
            if may_write_card(api, page.repo_id):
                files.append(hub.CommitOperationAdd(CARD, card(network, page.repo_id).encode()))
            else:
                notice(f"{page.repo_id} has a card of its own, which stays as it is")
            api.create_commit(page.repo_id, files, commit_message="A network of chainrule")
    return str(page)


def load_from_hub(
    repository: str, revision: str | None = None, own_layers: Sequence[type[Layer]] = ()
) -> Network:
    """A network from the Hugging Face Hub, ready to predict. Nothing in its file is run.

    Args:
        repository: such as ``"user/name"``.
        revision: a branch, a tag or a commit; the newest commit unless given.
        own_layers: the user's own Layer classes that the network contains.
    Raises:
        HubError: no such repository or revision, no network of chainrule in it, or the Hub cannot
            be reached and the network was not loaded before.
        ModelFileError: its file is damaged.
        MissingPackageError: the package huggingface_hub is not installed.
    """
    api = package().HfApi()
    with failures_named(repository):
        path: str | PathLike[str] = api.hf_hub_download(repository, MODEL, revision=revision)
    try:
        return load(path, own_layers)
    except ModelFileError as error:
        raise ModelFileError(f"{repository} on the Hub: {error}") from None


def package() -> Any:
    """The package huggingface_hub."""
    return optional("huggingface_hub", "the Hugging Face Hub", "pip install 'chainrule[hub]'")


@contextmanager
def failures_named(repository: str) -> Iterator[None]:
    """Say plainly what the Hub refused, or that it cannot be reached."""
    errors = package().errors
    try:
        yield
    except errors.HFValidationError:
        raise ArgumentError(
            f"a repository of the Hub is given as 'user/name'; received {repository!r}"
        ) from None
    except errors.LocalEntryNotFoundError:
        raise HubError(
            f"{repository}: the Hub cannot be reached, and no copy is on this machine: try again "
            "with a connection"
        ) from None
    except errors.EntryNotFoundError:
        raise HubError(
            f"{repository} has no {MODEL}, the file of a network that push_to_hub writes"
        ) from None
    except errors.RevisionNotFoundError:
        raise HubError(f"{repository} has no such revision: name a branch, tag or commit") from None
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"{repository}: the Hub has no such repository, or none that your token may use"
        ) from None
    except (errors.HTTPError, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        told = "your token may not do this" if status in (401, 403) else "the Hub cannot be reached"
        reason = shortened(" ".join(str(error).split()))
        raise HubError(
            f"{repository}: {told}, or it does not answer as it should ({reason})"
        ) from None


def may_write_card(api: Any, repository: str) -> bool:
    """True if there is no card yet, or one that `push_to_hub` wrote."""
    if not api.file_exists(repository, CARD):
        return True
    return MARK.encode() in Path(api.hf_hub_download(repository, CARD)).read_bytes()


def card(network: Network, repository: str) -> str:
    """What is known of a network, as a page in Markdown."""
    own = sorted({type(layer).__name__ for layer in own_layers_of(network)})
    given = [f'"{repository}"', *([f"own_layers=[{', '.join(own)}]"] if own else [])]
    return "\n".join(
        [
            *("---", "library_name: chainrule", *task(network), "tags:", "- chainrule", "---"),
            *(MARK, "", f"# {repository.rpartition('/')[2]}", ""),
            *("A network of chainrule, a framework in which every gradient is written out.", ""),
            *(network._repr_html_() + html_sentences(sentences(network)), ""),
            *("## Use", "", "```python", "import chainrule as cr  # pip install 'chainrule[hub]'"),
            *("", f"net = cr.load_from_hub({', '.join(given)})", "y = net.predict(x)", "```", ""),
        ]
    )


def own_layers_of(network: Network) -> list[Layer]:
    """The layers of classes that chainrule does not have."""
    return [
        layer
        for position, layer in walk(network.root)
        if position and type(layer) not in LAYERS.values()
    ]


def task(network: Network) -> list[str]:
    """The line of the card's head that says what the network does, where that is known."""
    preparation = network.preparation
    if preparation is None:
        return []
    if preparation.columns is not None:
        return [
            f"pipeline_tag: tabular-{'classification' if preparation.class_names else 'regression'}"
        ]
    is_of_images = len(network.input_shape) == 3 and preparation.class_names is not None
    return ["pipeline_tag: image-classification"] if is_of_images else []


def sentences(network: Network) -> list[str]:
    """What goes in, what comes out, and how the data was prepared."""
    x, y = (
        f"({', '.join(['N', *map(str, shape)])})"
        for shape in (network.input_shape, network.output_shape)
    )
    said = [f"x {x} goes in, y {y} comes out, in {network.dtype}; {meaning(network.loss)}"]
    preparation = network.preparation
    if preparation is not None and preparation.class_names is not None:
        said.append(f"classes: {', '.join(preparation.class_names)}")
    if preparation is not None and preparation.layout is not None:
        said.append(f"data: {preparation.describe()}")
    if preparation is not None and preparation.scale != 1:
        said.append(f"raw pixels, as whole numbers, are divided by {preparation.scale:g}")
    return said
