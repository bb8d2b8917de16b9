"""Merge a protocol into the one that it extends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biomarker_cli.protocol.errors import ProtocolError

# What describes the child itself is never inherited.
_OWN_KEYS = ("extends", "disable", "changelog", "source", "tests")


def merge(parent: Mapping[str, Any], child: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the parent's content with the child's on top.

    Mappings merge key by key, and a key that the child sets to null is not inherited;
    a section whose child names another ``method`` inherits nothing. Lists
    whose items have an ``id`` merge by it; any other value of the child replaces the
    parent's. ``disable`` lists ids that the child drops.

    Parameters
    ----------
    parent, child : mapping
    name : str
        File name of the child, for messages.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-EXTENDS`` where `disable` names an id that the parent lacks, or
        the child has an id twice: by id the last one would win silently.
    """
    _require_form(child, name)
    _require_own_ids_once(child, name)
    inherited = {key: value for key, value in parent.items() if key not in _OWN_KEYS}
    merged: dict[str, Any] = _merge_values(inherited, dict(child))
    dropped = set(child.get("disable", ()))
    known = {str(item["id"]) for item in merged.get("rules", ()) if "id" in item}
    if dropped - known:
        raise ProtocolError(
            "PROTOCOL-EXTENDS",
            f"disable names rules that are not inherited: {', '.join(sorted(dropped - known))}",
            where=name,
        )
    if dropped:
        merged["rules"] = [item for item in merged["rules"] if item.get("id") not in dropped]
    return merged


def _require_form(child: Mapping[str, Any], name: str) -> None:
    """Refuse what cannot be merged, before the model could say what is wrong with it."""
    disable, rules = child.get("disable", []), child.get("rules", [])
    if not isinstance(disable, list) or not all(isinstance(item, str) for item in disable):
        raise ProtocolError("PROTOCOL-EXTENDS", "disable is a list of rule ids", where=name)
    if not isinstance(rules, list) or not all(isinstance(item, Mapping) for item in rules):
        raise ProtocolError("PROTOCOL-EXTENDS", "rules is a list of rules", where=name)


def _require_own_ids_once(child: Mapping[str, Any], name: str) -> None:
    rules = child.get("rules")
    if not has_ids(rules):
        return
    ids = [item["id"] for item in rules or ()]
    twice = sorted({str(one) for one in ids if ids.count(one) > 1})
    if twice:
        raise ProtocolError(
            "PROTOCOL-EXTENDS", f"the rule id stands twice: {', '.join(twice)}", where=name
        )


def _merge_values(parent: Any, child: Any) -> Any:
    if isinstance(parent, Mapping) and isinstance(child, Mapping):
        if "method" in child and child["method"] != parent.get("method", child["method"]):
            # The keys of one method mean nothing, or something else, to another.
            return dict(child)
        result = dict(parent)
        for key, value in child.items():
            if value is None and key in parent:
                del result[key]
            else:
                result[key] = _merge_values(parent[key], value) if key in parent else value
        return result
    if has_ids(parent) and has_ids(child):
        by_id = {item["id"]: item for item in parent}
        by_id.update({item["id"]: item for item in child})
        return list(by_id.values())
    return child


def has_ids(value: Any) -> bool:
    """Tell whether a value is a list of items that merge by their ``id``."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and isinstance(item.get("id"), str) for item in value)
    )
