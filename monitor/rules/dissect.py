"""A query taken apart: its clauses, and what it would be with less strictness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from monitor.rules.tree import And, Filter, Leaf, Literal, Near, Node, Not, Or, Query, leaves

MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Clause:
    """One of the conditions that must all hold; ``parts`` are its alternatives.

    ``rest`` is the query without it, None where nothing is left. ``narrows``: it only keeps
    entries out, being an exclusion or a filter.
    """

    node: Node
    parts: tuple[Node, ...]
    rest: Node | None
    narrows: bool


def clauses(query: Query) -> list[Clause]:
    """The conditions of ``query``, at most 200."""
    root = query.root
    nodes = root.children if isinstance(root, And) else (root,)
    found = []
    for at, node in enumerate(nodes[:MOST_PARTS]):
        others = (*nodes[:at], *nodes[at + 1 :])
        rest = And(others) if len(others) > 1 else (others[0] if others else None)
        parts = node.children[:MOST_PARTS] if isinstance(node, Or) else (node,)
        narrows = isinstance(node, Not) or all(isinstance(leaf, Filter) for leaf in leaves(node))
        found.append(Clause(node, parts, rest, narrows))
    return found


def without_sections(query: Query) -> Query | None:
    """``query`` whatever the section is; None where it asks for none, or for nothing else."""
    if not any(_is_section(leaf) for leaf in leaves(query.root)):
        return None
    root = _without(query.root)
    return Query(root) if root is not None else None


def loosened(query: Query) -> Query | None:
    """``query`` with every word that is asked for found anywhere, in longer words too.

    None where that is the same.
    """
    root = _map_asked(query.root, _loose, asked=True)
    return Query(root) if root != query.root else None


def _is_section(leaf: Node) -> bool:
    return isinstance(leaf, Filter) and leaf.name == "section"


def _without(node: Node) -> Node | None:
    """``node`` where every section filter, and what depends on it alone, is left out."""
    if _is_section(node):
        return None
    if isinstance(node, Not):
        child = _without(node.child)
        return Not(child) if child is not None else None
    if isinstance(node, And | Or):
        left = [child for child in map(_without, node.children) if child is not None]
        if not left or (isinstance(node, Or) and len(left) < len(node.children)):
            return None
        return left[0] if len(left) == 1 else replace(node, children=tuple(left))
    return node


def _map_asked(node: Node, change: Callable[[Leaf], Leaf], *, asked: bool) -> Node:
    """Change the terms that are not under NOT."""
    if isinstance(node, Not):
        return Not(_map_asked(node.child, change, asked=not asked))
    if isinstance(node, And | Or):
        children = tuple(_map_asked(child, change, asked=asked) for child in node.children)
        return replace(node, children=children)
    return change(node) if asked else node


def _loose(leaf: Leaf) -> Leaf:
    if isinstance(leaf, Literal):
        return _loose_word(leaf)
    if isinstance(leaf, Near):
        left, right = (tuple(map(_loose_word, side)) for side in (leaf.left, leaf.right))
        return replace(leaf, left=left, right=right)
    return leaf


def _loose_word(word: Literal) -> Literal:
    return replace(word, mode="sub") if word.mode in {"", "word"} else word
