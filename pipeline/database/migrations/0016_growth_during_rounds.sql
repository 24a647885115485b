-- What came in while a round of upkeep went on was noted nowhere: where rounds are long it is most of all, and the room that
-- was left was too small for it. The budget was passed by two pages. 0015 looked for the reason elsewhere and undid what 0014
-- made of retention: one unit a call, and growth noted once a round.
-- began_bytes: What was used when the round began; NULL once its growth is noted.
ALTER TABLE pose_raw.history ADD COLUMN began_bytes bigint;

CREATE OR REPLACE FUNCTION pose_raw.begin_round() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE pose_raw.history h SET grown_bytes = u.bytes - h.kept_bytes, began_bytes = u.bytes
    FROM pose_raw.used_bytes() AS u (bytes) WHERE h.budget_bytes IS NOT NULL
$$;

CREATE FUNCTION pose_raw.note_growth() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE pose_raw.history
    SET grown_bytes = coalesce(grown_bytes, 0) + greatest(pose_raw.used_bytes() - began_bytes, 0), began_bytes = NULL
    WHERE began_bytes IS NOT NULL
$$;
COMMENT ON FUNCTION pose_raw.note_growth() IS
    'Before the budget is kept: adds what came in since the round began, as far as no less is used than then.';

CREATE OR REPLACE FUNCTION pose_raw.keep_retention() RETURNS text[]
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pose_raw.drop_raw(pose_raw.retention_cut())
$$;

REVOKE ALL ON FUNCTION pose_raw.note_growth() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.note_growth() TO posebus_writer;
    END IF;
END $$;
