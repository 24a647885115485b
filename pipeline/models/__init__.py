"""Runtimes of neural networks, and the models that they run."""

from pipeline.models.load import check_names, identity, load_lighter, load_models
from pipeline.models.zoo import Entry, entries, find

__all__ = ["Entry", "check_names", "entries", "find", "identity", "load_lighter", "load_models"]
