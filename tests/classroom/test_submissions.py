"""From what platforms give to one folder of files for each student."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

import pytest

from chainrule.classroom.submissions import Submission, named, submissions_in, unpack
from chainrule.errors import DataError


@pytest.mark.parametrize(
    ("name", "student", "file"),
    [
        ("leeann_12345_678901_layers.py", "leeann", "layers.py"),
        ("leeann_LATE_12345_678901_layers-2.py", "leeann", "layers.py"),
        ("leeann_12345_678901_my_layers.ipynb", "leeann", "my_layers.ipynb"),
        ("Lab 1_alee_attempt_2026-11-26-10-15-00_layers.py", "alee", "layers.py"),
        ("Ann Lee_12345_assignsubmission_file_layers.py", "Ann Lee", "layers.py"),
        ("12345-678901 - Ann Lee - Nov 26, 2026 1015 AM - a.py", "Ann Lee", "a.py"),
        ("ann.py", "ann", "ann.py"),
        ("two_layer_net.py", "two_layer_net", "two_layer_net.py"),
    ],
)
def test_students_and_files_are_told_apart(name: str, student: str, file: str) -> None:
    assert named(name) == (student, file)


def names(submissions: list[Submission]) -> dict[str, list[str]]:
    return {each.student: sorted(map(str, each.files)) for each in submissions}


def write(folder: Path, *files: str) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_folders_and_files(tmp_path: Path) -> None:
    place = tmp_path / "all"
    write(place, "Ann Lee_12_assignsubmission_file_/layers.py", "bo_1_2_net.py", "bo_1_3_main.py")
    write(
        place, "submission_7/package/a.py", "submission_7/__pycache__/a.pyc", ".DS_Store", "x.pdf"
    )
    write(place, "submission_7/data.csv")
    assert names(submissions_in(place, tmp_path / "unpacked")) == {
        "Ann Lee": ["layers.py"],
        "bo": ["main.py", "net.py"],
        "submission_7": ["data.csv", "package/a.py"],
    }


def test_zip_files_within_a_zip_file(tmp_path: Path) -> None:
    write(tmp_path, "hw/layers.py", "hw/helpers.py")
    inner, outer = tmp_path / "cy_1_2_hw.zip", tmp_path / "submissions.zip"
    with ZipFile(inner, "w") as archive:
        archive.write(tmp_path / "hw/layers.py", "hw/layers.py")
        archive.write(tmp_path / "hw/helpers.py", "hw/helpers.py")
    with ZipFile(outer, "w") as archive:
        archive.write(inner, f"all/{inner.name}")
        archive.writestr("all/di_1_2_layers.py", "x = 1")
        archive.writestr("__MACOSX/all/._di", "")
    found = submissions_in(outer, tmp_path / "unpacked")
    assert names(found) == {"cy": ["helpers.py", "layers.py"], "di": ["layers.py"]}
    found[0].copy_to(tmp_path / "copy")
    assert (tmp_path / "copy/layers.py").read_text() == "hw/layers.py"


def test_a_damaged_zip_file_is_a_submission_too(tmp_path: Path) -> None:
    place = tmp_path / "all"
    write(place, "eve_1_2_hw.zip")
    assert names(submissions_in(place, tmp_path / "unpacked")) == {"eve": ["eve_1_2_hw.zip"]}


def test_nothing_outside_is_written_or_read(tmp_path: Path) -> None:
    file, folder = tmp_path / "evil.zip", tmp_path / "in"
    with ZipFile(file, "w") as archive:
        archive.writestr("../../outside.py", "x")
        archive.writestr("/absolute.py", "x")
        link = ZipInfo("link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    unpack(file, folder)
    assert [path.name for path in tmp_path.rglob("*.py")] == ["absolute.py"]
    assert (folder / "absolute.py").exists()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "linked.py").symlink_to(tmp_path / "secret.txt")
    path = folder / "linked.py"
    Submission("fay", {PurePosixPath("linked.py"): path}).copy_to(tmp_path / "copy")
    assert not (tmp_path / "copy/linked.py").exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    with ZipFile(file, "w", compression=8) as archive:
        archive.writestr("a.py", bytes(100 << 20))
    with pytest.raises(DataError, match="as if made to fill"):
        unpack(file, tmp_path / "in")


def test_an_empty_folder_has_no_submissions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no submissions"):
        submissions_in(tmp_path, tmp_path / "unpacked")
