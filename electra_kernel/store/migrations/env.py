"""What Alembic runs: it works on the connection that the store hands it, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from electra_kernel.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
