"""Networks on the Hugging Face Hub: the real huggingface_hub before a small Hub on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
import numpy as np
import pytest

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.errors import ArgumentError, HubError, MissingPackageError, ModelFileError
from chainrule.hub import CARD, MARK, MODEL

TOKEN = "hf_of_this_test"  # noqa: S105


def commit_of(files: dict[str, bytes]) -> str:
    """The name of a commit of these files."""
    return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()  # noqa: S324


class SmallHub(BaseHTTPRequestHandler):
    """What of the Hub's interface pushing and loading use."""

    repositories: ClassVar[dict[str, dict[str, bytes]]] = {}
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.partition("?")[0].strip("/").split("/")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid credentials"})
        if path == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'somebody'}/{asked['name']}"
            is_there = name in self.repositories
            self.repositories.setdefault(name, {})
            return self.answer(409 if is_there else 200, {"url": f"{self.server.url}/{name}"})
        if path == ["api", "validate-yaml"]:
            return self.answer(200, {"errors": [], "warnings": []})
        files = self.repositories["/".join(path[2:4])]
        if path[4] == "preupload":
            asked = json.loads(body)["files"]
            regular = {"uploadMode": "regular", "shouldIgnore": False}
            return self.answer(200, {"files": [{"path": f["path"], **regular} for f in asked]})
        for line in body.decode().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        commit = commit_of(files)
        url = f"{self.server.url}/{'/'.join(path[2:4])}/commit/{commit}"
        return self.answer(200, {"success": True, "commitOid": commit, "commitUrl": url})

    def do_HEAD(self) -> None:
        if self.path.startswith("/api/models/"):
            return self.answer(404, {}, {"X-Error-Code": "RepoNotFound"})
        user, name, _, revision, file = self.path.strip("/").split("/", 4)
        files = self.repositories.get(f"{user}/{name}")
        if files is None:
            return self.answer(404, {}, {"X-Error-Code": "RepoNotFound"})
        commit = commit_of(files)
        if revision not in ("main", commit):
            return self.answer(404, {}, {"X-Error-Code": "RevisionNotFound"})
        if file not in files:
            return self.answer(404, {}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        digest = hashlib.sha256(files[file]).hexdigest()
        return self.answer(200, files[file], {"ETag": f'"{digest}"', "X-Repo-Commit": commit})

    do_GET = do_HEAD

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def point_to(monkeypatch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    """Have huggingface_hub ask this address, with nothing of this machine's own settings."""
    settings = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
        "HF_HUB_CACHE": str(folder / "cache"),
        "HF_TOKEN_PATH": str(folder / "token"),
        "HF_HUB_OFFLINE": False,
    }
    for name, value in settings.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def repositories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, dict[str, bytes]]]:
    """The files of each repository of a Hub on this machine."""
    monkeypatch.setattr(SmallHub, "repositories", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), SmallHub)
    server.url = f"http://127.0.0.1:{server.server_port}"
    point_to(monkeypatch, server.url, tmp_path)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield SmallHub.repositories
    server.shutdown()
    thread.join()
    server.server_close()


class Scale(cr.Layer):
    """y = s x"""

    def setup(self, input_shape):
        self.declare("s", input_shape, "ones")
        return input_shape

    def forward(self, x, training=False):
        return x * self.s, x

    def backward(self, dy, x):
        self.ds += (dy * x).sum(axis=0)
        return dy * self.s


def of_pixels() -> cr.Network:
    network = cr.Network([cr.Flatten(), cr.Dense(3)], (4, 4, 1), seed=3)
    network.preparation = Preparation(255.0, (4, 4, 1), ("cat", "<b>dog", "a|b"))
    return network


def test_what_was_pushed_is_loaded(repositories: dict[str, dict[str, bytes]]) -> None:
    network = of_pixels()
    page = cr.push_to_hub(network, "somebody/pets")
    assert page.endswith("/somebody/pets")
    assert set(repositories["somebody/pets"]) == {MODEL, CARD}
    found = cr.load_from_hub("somebody/pets")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(found.predict(pixels), network.predict(pixels))
    assert found.preparation == network.preparation
    commit = commit_of(repositories["somebody/pets"])
    assert repr(cr.load_from_hub("somebody/pets", commit).layers) == repr(network.layers)


