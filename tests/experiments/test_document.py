"""Code and links in documents."""

from __future__ import annotations

from pathlib import Path

from chainrule.experiments.document import Document, Link


def test_code_stands_as_it_is_written(tmp_path: Path) -> None:
    document = Document("Code")
    document.code("def f(x):\n    return x < `1` * 2  # <b>\x1b[2J\n", "A *function*:")
    document.write(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert r"A \*function\*:" in text
    assert "```python\ndef f(x):\n    return x < `1` * 2  # <b>\\x1b[2J\n```" in text
    page = (tmp_path / "report.html").read_text()
    assert (
        "<pre><code>def f(x):\n    return x &lt; `1` * 2  # &lt;b&gt;\\x1b[2J</code></pre>" in page
    )


def test_code_with_a_fence_of_its_own() -> None:
    document = Document("Code")
    document.code('"""\n```\n"""', language="")
    assert document.to_markdown().endswith('````\n"""\n```\n"""\n````\n')


def test_links_lead_to_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "dense.md").write_text("")
    document = Document("Links")
    here, gone = Link("the *dense* layer", "../pages/dense.md"), Link("another", "../pages/no.md")
    document.paragraph("See ", here, " and ", gone, ".")
    document.write(tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert r"See [the \*dense\* layer](../pages/dense.md) and another." in text
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<a href="../pages/dense.md">the *dense* layer</a> and another.' in page
