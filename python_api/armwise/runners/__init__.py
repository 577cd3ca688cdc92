"""Whole jobs, built from the storeys below; they return dataclasses and print nothing."""

from __future__ import annotations
