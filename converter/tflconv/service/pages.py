"""The two pages for people: one to try a picture, one that shows what programs can ask.

Each is one document without a request to anywhere else. Its policy names its own style and script
by their hashes, so nothing else on it can run, whatever a label says.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tflconv.core.text import to_html as escape

_PARTS = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A document, and the policy that it is sent with."""

    html: str
    policy: str


def upload(models: Sequence[str], *, needs_token: bool) -> Page:
    """Return the page that takes a picture and shows its classes as bars."""
    options = "".join(f"<option>{escape(name)}</option>" for name in models)
    html = _file("page.html").replace("<!-- models -->", options)
    return _page(html.replace('id="secret" hidden', 'id="secret"') if needs_token else html)


def reference(document: dict[str, Any]) -> Page:
    """Return the page of an OpenAPI description."""
    style = _PARTS.search(_file("page.html"))
    assert style is not None
    title = escape(document["info"]["title"])
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>{style[0]}</head>',
        f"<body><main><h1>{title}</h1><p>{escape(document['info']['description'])}</p>",
        '<p><a href="/">Try a picture</a> · <a href="/openapi.json">OpenAPI 3.1 as JSON</a></p>',
        *(_operation(path, method, operation) for path, ways in document["paths"].items()
          for method, operation in ways.items()),
        "</main></body></html>",
    ]  # fmt: skip
    return _page("".join(parts))


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    kinds = operation.get("requestBody", {}).get("content", {})
    takes = "".join(f"<li><code>{escape(kind)}</code></li>" for kind in kinds)
    parameters = "".join(
        f"<li><code>{escape(each['name'])}</code> ({each['in']}): "
        f"{escape(_values(each['schema']))} {escape(each.get('description', ''))}</li>"
        for each in operation.get("parameters", ())
    )
    answers = "".join(
        f"<dt>{status}</dt><dd>{escape(each['description'])}</dd>"
        for status, each in sorted(operation["responses"].items())
    )
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{operation['summary']}</p>"
        + (f"<h3>Parameters</h3><ul>{parameters}</ul>" if parameters else "")
        + (f"<h3>Bodies</h3><ul>{takes}</ul>" if takes else "")
        + f"<h3>Answers</h3><dl>{answers}</dl></section>"
    )


def _values(schema: dict[str, Any]) -> str:
    return ", ".join(schema.get("enum", [schema["type"]]))


def _page(html: str) -> Page:
    hashes = {"style": "'none'", "script": "'none'"}
    for kind, content in _PARTS.findall(html):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind] = f"'sha256-{digest}'"
    policy = (
        f"default-src 'none'; style-src {hashes['style']}; script-src {hashes['script']};"
        " connect-src 'self'; img-src blob:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return Page(html=html, policy=policy)


@cache
def _file(name: str) -> str:
    return (files("tflconv.service") / name).read_text("utf-8")
