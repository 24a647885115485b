"""Runners: what moves records between a bus and the driver of a stage."""
