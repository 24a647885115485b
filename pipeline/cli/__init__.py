"""The command line: `posebus`."""

import sys


def program() -> None:
    """Run the program. Ctrl-C ends it in silence from its first moment on, while it is yet being imported."""
    try:
        from pipeline.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
