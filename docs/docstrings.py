"""Docstrings are written for ``help()``; this turns their few reST marks into Markdown."""

from __future__ import annotations

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`(~?)([\w.]+)`")
LITERAL_BLOCK = re.compile(r"^::$\n", re.MULTILINE)
LITERAL_COLON = re.compile(r"::$", re.MULTILINE)
TABLE = re.compile(r"^(?:=+ )+=+\n.+\n(?:=+ )+=+\n(?:.+\n)+?(?:=+ )+=+$", re.MULTILINE)
TITLED_BLOCK = re.compile(r"^(\w[^\n]*)\n( {4}(?:[^\n]|\n(?= {4}|\n {4}))+)", re.MULTILINE)


def _link(role: re.Match[str]) -> str:
    target = role[2]
    shown = target.rpartition(".")[2] if role[1] else target
    return f'<autoref identifier="{target}" optional><code>{shown}</code></autoref>'


def _section(block: re.Match[str]) -> str:
    body = re.sub(r"^ {4}", "", block[2], flags=re.MULTILINE)
    return f"**{block[1]}**\n\n{body}"


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite one docstring; titled blocks stand in modules only."""
        if obj.docstring is None:
            return
        text = TABLE.sub(r"```text\n\g<0>\n```", obj.docstring.value)
        text = LITERAL_COLON.sub(":", LITERAL_BLOCK.sub("", text))
        if obj.is_module:
            text = TITLED_BLOCK.sub(_section, text)
        obj.docstring.value = ROLE.sub(_link, text)