def test_the_card_says_what_is_known(repositories: dict[str, dict[str, bytes]]) -> None:
    cr.push_to_hub(of_pixels(), "pets")  # in the account of the token
    card = repositories["somebody/pets"][CARD].decode()
    head = huggingface_hub.ModelCard(card).data
    assert (head.library_name, head.pipeline_tag) == ("chainrule", "image-classification")
    assert "<td>Dense(3)</td><td>(3,)</td><td>51</td>" in card
    assert "classes: cat, &lt;b&gt;dog, a|b" in card
    assert "divided by 255" in card
    assert 'cr.load_from_hub("somebody/pets")' in card


def test_tables_and_layers_of_ones_own(
    repositories: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    rows = [f"{size},{size * size % 7}.5" for size in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["size,price", *rows]))
    network = cr.Network([Scale(), cr.Dense(1)], 1)
    network.preparation = cr.datasets.load(tmp_path / "table.csv", label_column="price").preparation
    cr.push_to_hub(network, "somebody/prices")
    card = repositories["somebody/prices"][CARD].decode()
    assert "pipeline_tag: tabular-regression" in card
    assert "data: 1 column of numbers (standardized), target `price`" in card
    assert 'cr.load_from_hub("somebody/prices", own_layers=[Scale])' in card
    assert isinstance(cr.load_from_hub("somebody/prices", own_layers=[Scale]).layers[0], Scale)
    with pytest.raises(ModelFileError, match=r"somebody/prices on the Hub: .*'Scale'"):
        cr.load_from_hub("somebody/prices")


def test_a_card_is_written_anew_until_someone_takes_it_over(
    repositories: dict[str, dict[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    cr.push_to_hub(of_pixels(), "somebody/pets")
    cr.push_to_hub(cr.Network([cr.Dense(7)], 2), "somebody/pets")
    files = repositories["somebody/pets"]
    assert "Dense(7)" in files[CARD].decode()
    files[CARD] = files[CARD].replace(MARK.encode(), b"My own words.")
    cr.push_to_hub(cr.Network([cr.Dense(9)], 2), "somebody/pets")
    assert b"My own words." in files[CARD]
    assert "card of its own, which stays as it is" in capsys.readouterr().err
    assert cr.load_from_hub("somebody/pets").output_shape == (9,)


def test_what_the_hub_does_not_have(repositories: dict[str, dict[str, bytes]]) -> None:
    cr.push_to_hub(of_pixels(), "somebody/pets")
    repositories["somebody/empty"] = {}
    for name, revision, message in (
        ("somebody/nothing", None, "somebody/nothing: the Hub has no such repository"),
        ("somebody/empty", None, f"somebody/empty has no {MODEL}"),
        ("somebody/pets", "v9", "somebody/pets has no such revision"),
    ):
        with pytest.raises(HubError, match=message):
            cr.load_from_hub(name, revision)
    with pytest.raises(ArgumentError, match="is given as 'user/name'; received 'a/b/c'"):
        cr.load_from_hub("a/b/c")
    repositories["somebody/pets"][MODEL] = b"no model"
    with pytest.raises(ModelFileError, match=r"somebody/pets on the Hub: .*is not a model file"):
        cr.load_from_hub("somebody/pets")


def test_without_a_token_it_is_said_how_to_get_one(
    repositories: dict[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"needs a token that may write: .*`hf auth login`"):
        cr.push_to_hub(of_pixels(), "somebody/pets")
    monkeypatch.setenv("HF_TOKEN", "hf_of_someone_else")
    with pytest.raises(HubError, match="somebody/pets: your token may not do this"):
        cr.push_to_hub(of_pixels(), "somebody/pets")
    assert not repositories


def test_without_a_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point_to(monkeypatch, "http://127.0.0.1:9", tmp_path)  # where nobody listens
    with pytest.raises(HubError, match="somebody/pets: the Hub cannot be reached"):
        cr.push_to_hub(of_pixels(), "somebody/pets")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # or it tries five times
    with pytest.raises(HubError, match="cannot be reached, and no copy is on this machine"):
        cr.load_from_hub("somebody/pets")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    expected = r"the Hugging Face Hub needs huggingface_hub: pip install 'chainrule\[hub\]'"
    with pytest.raises(MissingPackageError, match=expected):
        cr.load_from_hub("somebody/pets")
