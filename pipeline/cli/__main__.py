"""`python -m pipeline.cli`, as `posebus`."""

from pipeline.cli import program

program()
