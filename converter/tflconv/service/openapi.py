"""The description of the service in OpenAPI 3.1, from which clients can be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflconv._version import __version__
from tflconv.service.bodies import DEFAULT_TOP, RAW_TYPES
from tflconv.service.problems import KINDS, MEDIA_TYPE

_BYTES = {"type": "string", "format": "binary"}
_ABOUT = "Tell pictures apart. JPEG, PNG, WebP and the first frame of GIF are taken."


def document(models: Sequence[str]) -> dict[str, Any]:
    """Return the description of a service of ``models``.

    Example:
        >>> sorted(document(["cat"])["paths"])[:2]
        ['/livez', '/metrics']
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "tflconv serve", "version": __version__, "description": _ABOUT},
        "paths": {
            "/models": _get("List the models.", _ref("Models")),
            "/models/{name}": _get("Describe a model.", _ref("Model"), _name(models)),
            "/models/{name}/classify": {"post": _classify(models)},
            "/livez": _get("Tell that the process lives.", {"type": "object"}),
            "/readyz": _get("Tell whether a picture would be answered.", {"type": "object"}),
            "/metrics": _get("Return numbers for Prometheus.", _TEXT, kind="text/plain"),
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": _SECURITY},
    }  # fmt: skip


def _classify(models: Sequence[str]) -> dict[str, Any]:
    top = {"type": "integer", "minimum": 1, "default": DEFAULT_TOP}
    about = "Number of classes per picture, the likeliest first."
    contents: dict[str, Any] = {kind: {"schema": _BYTES} for kind in RAW_TYPES}
    files = {"type": "object", "properties": {"picture": {"type": "array", "items": _BYTES}}}
    texts = {"type": "string", "contentEncoding": "base64"}
    body = {"pictures": {"type": "array", "items": texts, "minItems": 1}, "top": top}
    contents["multipart/form-data"] = {"schema": files}
    contents["application/json"] = {
        "schema": {"type": "object", "properties": body, "required": ["pictures"]}
    }
    return {
        "summary": "Classify one or several pictures.",
        "parameters": [
            *_name(models),
            {"name": "top", "in": "query", "schema": top, "description": about},
        ],
        "requestBody": {"required": True, "content": contents},
        "responses": {"200": _response("Classes.", _ref("Classified")), **_problems()},
    }


def _get(
    summary: str,
    schema: dict[str, Any],
    parameters: Sequence[dict[str, Any]] = (),
    kind: str = "application/json",
) -> dict[str, Any]:
    responses = {"200": _response(summary, schema, kind), "default": _problem("A problem.")}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": responses}}


def _name(models: Sequence[str]) -> list[dict[str, Any]]:
    schema = {"type": "string", "enum": list(models)}
    return [{"name": "name", "in": "path", "required": True, "schema": schema}]


def _problems() -> dict[str, Any]:
    """The problems by status, each with the names of its kinds."""
    descriptions: dict[str, list[str]] = {}
    for name, kind in KINDS.items():
        descriptions.setdefault(str(kind.status), []).append(f"{kind.title} ({name}).")
    return {status: _problem(" ".join(titles)) for status, titles in descriptions.items()}


def _problem(text: str) -> dict[str, Any]:
    return _response(text, _ref("Problem"), MEDIA_TYPE)


def _response(text: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT, _WHOLE, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_CLASS = _object(label=_TEXT, index=_WHOLE, probability=_NUMBER)
_PICTURE = _object(
    classes=_list(_CLASS),
    milliseconds=_object(queue=_NUMBER, decode=_NUMBER, inference=_NUMBER),
)
_MODEL = _object(
    name=_TEXT, sha256=_TEXT, bytes=_WHOLE, labels=_list(_TEXT), classify=_TEXT,
    input=_object(height=_WHOLE, width=_WHOLE, channels=_WHOLE),
)  # fmt: skip
_SCHEMAS = {
    "Classified": _object(model=_object(name=_TEXT, sha256=_TEXT), pictures=_list(_PICTURE)),
    "Model": _MODEL,
    "Models": _object(models=_list(_ref("Model"))),
    "Problem": _object(type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT),
}
_SECURITY = {"token": {"type": "http", "scheme": "bearer"}}
