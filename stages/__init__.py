"""The seven stages, pure logic."""
