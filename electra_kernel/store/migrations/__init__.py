"""Alembic's folder: how a database of an older version becomes one of this version. Each migration stands alone."""
