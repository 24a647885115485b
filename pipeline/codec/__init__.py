"""Avro: records and states of stages to bytes and back."""
