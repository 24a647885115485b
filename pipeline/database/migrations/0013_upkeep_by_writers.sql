-- A writer carries out the upkeep, and notes when.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT UPDATE (kept_at) ON pose_raw.history TO posebus_writer;
    END IF;
END $$;
