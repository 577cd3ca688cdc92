"""Who gets which variant: hashing, the range table, namespaces, sticky assignments, other systems' dialects."""

from __future__ import annotations

from armwise.experiments.allocation._keys import Key
from armwise.experiments.allocation._weights import Share, Variants
from armwise.experiments.allocation.allocator import Allocator
from armwise.experiments.allocation.dialects import DIALECTS, bucket
from armwise.experiments.allocation.namespaces import Namespace
from armwise.experiments.allocation.sticky import AssignmentStore, MemoryAssignments, StickyAllocator

__all__ = [
    "DIALECTS",
    "Allocator",
    "AssignmentStore",
    "Key",
    "MemoryAssignments",
    "Namespace",
    "Share",
    "StickyAllocator",
    "Variants",
    "bucket",
]
