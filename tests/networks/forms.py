"""Parameters of a request, in whichever of the usual forms they come."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

import attrs

from networks.web import Request

_PARAMETER = re.compile(r';\s*([\w*-]+)=("((?:[^"\\]|\\.)*)"|[^;]*)')


@attrs.frozen
class Upload:
    """A file in a form."""

    field: str
    name: str
    content_type: str
    content: bytes


@attrs.frozen
class Form:
    """What a request says: values by name, and files by name."""

    values: dict[str, Any]
    """Text, or what JSON holds when the body is JSON."""
    files: dict[str, Upload] = attrs.field(factory=dict)


class Malformed(ValueError):
    """A body that is not what its content type says."""


def parse(request: Request) -> Form:
    """Read the query and the body; what the body says wins.

    Raises:
        Malformed: The body cannot be read.
    """
    values: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True))
    files: dict[str, Upload] = {}
    if request.body:
        kind, options = content_type(request.headers.get("content-type", ""))
        if kind == "application/json":
            values.update(_json(request.body))
        elif kind == "multipart/form-data":
            parts = _multipart(request.body, options.get("boundary", ""))
            values.update(parts.values)
            files.update(parts.files)
        elif kind == "application/x-www-form-urlencoded":
            values.update(parse_qsl(_utf8(request.body), keep_blank_values=True))
    return Form(values, files)


def content_type(header: str) -> tuple[str, dict[str, str]]:
    """Return a header's first word in lower case, and its parameters, unquoted."""
    kind, semicolon, rest = header.partition(";")
    options = {}
    for match in _PARAMETER.finditer(semicolon + rest):
        name, raw, quoted = match.groups()
        # Clients escape the quotes of names by a backslash or, as browsers do, by a percent.
        value = raw.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        options[name.lower()] = value.replace("%22", '"')
    return kind.strip().lower(), options


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(str(error)) from error


def _json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError as error:
        raise Malformed(str(error)) from error
    if not isinstance(values, dict):
        raise Malformed(f"the body is a {type(values).__name__}, not an object")
    return values


def _multipart(body: bytes, boundary: str) -> Form:
    """Split by the boundary; contents are taken byte by byte as they stand."""
    if not boundary:
        raise Malformed("multipart without a boundary")
    mark = b"\r\n--" + boundary.encode("latin-1")
    _, *parts = (b"\r\n" + body).split(mark)
    if not parts or not parts[-1].startswith(b"--"):
        raise Malformed("multipart without its end")
    form = Form({})
    for part in parts[:-1]:
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            raise Malformed("a part without a head")
        _add(form, _utf8(head), content)
    return form


def _add(form: Form, head: str, content: bytes) -> None:
    headers = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    _, options = content_type(headers.get("content-disposition", ""))
    field = options.get("name", "")
    file_name = _file_name(options)
    if file_name is None:
        form.values[field] = _utf8(content)
    else:
        kind = headers.get("content-type", "application/octet-stream")
        form.files[field] = Upload(field, file_name, kind, content)


def _file_name(options: dict[str, str]) -> str | None:
    """Return the name of a part's file; None: the part is no file."""
    encoded = options.get("filename*")
    if encoded is not None:
        return unquote(encoded.rpartition("'")[2])
    return options.get("filename")
