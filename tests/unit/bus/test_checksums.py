from __future__ import annotations

import kafka.record.util


def test_checksums_of_batches_are_taken_by_compiled_code() -> None:
    """In Python that of a picture takes longer than finding the people in it."""
    assert kafka.record.util.crc32c_c is not None
    assert kafka.record.util.calc_crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C (RFC 3720, B.4)
