"""The lines of a function as text: names filled in, shapes lined up at the right."""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from chainrule.explain.unrolling.names import resolve
from chainrule.explain.unrolling.passes import tidy
from chainrule.explain.unrolling.symbols import BATCH
from chainrule.explain.unrolling.writer import Line, Remark, Writer

WIDTH = 90  # of code, beyond which a line is folded
WIDEST_CODE, WIDEST_SHAPE = 72, 22  # what is wider does not push all comments to the right
INDENT = "    "
UNBREAKABLE = "\N{NO-BREAK SPACE}"
SLICE = re.compile(r"\b(\w+):(\w+ \+ \d+)(?::(\d+))?")


class Text(NamedTuple):
    """One line: its code, the shape of what it computes, and its layer."""

    code: str
    shape: str = ""
    title: str = ""


def function_text(
    name: str,
    writer: Writer,
    doc: str,
    signature: str | None = None,
    reserved: Iterable[str] = (),
) -> str:
    """The text of a function, which gives its variables none of the reserved names."""
    lines = tidy(writer.lines)
    names = resolve(writer.variables, (BATCH, "np", *reserved))
    body = list(_texts(lines, names))
    if any(_mentions_batch(text.code) for text in body):
        body.insert(0, Text(f"{BATCH} = len({writer.parameters[0]})", "()"))
    arguments = ", ".join(writer.parameters) if signature is None else signature
    return "\n".join([f"def {name}({arguments}):", *docstring(doc), *_lined_up(body)])


def copy_text(definition: ast.FunctionDef, doc: str) -> str:
    """The text of a function that is copied whole."""
    first, *lines = code_text(definition).split("\n")
    return "\n".join([first, *docstring(doc), *lines])


def docstring(doc: str, indent: str = INDENT) -> list[str]:
    """The lines of a docstring, folded where they are too long."""
    if not doc:
        return []
    paragraphs = [textwrap.wrap(line, WIDTH) or [""] for line in doc.split("\n")]
    lines = [line for paragraph in paragraphs for line in paragraph]
    lines[0] = f'"""{lines[0]}'
    if len(lines) == 1:
        return [f'{indent}{lines[0]}"""']
    return [*(f"{indent}{line}".rstrip() for line in lines), f'{indent}"""']


def _texts(lines: list[Line | Remark], names: Mapping[str, str], depth: int = 0) -> Iterator[Text]:
    for line in lines:
        if isinstance(line, Remark):
            if line.opens_section:
                yield Text("")
            yield Text(f"# {line.text}")
            continue
        statement = _Named(names).visit(copy.deepcopy(line.statement))
        yield Text(INDENT * depth + code_text(statement), line.shape, line.title)
        yield from _texts(line.body, names, depth + 1)


def code_text(statement: ast.stmt) -> str:
    """A statement as people write it: no brackets around a, b = c, d, and double quotes."""
    text = ast.unparse(ast.fix_missing_locations(statement))
    text = re.sub(r"(?<=\w) \*\* (?=\w)", "**", text)
    text = SLICE.sub(_spaced, text)
    if isinstance(statement, (ast.Assign, ast.Return)) and isinstance(statement.value, ast.Tuple):
        whole = ast.unparse(statement.value)
        text = text.removesuffix(whole) + whole[1:-1]
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', text)


def folded(code: str) -> list[str]:
    """A line of code, or several where it is too long: what stands in its longest brackets goes
    on lines of its own, or the whole right side, where no brackets hold most of it.

    >>> for line in folded("total = first(" + ", ".join(["argument"] * 12) + ") / 2"):
    ...     print(line)
    total = first(
        argument, argument, argument, argument, argument, argument, argument, argument,
        argument, argument, argument, argument
    ) / 2
    """
    if len(code) <= WIDTH or code.startswith("#"):
        return [code]
    start, end = _longest_brackets(code)
    if 2 * (end - start) < len(code) and " = " in code:
        left, right = code.split(" = ", 1)
        code, start = f"{left} = ({right})", len(left) + 4
        end = len(code) - 1
    margin = " " * (len(code) - len(code.lstrip()))
    contents = code[start:end].replace(": ", f":{UNBREAKABLE}")  # a key stays with its value
    inner = textwrap.wrap(contents, WIDTH - len(margin) - len(INDENT))
    inner = [line.replace(UNBREAKABLE, " ") for line in inner]
    return [code[:start], *(f"{margin}{INDENT}{line}" for line in inner), margin + code[end:]]


def _longest_brackets(code: str) -> tuple[int, int]:
    """Where the contents of the longest outermost brackets begin and end."""
    found, opened = [(0, 0)], []
    for place, character in enumerate(code):
        if character in "([{":
            opened.append(place + 1)
        elif character in ")]}":
            start = opened.pop()
            if not opened:
                found.append((start, place))
    return max(found, key=lambda pair: pair[1] - pair[0])


def _lined_up(texts: list[Text]) -> list[str]:
    lines, title = [], ""
    pieces = [(folded(text.code), text) for text in texts]
    column = _widest([code[-1] for code, text in pieces if text.shape], WIDEST_CODE)
    shape_column = _widest([text.shape for text in texts if text.title], WIDEST_SHAPE)
    for code, text in pieces:
        note = text.title if text.title != title else ""
        title = text.title
        comment = f"  # {text.shape:<{shape_column}}  {note}" if text.shape or note else ""
        lines += [f"{INDENT}{line}".rstrip() for line in code[:-1]]
        lines.append(f"{INDENT}{code[-1]:<{column}}{comment}".rstrip())
    return lines


def _widest(texts: list[str], limit: int) -> int:
    return max((len(text) for text in texts if len(text) <= limit), default=0)


def _spaced(match: re.Match[str]) -> str:
    """``i:i + 28:2`` with room around its colons."""
    return " : ".join(part for part in match.groups() if part is not None)


def _mentions_batch(code: str) -> bool:
    return not code.startswith("#") and re.search(rf"\b{BATCH}\b", code) is not None


class _Named(ast.NodeTransformer):
    """Gives variables their names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            return ast.Constant(self.names.get(node.value, node.value))
        return node
