"""The command line: `posebus`."""

from pipeline.cli.main import app, main

__all__ = ["app", "main"]
