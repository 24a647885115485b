"""What is promised of cameras over a broker, seconds; the tests with processes and with containers ask for the same."""

ROWS_S = 5.0
"""After cameras were added to workers that are warm, until each has rows."""

CHANGED_S = 2.0
"""After a change of the registry, until running workers act by it."""

HANDED_S = 10.0
"""After a worker stood still or died, until another one has its cameras."""

SEEN_S = 15.0
"""Until a loss is seen in the database. A stall clock and a back-off are in it, and a machine that has other work."""

FOUND_S = 15.0
"""After a camera is there again, until it is live."""

ROWS_AGAIN_S = 10.0
"""After cameras are live again, until frames that were taken since then have rows."""
