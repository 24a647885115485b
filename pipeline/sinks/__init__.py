"""Where records rest outside of the database."""
