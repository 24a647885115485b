-- Two group roles without a login: an operator grants them to logins. The owner is whoever migrates.
--   posebus_writer   adds facts, keeps the small tables; cannot read, change or remove poses
--   posebus_reader   reads all but the program's own states
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['posebus_writer', 'posebus_reader'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXECUTE format('GRANT %I TO CURRENT_USER', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;    -- roles belong to the server: another database's migration won
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'the role % is not made (the owner lacks CREATEROLE): rights are not granted', role;
                RETURN;
        END;
    END LOOP;

    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pose, pose_raw FROM PUBLIC;
    GRANT USAGE ON SCHEMA pose TO posebus_writer, posebus_reader;
    GRANT USAGE ON SCHEMA pose_raw TO posebus_writer, posebus_reader;
    GRANT EXECUTE ON FUNCTION pose.tier(), pose.chosen_run() TO posebus_writer, posebus_reader;
    GRANT SELECT ON pose_raw.migrations, pose_raw.cameras, pose_raw.skeletons, pose_raw.keypoints, pose_raw.angles,
                    pose_raw.measure_names, pose_raw.postures TO posebus_writer, posebus_reader;

    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO posebus_writer', current_database());
    GRANT INSERT ON pose_raw.poses, pose_raw.measures, pose_raw.frame_outcomes, pose_raw.events, pose_raw.incident_steps,
                    pose_raw.dead_letters TO posebus_writer;
    GRANT SELECT ON pose_raw.poses_shape, pose_raw.measures_shape, pose_raw.frame_outcomes_shape TO posebus_writer;
    GRANT SELECT, INSERT, UPDATE ON pose_raw.tracks, pose_raw.incidents, pose_raw.stream_offsets, pose_raw.sources,
                                    pose_raw.cuts TO posebus_writer;
    GRANT SELECT, INSERT, UPDATE, DELETE ON pose_raw.cut_snapshots TO posebus_writer;
    GRANT EXECUTE ON FUNCTION pose_raw.ensure_days(date[]), pose_raw.camera_number(text) TO posebus_writer;

    -- The views run with the rights of their owner; the tables of facts are open too, for arrays and joins of one's own.
    GRANT SELECT ON ALL TABLES IN SCHEMA pose TO posebus_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA pose GRANT SELECT ON TABLES TO posebus_reader;
    GRANT SELECT ON pose_raw.poses, pose_raw.measures, pose_raw.frame_outcomes, pose_raw.events, pose_raw.tracks, pose_raw.incidents,
                    pose_raw.incident_steps TO posebus_reader;
END $$;
