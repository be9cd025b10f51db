"""Texts that a file or a user may hand in, each an attack on, or an accident in, some medium."""

from __future__ import annotations

import unicodedata

HOSTILE = {
    "rich markup": "[/red][bold]x[/]",
    "rich emoji": ":bomb:",
    "colour": "\x1b[31mred\x1b[0m",
    "the terminal's title": "\x1b]0;gone\x07",
    "a link in the terminal": "\x1b]8;;http://example.org\x1b\\x\x1b]8;;\x1b\\",
    "the other escape": "\x9b31m\x85\x90x\x9c",
    "carriage return": "safe\rgone",
    "backspaces": "cat\b\b\bdog\x7f",
    "a message of its own": "a\nchainrule: all is well",
    "other line ends": "a\u2028b\u2029c\vd\fe\x1cf",
    "right to left": "cat\u202egpj.exe\u202c\u2066\u2069\u061c\u200f",
    "invisible": "a\u200b\u2060\ufeff\u00adb\U000e0041",
    "script": "<script>alert(1)</script>",
    "attribute": '" onerror="alert(1)" x="',
    "other attribute": "' autofocus onfocus='alert(1)",
    "entity": "&lt;b&gt; &#60; &amp",
    "comment": "<!-- gone",
    "cells": "a | b || c",
    "code": "`x` ``` ``",
    "link": "[x](javascript:alert(1)) ] [a]: http://example.org",
    "image": "![x](https://example.org/x.png)",
    "addresses": "https://example.org www.example.org <ftp://example.org>",
    "heading": "# heading",
    "list": "- item",
    "numbered list": "1. item",
    "quotation": "> said",
    "rule": "---",
    "indented": "      code",
    "emphasis": "*a* **b** __c__ _d_ ~~e~~ f_g_h",
    "backslashes": "\\*a\\* C:\\[x] \\",
    "a formula": "$x^$",
    "two prices": "from $5 to $9",
    "an unknown command": r"$\nothing{$ \$ $",
    "left out of legends": "_hidden",
    "a calculation": "=1+1",
    "a program": "=cmd|' /C calc'!A0",
    "a sum": "+1+1",
    "a difference": "-1-1",
    "a call": "@SUM(1)",
    "after a tab": "\t=1",
    "after a line end": "\r\n=1",
    "after a space": " =1",
    "after a semicolon": "a;=1+1",
    "wide signs": "＝1＋1",
    "jinja": "{{ 7 * 7 }}{% for %}{# x #}",
    "formats": "{task.x} {0} %s %(a)s",
    "Python": "'); import os #",
    "other quotes": '"""\\"',
    "bytes that are no text": "\udcff\udc80",
    "half a character": "\ud83d",
    "very long": "long " * 2000,
    "very long without a gap": "x" * 20_000,
    "nothing": "",
    "a space": " ",
    "parent folder": "..",
    "this folder": ".",
    "folders": "../../etc/passwd",
    "Windows folders": "..\\..\\x:y",
    "a device": "CON",
    "a device with an ending": "nul.txt",
    "dots at the ends": ".hidden.",
    "an option": "-rf",
}

FORMULAS = tuple("=+-@＝＋－＠")  # how a cell begins that is calculated

HARMLESS = ("cat", "für Elise", "learning_rate=0.1", "猫", "می‌خواهم", "-0.5", "a b")


def is_one_line(text: str) -> bool:
    """True if nothing in a text is a command to the terminal, a line's end, or no character."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return not any(unicodedata.category(c) in hidden and c not in "\u200c\u200d" for c in text)
