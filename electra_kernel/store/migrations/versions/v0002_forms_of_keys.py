"""A connection says whether its keys travel with certificates in EBICS 2.5, and who issued its certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("certified", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("connections", sa.Column("issuers", sa.LargeBinary))
