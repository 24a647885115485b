"""The reader of one live camera: a process of its own. Nothing here imports numpy: that would triple its start."""
