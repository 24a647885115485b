"""The embedded runner: every stage in one process on the bus in memory, committed in consistent cuts."""
