"""Buses: topics with partitions, offsets and consumer groups, behind the ports of `pipeline.core.ports`."""
