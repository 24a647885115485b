-- Room is made for twice of what came in since the last round of upkeep, or for one and a half times of what came in before
-- that one, and so on: where a long round took in what the next one would have counted, the budget was passed by two pages.
CREATE OR REPLACE FUNCTION pose_raw.keep_retention() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := pose_raw.retention_cut();
BEGIN
    UPDATE pose_raw.history
    SET grown_bytes = greatest(pose_raw.used_bytes() - kept_bytes, grown_bytes * 3 / 4)
    WHERE budget_bytes IS NOT NULL;
    IF cut IS NULL THEN RETURN '{}'; END IF;
    RETURN pose_raw.drop_raw(cut);
END $$;
