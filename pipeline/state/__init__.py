"""Where the snapshots of stages rest between checkpoints."""
