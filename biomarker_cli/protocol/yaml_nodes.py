"""From YAML events to values with the lines of their keys, within bounds.

The C parser gives the events where it is installed; where it finds a fault, the
parser in Python reads again and words it, so that messages and lines are the
same everywhere. Nothing here recurses deeper than `DEEPEST`, and nothing grows
beyond `MOST_KEYS`, whatever the aliases of a file say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

MOST_KEYS = 100_000
"""No file that people write has as many; aliases of aliases grow beyond all memory."""

DEEPEST = 64
"""Lists and mappings inside each other; a protocol has eight."""

LONGEST_TEXT = 20_000
"""Characters of one value; the longest description that is shipped has 419."""

LONGEST_NUMBER = 64
"""Digits and signs of one number: more than a float can tell apart."""

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no text of a person has; YAML admits them as escapes alone."""

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"


class YamlFaultError(Exception):
    """What is wrong with a text, where, and which word of it is meant.

    Parameters
    ----------
    message : str
        With ``{}`` where the word goes.
    line : int
        From 1; 0 where it is not known.
    word : str, optional
        From the file: it is shown only where the file is one of ours.
    plain : str, optional
        What stands for the word elsewhere.
    is_syntax : bool
        Whether the text is no YAML, or is YAML that holds what it may not.
    """

    def __init__(
        self,
        message: str,
        line: int,
        word: str = "",
        plain: str = "",
        *,
        is_syntax: bool = True,
    ) -> None:
        super().__init__(message)
        self.message, self.line, self.word, self.plain = message, line, word, plain
        self.is_syntax = is_syntax


class _Scalars(SafeConstructor, Resolver):
    """What a scalar without quotes means; dates stay text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own way to say it
        first: [(tag, regexp) for tag, regexp in found if tag != _TAG + "timestamp"]
        for first, found in Resolver.yaml_implicit_resolvers.items()
    }

    def __init__(self) -> None:
        SafeConstructor.__init__(self)
        Resolver.__init__(self)


_SCALARS = _Scalars()
_CONSTRUCTORS = {
    _TAG + "int": SafeConstructor.construct_yaml_int,
    _TAG + "float": SafeConstructor.construct_yaml_float,
    _TAG + "bool": SafeConstructor.construct_yaml_bool,
    _TAG + "null": SafeConstructor.construct_yaml_null,
}


@dataclass(slots=True)
class _Node:
    """A value, its line, and what it holds by key or place.

    Attributes
    ----------
    line : int
    value : object
    text : str
        A scalar as it is written; keys are known by it.
    is_merge : bool
        Whether it is the key ``<<``, which takes in what another mapping has.
    size, depth : int
        Values below it with itself, aliases written out; levels below it.
    parts : list of (key or place, line, _Node)
    """

    line: int
    value: Any
    text: str = ""
    is_merge: bool = False
    size: int = 1
    depth: int = 0
    parts: list[tuple[str | int, int, _Node]] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A list or mapping that has not ended yet."""

    node: _Node
    anchor: str | None
    texts: set[str] = field(default_factory=set)
    taken_in: list[dict[Any, Any]] = field(default_factory=list)
    key: _Node | None = None

    def add(self, part: _Node) -> None:
        """Take the next item, key, or value of a key."""
        node = self.node
        if isinstance(node.value, list):
            node.parts.append((len(node.value), part.line, part))
            node.value.append(part.value)
        elif self.key is None:
            self._add_key(part)
            return
        else:
            self._add_value(self.key, part)
            self.key = None
        node.size += part.size
        node.depth = max(node.depth, part.depth + 1)
        if node.depth > DEEPEST:
            raise _too_deep(part.line)
        if node.size > MOST_KEYS:
            raise YamlFaultError(
                f"more than {MOST_KEYS} values, aliases (*name) written out", part.line
            )

    def _add_key(self, key: _Node) -> None:
        if isinstance(key.value, list | dict):
            raise YamlFaultError("found unhashable key: a list or a mapping", key.line)
        # Two spellings of one value (1 and 0x1, yes and true) would overwrite each other.
        if key.text in self.texts or (not key.is_merge and key.value in self.node.value):
            raise YamlFaultError("{} stands twice", key.line, f"the key {key.text!r}", "a key")
        self.texts.add(key.text)
        self.key = key

    def _add_value(self, key: _Node, part: _Node) -> None:
        # A block begins a line below its key, which is what people look for.
        self.node.parts.append((key.text, key.line, part))
        if not key.is_merge:
            self.node.value[key.value] = part.value
            return
        sources = part.value if isinstance(part.value, list) else [part.value]
        if not all(isinstance(source, dict) for source in sources):
            raise YamlFaultError("<< takes in a mapping, or a list of them", part.line)
        self.taken_in += sources

    def finished(self) -> _Node:
        """Return the node with what it takes in; its own keys and the first source win."""
        if self.taken_in:
            own = self.node.value
            whole: dict[Any, Any] = {}
            for source in reversed(self.taken_in):
                whole.update(source)
            self.node.value = {**whole, **own}
        return self.node


