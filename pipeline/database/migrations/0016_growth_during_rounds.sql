-- What came in while a round of upkeep went on was noted nowhere: where rounds are long it is most of all, and the room that
-- was left was too small for it. The budget was passed by two pages. 0015 looked for the reason elsewhere and undid what 0014
-- made of retention: one unit a call, and growth noted once a round.
-- seen_bytes: What was used when growth was last noted in the round that goes on; NULL between rounds.
ALTER TABLE pose_raw.history ADD COLUMN seen_bytes bigint;

CREATE OR REPLACE FUNCTION pose_raw.begin_round() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    used bigint;
BEGIN
    IF EXISTS (SELECT FROM pose_raw.history WHERE budget_bytes IS NOT NULL) THEN
        used := pose_raw.used_bytes();
        UPDATE pose_raw.history SET grown_bytes = used - kept_bytes, seen_bytes = used;
    END IF;
END $$;

CREATE FUNCTION pose_raw.note_growth() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    used bigint;
BEGIN
    IF EXISTS (SELECT FROM pose_raw.history WHERE budget_bytes IS NOT NULL AND seen_bytes IS NOT NULL) THEN
        used := pose_raw.used_bytes();
        UPDATE pose_raw.history
        SET grown_bytes = coalesce(grown_bytes, 0) + greatest(used - seen_bytes, 0), seen_bytes = used;
    END IF;
END $$;
COMMENT ON FUNCTION pose_raw.note_growth() IS
    'Between the steps of a round of upkeep: adds what came in during the last one, as far as it freed no more.';

CREATE OR REPLACE FUNCTION pose_raw.keep_budget() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone text[] := pose_raw.drop_raw(pose_raw.budget_cut());
BEGIN
    IF gone = '{}' THEN
        UPDATE pose_raw.history SET kept_bytes = pose_raw.used_bytes(), seen_bytes = NULL WHERE budget_bytes IS NOT NULL;
    END IF;
    RETURN gone;
END $$;

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
