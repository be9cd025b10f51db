"""Downloads, from a server on this machine: nothing here needs a network."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from chainrule.data import catalog, download
from chainrule.data.catalog import CATALOG, load_catalog, obtain
from chainrule.data.download import Remote, fetch
from chainrule.data.readers.idx import USUAL_NAMES
from chainrule.errors import DownloadError, OutputError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DEAD = "http://127.0.0.1:9"

Write = Callable[[Path, np.ndarray], Path]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


class CutOff(BaseHTTPRequestHandler):
    """Promises the whole file and closes the connection half-way."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def serve(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "file.bin").write_bytes(CONTENT)
    return folder


@pytest.fixture
def mirror(site: Path) -> Iterator[str]:
    yield from serve(partial(Quiet, directory=str(site)))


@pytest.fixture
def cut_off() -> Iterator[str]:
    yield from serve(CutOff)


def remote(*mirrors: str, sha256: str = SHA256) -> Remote:
    return Remote("file.bin", tuple(f"{mirror}/file.bin" for mirror in mirrors), sha256)


def test_a_good_mirror(tmp_path: Path, mirror: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = fetch(remote(mirror), tmp_path / "cache")
    assert path == tmp_path / "cache" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert os.listdir(tmp_path / "cache") == ["file.bin"]
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err == f"downloading {mirror}/file.bin\n"


def test_what_is_there_is_not_fetched_again(tmp_path: Path, mirror: str) -> None:
    fetch(remote(mirror), tmp_path / "cache")
    assert fetch(remote(DEAD), tmp_path / "cache").read_bytes() == CONTENT


def test_what_is_there_but_damaged_is_fetched_again(tmp_path: Path, mirror: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file.bin").write_bytes(b"damaged")
    assert fetch(remote(mirror), tmp_path / "cache").read_bytes() == CONTENT


def test_a_dead_mirror_is_passed_over(tmp_path: Path, mirror: str, cut_off: str) -> None:
    missing = f"{mirror}/nowhere"
    path = fetch(remote(DEAD, missing, cut_off, mirror), tmp_path / "cache")
    assert path.read_bytes() == CONTENT


def test_what_went_wrong_is_said_of_each_mirror(tmp_path: Path, mirror: str, cut_off: str) -> None:
    bad = remote(DEAD, f"{mirror}/nowhere", cut_off)
    with pytest.raises(DownloadError) as caught:
        fetch(bad, tmp_path / "cache")
    assert str(caught.value).splitlines() == [
        "file.bin could not be downloaded:",
        f"  {DEAD}/file.bin: no connection",
        f"  {mirror}/nowhere/file.bin: answered 404 File not found",
        f"  {cut_off}/file.bin: the connection was cut",
    ]
    assert os.listdir(tmp_path / "cache") == []


def test_a_download_without_end_is_cut_off(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", len(CONTENT) // 2)
    with pytest.raises(DownloadError, match="sends more than 512,000 bytes: not the file expected"):
        fetch(remote(mirror), tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(DownloadError, match="not the file expected: its checksum differs"):
        fetch(remote(mirror, sha256="0" * 64), tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written(tmp_path: Path, mirror: str) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises((DownloadError, OutputError), match="CHAINRULE_CACHE"):
        fetch(remote(mirror), tmp_path / "cache")


def test_the_bar_on_a_terminal(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    fetch(remote(mirror), tmp_path / "cache")
    output = capfd.readouterr()
    assert "file.bin" in output.err
    assert "1.0/1.0 MB" in output.err
    assert "downloading" not in output.err


def make_set(
    folder: Path, write_idx: Write, prefix: str = "", suffix: str = ".gz"
) -> dict[str, str]:
    """Four small IDX files; answers with their checksums."""
    checksums = {}
    for kind, name in USUAL_NAMES.items():
        array = np.arange(2) % 10 if "labels" in kind else np.full((2, 28, 28), 255)
        path = write_idx(folder / f"{prefix}{name}{suffix}", array.astype(np.uint8))
        checksums[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return checksums


def test_a_set_is_downloaded_once(
    tmp_path: Path, site: Path, mirror: str, write_idx: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksums = make_set(site, write_idx)
    remotes = tuple(
        Remote(name, (f"{DEAD}/{name}", f"{mirror}/{name}"), sha256)
        for name, sha256 in checksums.items()
    )
    monkeypatch.setitem(CATALOG, "mnist", replace(CATALOG["mnist"], remotes=remotes))
    dataset = load_catalog("mnist")
    assert dataset.source == str(tmp_path / "cache" / "mnist")
    assert dataset.x_train.shape == (2, 28, 28, 1)
    for path in site.iterdir():
        path.unlink()
    assert np.array_equal(load_catalog("mnist").y_train, [0, 1])


def test_half_a_set_in_the_cache_is_completed(
    tmp_path: Path, site: Path, mirror: str, write_idx: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksums = make_set(site, write_idx)
    remotes = [Remote(name, (f"{mirror}/{name}",), sha256) for name, sha256 in checksums.items()]
    broken = replace(CATALOG["mnist"], remotes=(remotes[0], replace(remotes[1], sha256="0" * 64)))
    with pytest.raises(DownloadError, match="checksum differs"):
        obtain(broken)
    whole = replace(CATALOG["mnist"], remotes=tuple(remotes))
    assert len(os.listdir(obtain(whole))) == 4


def test_the_emnist_archive_serves_every_split(
    tmp_path: Path, site: Path, mirror: str, write_idx: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in ("letters", "digits"):
        make_set(tmp_path / "raw" / "gzip", write_idx, f"emnist-{split}-")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in (tmp_path / "raw" / "gzip").iterdir():
            archive.write(path, f"gzip/{path.name.replace('t10k', 'test')}")
        archive.writestr("../../evil", "never unpacked")
        archive.writestr("gzip/..-train-images-idx3-ubyte.gz", "never unpacked")
    (site / "emnist.zip").write_bytes(content.getvalue())
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    remote = Remote("emnist.zip", (f"{mirror}/emnist.zip",), sha256)
    folder = obtain(replace(CATALOG["emnist-letters"], archive=remote))
    assert folder == tmp_path / "cache" / "emnist-letters"
    assert sorted(os.listdir(tmp_path / "cache")) == ["emnist-digits", "emnist-letters"]
    assert not list(tmp_path.rglob("evil"))
    assert not list(tmp_path.glob("*ubyte*"))
    assert load_catalog("emnist-digits").x_train.shape == (2, 28, 28, 1)


def test_offline_it_says_what_to_place_where(tmp_path: Path) -> None:
    offline = replace(CATALOG["fashion-mnist"], remotes=(remote(DEAD),))
    with pytest.raises(DownloadError) as caught:
        obtain(offline)
    message = str(caught.value)
    assert "no connection" in message
    assert "place these files in FOLDER/fashion-mnist and name FOLDER with --data-dir" in message
    assert str(tmp_path / "cache" / "fashion-mnist") in message
    for name in USUAL_NAMES.values():
        assert f"{name}.gz" in message


def test_a_local_set_cannot_be_downloaded() -> None:
    with pytest.raises(DownloadError, match="no place to download it from") as caught:
        load_catalog("emnist47")
    assert "emnist47-test-labels-idx1-ubyte.gz" in str(caught.value)


def test_every_file_has_two_mirrors_and_a_checksum() -> None:
    for entry in CATALOG.values():
        for file in (*entry.remotes, *([entry.archive] if entry.archive else [])):
            assert len(file.urls) >= 2
            assert len(bytes.fromhex(file.sha256)) == 32
            assert all(url.endswith(file.name) or entry.archive for url in file.urls)


def test_patience_has_an_end() -> None:
    assert download.TIMEOUT <= 60
    assert catalog.EMNIST_ARCHIVE.urls[0].startswith("https://")
