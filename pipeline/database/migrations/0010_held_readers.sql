-- Readers who see some cameras only. Row-level security is refused by TimescaleDB on compressed tables, so they get views
-- of their own in the schema pose_held, one for each view of pose that has a camera; posebus makes them after each
-- migration (pipeline/database/held.py).
CREATE SCHEMA pose_held;

CREATE TABLE pose_raw.camera_grants (
    login     text     NOT NULL,
    camera_no smallint NOT NULL REFERENCES pose_raw.cameras,
    PRIMARY KEY (login, camera_no)
);

-- The cameras of whoever logged in. session_user: SET ROLE does not change it.
CREATE FUNCTION pose_held.my_cameras() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(c.name), '{}')
    FROM pose_raw.camera_grants g JOIN pose_raw.cameras c USING (camera_no) WHERE g.login = session_user
$$;
COMMENT ON FUNCTION pose_held.my_cameras() IS 'The cameras that this login may see. SELECT pose_held.my_cameras();';

-- What was erased on request: how many rows, never what stood in them.
CREATE TABLE pose_raw.erasures (
    receipt_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at         timestamptz NOT NULL DEFAULT now(),
    what       text  NOT NULL,
    by_login   text  NOT NULL DEFAULT session_user,
    removed    jsonb NOT NULL
);

REVOKE ALL ON SCHEMA pose_held FROM PUBLIC;
REVOKE ALL ON FUNCTION pose_held.my_cameras() FROM PUBLIC;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_guest') THEN
        BEGIN
            CREATE ROLE posebus_guest NOLOGIN;
            GRANT posebus_guest TO CURRENT_USER;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'the role posebus_guest is not made (the owner lacks CREATEROLE): rights are not granted';
                RETURN;
        END;
    END IF;
    GRANT USAGE ON SCHEMA pose, pose_held TO posebus_guest;
    GRANT EXECUTE ON FUNCTION pose_held.my_cameras(), pose.tier(), pose.chosen_run(),
        pose.distance(float8, float8, float8, float8), pose.angle_deg(float8, float8, float8, float8, float8, float8),
        pose.speed(float8, float8, timestamptz, float8, float8, timestamptz),
        pose.resample(bigint, text, timestamptz, timestamptz, float8, float8) TO posebus_guest;
END $$;
