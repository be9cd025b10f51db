"""Files appear whole or not at all; folders for code are closed to others."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chainrule.errors import OutputError
from chainrule.files import cache_folder, make_folder, private_folder, whole_file

no_owners = pytest.mark.skipif(os.name == "nt", reason="Windows has no owners and modes")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with whole_file(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_nothing_and_changes_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"after")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_the_system_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OutputError, match=r"cannot write .*file: No space left on device"):
        write(tmp_path / "file")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from chainrule.files import whole_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with whole_file(Path(sys.argv[1])) as file:
    file.write(bytes(2000))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OutputError: cannot write" in run.stderr
    assert os.listdir(tmp_path) == []


def write(path: Path, content: bytes = b"content") -> None:
    with whole_file(path) as file:
        file.write(content)


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_is_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "file", []

    def fsync(opened: int, fsync=os.fsync) -> None:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        seen.append(("folder" if is_folder else os.fstat(opened).st_size, path.exists()))
        fsync(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    write(path)
    assert seen == [(7, False), ("folder", True)]


def test_a_folder_that_cannot_be_flushed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(opened: int, fsync=os.fsync) -> None:
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["f" * 255, "文" * 85, "🙂" * 63])
def test_names_may_be_as_long_as_the_system_allows(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert os.listdir(tmp_path) == [name]


@no_owners
def test_a_file_may_be_read_by_whom_the_user_lets_read(tmp_path: Path) -> None:
    with umask(0o027):
        write(tmp_path / "file")
    assert mode(tmp_path / "file") == 0o640


def test_threads_write_one_file_at_once(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]
    writers = [
        threading.Thread(target=write, args=(tmp_path / "file", content)) for content in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (tmp_path / "file").read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


@no_owners
def test_folders_are_made_for_the_user_alone(tmp_path: Path) -> None:
    with umask(0):
        folder = private_folder(tmp_path / "a" / "b", "c", "d")
    assert folder == tmp_path / "a" / "b" / "c" / "d"
    made = [folder, *folder.parents][:4]
    assert [mode(one) for one in made] == [0o700] * 4
    assert private_folder(tmp_path / "a" / "b", "c", "d") == folder


@no_owners
@pytest.mark.parametrize("place", ["base", "base/engine", "base/engine/version"])
@pytest.mark.parametrize("open_to", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(
    tmp_path: Path, place: str, open_to: int
) -> None:
    private_folder(tmp_path / "base", "engine", "version")
    (tmp_path / place).chmod(open_to)
    with pytest.raises(OutputError, match=f"others may write to .*{place}: forbid it with chmod"):
        private_folder(tmp_path / "base", "engine", "version")
    (tmp_path / place).chmod(0o755)  # reading does no harm
    private_folder(tmp_path / "base", "engine", "version")


@no_owners
def test_another_user_s_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder(tmp_path, "engine")
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(OutputError, match="belongs to another user"):
        private_folder(tmp_path, "engine")


@no_owners
def test_links_are_followed_to_the_base_and_no_further(tmp_path: Path) -> None:
    elsewhere = private_folder(tmp_path / "elsewhere")
    (tmp_path / "base").symlink_to(elsewhere)
    assert private_folder(tmp_path / "base", "engine") == elsewhere / "engine"
    (elsewhere / "linked").symlink_to(elsewhere / "engine")
    with pytest.raises(OutputError, match="linked is not a folder but a link: remove it"):
        private_folder(tmp_path / "base", "linked")
    (elsewhere / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match=r"cannot write .*dangling"):
        private_folder(tmp_path / "base", "dangling")


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        make_folder(tmp_path / place)


@pytest.mark.parametrize("answer", ["~/.cache/chainrule", RuntimeError("no home")])
def test_a_user_without_a_home_has_no_cache(
    monkeypatch: pytest.MonkeyPatch, answer: str | Exception
) -> None:
    def os_cache(project: str) -> Path:
        if isinstance(answer, Exception):
            raise answer
        return Path(answer)

    monkeypatch.delenv("CHAINRULE_CACHE", raising=False)
    monkeypatch.setattr("pooch.os_cache", os_cache)
    with pytest.raises(OutputError, match="this user has no home folder"):
        cache_folder()
