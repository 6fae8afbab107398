"""Plain values into attrs classes, strictly, and every fault with its path.

cattrs does the work. By itself it makes a list of letters from a text and `'None'` from
nothing, so each kind of value is checked before cattrs converts it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import (
    is_any_set,
    is_frozenset,
    is_mapping,
    is_sequence,
    list_structure_factory,
    mapping_structure_factory,
)
from cattrs.gen import make_dict_structure_fn, override

from cobot.config.document import INTEGER, NUMBER, Document, Expanded, KeyPath, kind_of
from cobot.config.values import Id, Secret
from cobot.errors import PluginError, nearest

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]


def structure(
    document: Document,
    path: KeyPath,
    value: Any,
    cls: type[T],
    *,
    known: Collection[str] = (),
) -> T | None:
    """Build an attrs class from a section.

    Args:
        document: Where the section comes from, and where problems are noted.
        path: The way to the section.
        value: The section, variables expanded.
        cls: The attrs class to build.
        known: Keys of the section that somebody else reads; named to who misspells one.

    Returns:
        The object; None if something is wrong, which is noted in the document.

    Raises:
        PluginError: The class has a field of a type that no configuration can give.
    """
    try:
        converter = _converter(document)
        converter.get_structure_hook(cls)
    except (cattrs.StructureHandlerNotFoundError, TypeError, NameError) as error:
        raise PluginError(f"{cls.__qualname__} cannot be read from a file: {error}") from error
    try:
        return converter.structure(value, cls)
    except Exception as error:  # noqa: BLE001 -- validators are a plugin's code
        for inner, detail in _faults(error, path, cls, known):
            document.problem(inner, detail)
        return None


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Say that a key is unknown, with the nearest known one or all of them."""
    hint = nearest(key, known)
    return f"unknown key{hint or '; known: ' + (', '.join(sorted(known)) or 'none')}"


def _faults(
    error: BaseException, path: KeyPath, cls: Any, known: Collection[str] = ()
) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(error, cattrs.ClassValidationError):
        aliases = {field.name: field.alias or field.name for field in attrs.fields(error.cl)}
        noted, bare = error.group_exceptions()
        for inner, note in noted:
            yield from _faults(inner, (*path, aliases.get(note.name, note.name)), note.type)
        for plain in bare:
            yield from _faults(plain, path, error.cl, known)
    elif isinstance(error, cattrs.IterableValidationError):
        items, bare = error.group_exceptions()
        for inner, item in items:
            yield from _faults(inner, (*path, item.index), item.type)
        for plain in bare:
            yield from _faults(plain, path, cls)
    elif isinstance(error, cattrs.ForbiddenExtraKeysError):
        own = [field.alias or field.name for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield (*path, key), unknown_key(key, [*own, *known])
    elif isinstance(error, KeyError):
        yield path, "is missing"
    else:
        # Validators of attrs give further arguments for programs after the sentence.
        yield path, str(error.args[0]) if error.args else type(error).__name__


def _validated(field: attrs.Attribute[Any], hook: Hook) -> Hook:
    """Run a field's validators with its hook, so that what they say has the field's path."""

    def structure_field(value: Any, kind: Any) -> Any:
        made = hook(value, kind)
        if field.validator is not None and field.converter is None:
            field.validator(None, field, made)
        return made

    return structure_field


def _attrs_class(converter: cattrs.Converter) -> Callable[[Any], Hook]:
    def attrs_class(cls: Any) -> Hook:
        overrides: dict[str, Any] = {
            field.name: override(
                struct_hook=_validated(field, converter.get_structure_hook(field.type))
            )
            for field in attrs.fields(attrs.resolve_types(cls))
            if field.validator is not None and field.init
        }
        made = make_dict_structure_fn(
            cls,
            converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_use_alias=True,
            **overrides,
        )
        return _checked(dict, made)

    return attrs_class


def _converter(document: Document) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, use_alias=True)

    def secret(value: Any, _: Any) -> Secret:
        # The value is in no message, right or wrong: it may be the secret.
        if not isinstance(value, str):
            kind = kind_of(value) if value is None else type(value).__name__
            raise TypeError(f"expected text in quotes or ${{VARIABLE}}, got {kind}")
        if not value.strip():
            raise ValueError("is empty")
        made = Secret(str(value))
        document.secrets.append(made)
        return made

    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _bool)
    converter.register_structure_hook(int, _int)
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(Secret, secret)
    converter.register_structure_hook(Id, _id)
    converter.register_structure_hook(Path, _path)
    converter.register_structure_hook_factory(_is_literal, _literal)
    converter.register_structure_hook_factory(_is_word_or_class, _word_or_class(converter))
    converter.register_structure_hook_factory(_is_optional, _optional(converter))
    converter.register_structure_hook_factory(_is_collection, _collection(converter))
    converter.register_structure_hook_factory(
        is_mapping, lambda cls: _checked(dict, mapping_structure_factory(cls, converter))
    )
    converter.register_structure_hook_factory(attrs.has, _attrs_class(converter))
    return converter


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        hint = "" if value is None or isinstance(value, dict | list) else "; put it in quotes"
        raise TypeError(f"expected text, got {kind_of(value)}{hint}")
    return str(value)


