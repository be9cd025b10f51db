"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.terminal import complain
from chainrule.experiments.config import TrainConfig, parse_option

if TYPE_CHECKING:
    from chainrule.experiments.run_folder import Run

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where to look for data first; CHAINRULE_DATA if left out.",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print nothing but errors.", rich_help_panel="Run")
]
PictureFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="svg|pdf",
        help="Also write the pictures in this format, for slides and print.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Runs at a time; as many as there are cores if left out. Results do not depend on it.",
        rich_help_panel="Run",
    ),
]
ExecutorPlace = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="local|mpi|dask:ADDRESS|dask-file:PATH",
        help="Where to run: in --workers processes here, if left out; in the processes that "
        "mpiexec started; or on the workers of a Dask cluster.",
        rich_help_panel="Run",
    ),
]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, as `chainrule train` writes it.")
]


def also_in(format: str | None) -> list[str]:
    """The formats that --format asks for, before anything is computed. Raises UnknownNameError."""
    from chainrule.configurable import find_name
    from chainrule.presentation.pictures import FORMATS

    return [] if format is None else [find_name(format, FORMATS, "format")]


def open_run(folder: Path) -> Run:
    """A run to work with; what is unusual about it is said."""
    from chainrule.experiments.run_folder import read_run

    run = read_run(folder)
    if run.notice:
        complain(run.notice)
    return run


def must_be_file(path: Path) -> None:
    """Refuse a path at which there is no file to read."""
    from chainrule.errors import CheckError

    if not path.is_file():
        raise CheckError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}")


def must_be_code(path: Path) -> None:
    """Refuse what is neither a Python file nor a notebook."""
    from chainrule.classroom.submissions import CODE
    from chainrule.errors import CheckError

    must_be_file(path)
    if path.suffix.lower() not in CODE:
        raise CheckError(
            f"{path} is neither a Python file nor a notebook: its name must end in "
            f"{' or '.join(CODE)}"
        )


def with_train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of `TrainConfig` that have a place on the command line.

    The command's own parameter `options` receives those that were given, by name.
    """
    own = dict(inspect.signature(command, eval_str=True).parameters)
    del own["options"]
    added = {
        name: _as_parameter(name, field.description or "", field.json_schema_extra)
        for name, field in TrainConfig.model_fields.items()
        if isinstance(field.json_schema_extra, dict)
    }

    def with_options(**arguments: Any) -> None:
        texts = {name: arguments.pop(name) for name in added}
        options = {
            name: text if text is True else parse_option(name, text)
            for name, text in texts.items()
            if text not in (None, False)
        }
        command(options=options, **arguments)

    argument, *others = own.values()
    parameters = [argument, *added.values(), *others]
    # A signature, annotations and a docstring are all that typer looks at.
    vars(with_options)["__signature__"] = inspect.Signature(parameters)
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    return with_options


def _as_parameter(name: str, help: str, place: dict[str, Any]) -> inspect.Parameter:
    """An option of the command line: text, or a switch where it takes no value."""
    switch = not place["metavar"]
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        *([place["also"]] if place["also"] else []),
        metavar=place["metavar"] or None,
        help=help,
        rich_help_panel=place["panel"],
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=False if switch else None,
        annotation=Annotated[bool if switch else str | None, option],
    )
