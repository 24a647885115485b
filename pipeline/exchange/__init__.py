"""Poses to files that other programs read, and poses of other programs as records; no database, no clock."""
