"""``chainrule data``: which data sets there are, where they are, and how to get them out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.options import DataDir
from chainrule.cli.terminal import Program, add_row, new_table, show
from chainrule.presentation.display import say

if TYPE_CHECKING:
    from chainrule.data.catalog import CatalogEntry

app = Program(help="List, describe, download and export data sets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `chainrule data list`.")]


@app.command("list")
def list_sets(data_dir: DataDir = None) -> None:
    """List the data sets that are known by name, and where each of them is."""
    from chainrule.data.catalog import CATALOG
    from chainrule.data.export import take_part
    from chainrule.data.synthetic import SYNTHETIC, load_synthetic

    table = new_table(
        "name", "kind", "train + test", "classes", "where", numbers=("train + test", "classes")
    )
    for name in SYNTHETIC:
        dataset = load_synthetic(name)
        kind = "2-D points" if dataset.input_shape == (2,) else "curve"
        sizes = " + ".join(f"{len(take_part(dataset, part)[0]):,}" for part in ("train", "test"))
        classes = str(len(dataset.class_names)) if dataset.class_names else "none"
        add_row(table, name, kind, sizes, classes, dataset.source)
    for entry in CATALOG.values():
        kind = f"{entry.side}x{entry.side} images"
        sizes = " + ".join(f"{size:,}" for size in entry.sizes)
        where = _describe_place(entry, data_dir)
        add_row(table, entry.name, kind, sizes, str(len(entry.class_names)), where)
    show(table)


@app.command("info")
def show_info(name: Name, data_dir: DataDir = None) -> None:
    """Describe a data set: what it holds, whose it is, and where it is."""
    from chainrule.data.catalog import CATALOG
    from chainrule.data.reading import find_set
    from chainrule.data.synthetic import SYNTHETIC

    name = find_set(name)
    table = new_table("", "")
    table.show_header = False
    add_row(table, "name", name)
    if name in SYNTHETIC:
        add_row(table, "holds", _first_paragraph(SYNTHETIC[name]))
        add_row(table, "where", "drawn from a formula, anew for each seed")
    else:
        entry = CATALOG[name]
        train, test = entry.sizes
        add_row(table, "holds", entry.summary)
        add_row(table, "examples", f"{train:,} for training, {test:,} for testing")
        add_row(table, "example", f"an image of {entry.side}x{entry.side} grey pixels in [0, 1]")
        add_row(table, "classes", f"{len(entry.class_names)}: {', '.join(entry.class_names)}")
        add_row(table, "source", entry.source)
        add_row(table, "where", _describe_place(entry, data_dir))
        if not (entry.bundled or entry.local_only):
            add_row(table, "download", f"chainrule data get {name}")
    show(table)


@app.command("get")
def get_set(name: Name, data_dir: DataDir = None) -> None:
    """Download a data set, unless it is on this machine already."""
    from chainrule.data.catalog import CATALOG, obtain
    from chainrule.data.reading import find_set

    name = find_set(name)
    if name in CATALOG and not CATALOG[name].bundled:
        say(f"{name} is in {obtain(CATALOG[name], data_dir)}")
    else:
        say(f"{name} comes with chainrule: there is nothing to download")


@app.command("export")
def export_set(
    name: Name,
    csv: Annotated[Path, typer.Option("--csv", metavar="FILE", help="The CSV file to write.")],
    part: Annotated[str, typer.Option("--part", metavar="PART", help="train or test.")] = "train",
    no_labels: Annotated[
        bool, typer.Option("--no-labels", help="Leave the labels out, as for a competition.")
    ] = False,
    data_dir: DataDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if it exists already.")
    ] = False,
) -> None:
    """Write one part of a data set as CSV: the label, then the pixels from 0 to 255."""
    from chainrule.data.export import export_csv
    from chainrule.data.loading import load

    dataset = load(name, data_dir=data_dir)
    export_csv(dataset, part, csv, labels=not no_labels, overwrite=force)
    say(f"the {part} part of {dataset.name} is in {csv}")


def _describe_place(entry: CatalogEntry, data_dir: Path | None) -> str:
    from chainrule.data.catalog import cached_folder, locate

    if entry.bundled:
        return "bundled"
    folder = locate(entry, data_dir)
    if folder is None:
        return "not here"
    return "cached" if folder == cached_folder(entry) else f"found in {folder}"


def _first_paragraph(documented: object) -> str:
    text = (inspect.getdoc(documented) or "").partition("\n\n")[0]
    return text.replace("\n", " ").replace("``", "")
