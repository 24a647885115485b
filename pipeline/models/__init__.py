"""Runtimes of neural networks, the models that they run, and where their files come from."""

from pipeline.models.load import identity, load_lighter, load_models
from pipeline.models.pull import pull
from pipeline.models.zoo import Entry, entries, find

__all__ = ["Entry", "entries", "find", "identity", "load_lighter", "load_models", "pull"]
