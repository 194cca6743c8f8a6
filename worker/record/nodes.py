"""Names of worker nodes: two may have the same one (cloned machines, two terminals), and differ all the same.

The record knows a node as ``<name>#<instance>``, where the instance is random, of each start. Who reads it sees
the name alone, unless several nodes in sight have that name.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Collection

_NODE = re.compile(r"(?s)(.*)#[0-9a-f]{8}")


def new_instance() -> str:
    """Return what tells a node that starts from all others."""
    return uuid.uuid4().hex[:8]


def node_id(name: str, instance: str) -> str:
    """Return how the record knows a node; one of an older version has no instance."""
    return f"{name}#{instance}" if instance else name


def display_names(nodes: Collection[str]) -> dict[str, str]:
    """Return for each node what it is called among these: its name, or, where others have that, all of it."""
    names = {node: _name(node) for node in nodes}
    times = Counter(names.values())
    return {node: name if times[name] == 1 else node for node, name in names.items()}


def _name(node: str) -> str:
    match = _NODE.fullmatch(node)
    return match[1] if match else node
