"""`python -m pipeline.cli`, as `posebus`."""

from pipeline.cli.main import main

main()
