"""The words behind the numbers in the facts, kept in the database as pipeline.core has them."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from pipeline.core import vocabulary
from pipeline.core.errors import DatabaseError
from pipeline.core.skeletons import SKELETONS
from pipeline.database.connect import Connection

Row = tuple[int | str, ...]


def synchronise(connection: Connection, where: str) -> None:
    """Add the words that the database lacks, and give the view `measures` a column for each measure.

    Words that a newer posebus added are left alone. Nothing is written when nothing is new.

    Raises:
        DatabaseError: A number stands for another word there.
    """
    with connection.transaction():
        news = [
            _add(connection, where, table, columns, keys, rows)
            for table, columns, keys, rows in (
                ("skeletons", ("skeleton_no", "name"), 1, [(s.number, s.name) for s in SKELETONS.values()]),
                (
                    "keypoints",
                    ("skeleton_no", "idx", "name"),
                    2,
                    [(s.number, i, name) for s in SKELETONS.values() for i, name in enumerate(s.keypoints, 1)],
                ),
                ("angles", ("idx", "name"), 1, [(i, angle.name) for i, angle in enumerate(vocabulary.ANGLES, 1)]),
                ("measure_names", ("idx", "name", "unit", "meaning"), 1, _measures()),
                ("postures", ("posture_no", "name"), 1, list(enumerate(vocabulary.POSTURES))),
            )
        ]
        _build_measures_view(connection)
        if any(news):
            # A few rows that the planner must know: without statistics it may hash the facts instead.
            connection.execute(
                "ANALYZE pose_raw.skeletons, pose_raw.keypoints, pose_raw.angles,"
                " pose_raw.measure_names, pose_raw.postures"
            )


def _measures() -> list[Row]:
    return [(i, measure.name, measure.unit, measure.meaning) for i, measure in enumerate(vocabulary.MEASURES, 1)]


def _add(
    connection: Connection, where: str, table: str, columns: tuple[str, ...], keys: int, rows: Sequence[Row]
) -> bool:
    """Add rows whose key (the first `keys` columns) is missing; the column after the key is the word."""
    named = sql.Identifier("pose_raw", table)
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    stored = {
        row[:keys]: row[keys]
        for row in connection.execute(sql.SQL("SELECT {} FROM {}").format(listed, named)).fetchall()
    }
    for row in rows:
        if row[:keys] in stored and stored[row[:keys]] != row[keys]:
            raise DatabaseError(
                f"{where}: in {table}, {row[:keys]} is {stored[row[:keys]]!r}; in this posebus it is {row[keys]!r}",
                hint="names are only ever appended: use the posebus that filled this database, or another database",
            )
    missing = [row for row in rows if row[:keys] not in stored]
    if missing:
        places = sql.SQL(", ").join(sql.Placeholder() * len(columns))
        connection.cursor().executemany(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(named, listed, places), missing
        )
    return bool(missing)


def _build_measures_view(connection: Connection) -> None:
    """(Re)make pose.measures where a measure has no column yet. Columns are only ever added at its end."""
    names = [
        str(row[0]) for row in connection.execute("SELECT name FROM pose_raw.measure_names ORDER BY idx").fetchall()
    ]
    columns = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('pose.measures') AND attnum > 0 ORDER BY attnum"
    ).fetchall()
    if [row[0] for row in columns][5:] == names:
        return
    scalars = sql.SQL("").join(
        sql.SQL(", nullif(m.scalars[{}], 'NaN') AS {}").format(sql.Literal(i), sql.Identifier(name))
        for i, name in enumerate(names, 1)
    )
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW pose.measures AS"
            " SELECT m.ts, c.name AS camera, m.track_id, m.frame_no, p.name AS posture{}"
            " FROM pose_raw.measures m"
            " LEFT JOIN pose_raw.cameras c ON c.camera_no = m.camera_no"
            " LEFT JOIN pose_raw.postures p ON p.posture_no = m.posture_no"
            " WHERE m.run = pose.chosen_run()"
        ).format(scalars)
    )
    meanings = connection.execute("SELECT name, unit, meaning FROM pose_raw.measure_names ORDER BY idx").fetchall()
    comment = (
        "One row a person and frame: posture and what was measured; NULL = unknown.\n"
        + "".join(f"{name}: {meaning} ({unit}).\n" for name, unit, meaning in meanings)
        + "Example: SELECT posture, count(*) FROM measures WHERE camera = 'ward' GROUP BY posture;"
    )
    connection.execute(sql.SQL("COMMENT ON VIEW pose.measures IS {}").format(sql.Literal(comment)))
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = 'posebus_reader'").fetchone()
    if found is not None:
        connection.execute("GRANT SELECT ON pose.measures TO posebus_reader")
