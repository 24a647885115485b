-- Who reads a partition of a topic now. A sink that lost its partition and does not know yet still holds the old epoch,
-- and is refused in its transaction.
ALTER TABLE pose_raw.stream_offsets ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