def parse(text: str) -> tuple[Any, dict[KeyPath, int]]:
    """Return the value of a YAML text and the line of each of its keys.

    Raises
    ------
    YamlFaultError
    """
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is None:
        return _parse(text, yaml.SafeLoader)
    try:
        return _parse(text, fast)
    except YamlFaultError as problem:
        _parse(text, yaml.SafeLoader)  # words the same fault as everywhere
        raise problem from None


def _parse(text: str, loader: Any) -> tuple[Any, dict[KeyPath, int]]:
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=loader):
            composer.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or "not readable as YAML")
        # Elsewhere the names that the parser quotes from the text are left out.
        bare = re.sub(r"'[^'<>]{2,}'", "...", problem)
        raise YamlFaultError("{}", mark.line + 1 if mark else 1, problem, bare) from error
    if composer.root is None:
        return None, {}
    return composer.root.value, dict(_lines(composer.root, (), composer.root.line))


def _lines(node: _Node, place: KeyPath, line: int) -> Iterator[tuple[KeyPath, int]]:
    yield place, line
    for key, line_of_key, part in node.parts:
        if part.parts:
            yield from _lines(part, (*place, key), line_of_key)
        else:
            yield (*place, key), line_of_key


class _Composer:
    """Builds the value of a document event by event, on a stack of its own."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node] = {}
        self._has_document = False

    def take(self, event: Any) -> None:
        """Take the next event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._put(_scalar(event, line), event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            self._put(ended.finished(), ended.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._put(self._meant(str(event.anchor), line), None)
        elif isinstance(event, yaml.DocumentStartEvent):
            if self._has_document:
                raise YamlFaultError("expected a single document, found another one", line)
            self._has_document = True

    def _begin(self, event: Any, line: int) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if is_mapping else "seq")):
            raise _foreign_tag(event.tag, line)
        if len(self._open) >= DEEPEST:
            raise _too_deep(line)
        self._open.append(_Open(_Node(line, {} if is_mapping else []), event.anchor))

    def _meant(self, anchor: str, line: int) -> _Node:
        if any(ended.anchor == anchor for ended in self._open):
            raise YamlFaultError("a part of the file contains itself", line)
        if anchor not in self._anchors:
            raise YamlFaultError("{} names nothing above it", line, f"*{anchor}", "an alias")
        return self._anchors[anchor]

    def _put(self, node: _Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].add(node)
        else:
            self.root = node


def _scalar(event: Any, line: int) -> _Node:
    """Return the node of a scalar.

    Raises
    ------
    YamlFaultError
        For a tag, a number or a text that nobody writes.
    """
    text, tag = event.value, _tag_of(event)
    if len(text) > LONGEST_TEXT:
        raise _unfit(f"a value of {len(text)} characters, at most {LONGEST_TEXT} are read", line)
    found = CONTROL.search(text)
    if found:
        raise _unfit(f"a value with the control character U+{ord(found[0]):04X}", line)
    if tag == _TAG + "str":
        return _Node(line, text, text)
    if tag == _TAG + "merge":
        return _Node(line, text, text, is_merge=True)
    construct = _CONSTRUCTORS.get(tag)
    if construct is None:
        raise _foreign_tag(tag, line)
    if len(text) > LONGEST_NUMBER:
        raise _unfit(f"a number of {len(text)} characters", line)
    try:
        value = construct(_SCALARS, yaml.ScalarNode(tag, text))
    except (ValueError, LookupError) as error:
        raise _unfit(f"a value that is no {tag.removeprefix(_TAG)}", line) from error
    if isinstance(value, float) and not math.isfinite(value):
        raise _unfit("a number that is not finite", line)
    return _Node(line, value, text)


def _tag_of(event: Any) -> str:
    if event.tag == "!":
        return _TAG + "str"  # YAML 1.2 6.9.1; the parsers differ in what they resolve
    if event.tag is not None:
        return str(event.tag)
    found = _SCALARS.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return str(found)


def _unfit(message: str, line: int) -> YamlFaultError:
    return YamlFaultError(message, line, is_syntax=False)


def _too_deep(line: int) -> YamlFaultError:
    return _unfit(f"lists and mappings more than {DEEPEST} levels deep", line)


def _foreign_tag(tag: str, line: int) -> YamlFaultError:
    return YamlFaultError("{} has no constructor here", line, f"the tag {tag}", "a tag")