def _id(value: Any, _: Any) -> Id:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"expected an id (text or a whole number), got {kind_of(value)}")
    if not str(value).strip():
        raise ValueError("expected an id, got empty text")
    return Id(str(value))


def _bool(value: Any, _: Any) -> bool:
    if isinstance(value, Expanded) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {kind_of(value)}")
    return value


def _int(value: Any, _: Any) -> int:
    if isinstance(value, Expanded) and INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {kind_of(value)}")
    return value


def _float(value: Any, _: Any) -> float:
    if isinstance(value, Expanded) and NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {kind_of(value)}")
    return float(value)


def _path(value: Any, _: Any) -> Path:
    text = _text(value, None)
    if not text:
        raise ValueError("expected a path, got empty text")
    if "\0" in text:
        raise ValueError("expected a path, got one with a NUL character")
    return Path(text).expanduser()


def _is_union(cls: Any) -> bool:
    return get_origin(cls) in (Union, UnionType)


def _is_optional(cls: Any) -> bool:
    """Tell whether a type is `X | None`, X perhaps being a word or an attrs class."""
    if not (_is_union(cls) and NoneType in get_args(cls)):
        return False
    rest = _without_none(cls)
    return not _is_union(rest) or _is_word_or_class(rest)


def _without_none(cls: Any) -> Any:
    return Union[tuple(one for one in get_args(cls) if one is not NoneType)]  # noqa: UP007


def _optional(converter: cattrs.Converter) -> Callable[[Any], Hook]:
    def optional(cls: Any) -> Hook:
        inner = _without_none(cls)
        hook = converter.get_structure_hook(inner)

        def structure_optional(value: Any, _: Any) -> Any:
            if value is None:
                raise TypeError("expected a value, got nothing; remove the key")
            return hook(value, inner)

        return structure_optional

    return optional


def _is_word_or_class(cls: Any) -> bool:
    """Tell whether a type is `Literal[...] | Class`: a word, or keys with values."""
    kinds = get_args(cls)
    return (
        _is_union(cls)
        and len(kinds) == 2
        and sorted((_is_literal(one), attrs.has(one)) for one in kinds)
        == [(False, True), (True, False)]
    )


def _word_or_class(converter: cattrs.Converter) -> Callable[[Any], Hook]:
    def word_or_class(cls: Any) -> Hook:
        word, inner = sorted(get_args(cls), key=_is_literal, reverse=True)
        hook = converter.get_structure_hook(inner)
        words = get_args(word)

        def structure_either(value: Any, _: Any) -> Any:
            if isinstance(value, dict):
                return hook(value, inner)
            if isinstance(value, str) and str(value) in words:
                return str(value)
            keys = ", ".join(field.alias or field.name for field in attrs.fields(inner))
            wanted = f"{' or '.join(words)}, or {{{keys}}}"
            raise ValueError(f"expected {wanted}, got {kind_of(value)}")

        return structure_either

    return word_or_class


def _is_literal(cls: Any) -> bool:
    return get_origin(cls) is Literal


def _literal(cls: Any) -> Hook:
    allowed = get_args(cls)

    def literal(value: Any, _: Any) -> Any:
        for choice in allowed:
            if type(choice) is type(value) and choice == value:
                return choice
            if isinstance(value, Expanded) and choice == str(value):
                return choice
        words = " or ".join(map(str, allowed))
        raise ValueError(f"expected {words}, got {kind_of(value)}")

    return literal


def _is_collection(cls: Any) -> bool:
    if cls is str or cls is bytes:
        return False
    return is_sequence(cls) or is_any_set(cls) or get_origin(cls) is tuple or cls is tuple


def _collection(converter: cattrs.Converter) -> Callable[[Any], Hook]:
    def collection(cls: Any) -> Hook:
        arguments = [one for one in get_args(cls) if one is not Ellipsis]
        if len(arguments) > 1:
            raise TypeError(f"{cls} has a fixed length; use tuple[X, ...] or a class")
        item = arguments[0] if arguments else Any
        make: Callable[[Any], Any] = list
        if (get_origin(cls) or cls) is tuple:
            make = tuple
        elif is_frozenset(cls):
            make = frozenset
        elif is_any_set(cls):
            make = set
        inner = _checked(list, list_structure_factory(list[item], converter))  # type: ignore[valid-type]
        return lambda value, _: make(inner(value, list[item]))  # type: ignore[valid-type]

    return collection


def _checked(kind: type, hook: Callable[..., Any]) -> Hook:
    wanted = "a list" if kind is list else "keys with values"

    def checked(value: Any, cls: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"expected {wanted}, got {kind_of(value)}")
        return hook(value, cls)

    return checked


def as_mapping(value: Any) -> Mapping[str, Any] | None:
    """Return a section as a mapping: an empty one is one without settings."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else None
