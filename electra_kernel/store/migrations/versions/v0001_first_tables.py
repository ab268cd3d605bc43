"""The first tables, and the guards that keep the journal append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_START = "0" * 64


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": _START}])
    op.create_table(
        "archive",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_table(
        "connections",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("ca_file", sa.Text),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("signature_version", sa.Text, nullable=False),
        sa.Column("signature_certificate", sa.LargeBinary),
        sa.Column("authentication_certificate", sa.LargeBinary),
        sa.Column("encryption_certificate", sa.LargeBinary),
        sa.Column("bank_authentication", sa.LargeBinary),
        sa.Column("bank_encryption", sa.LargeBinary),
        sa.Column("created", sa.String(32), nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("year", sa.Integer, nullable=False, index=True),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        sa.Column("document", sa.String(64), sa.ForeignKey("archive.sha256"), nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("connection", sa.Text, sa.ForeignKey("connections.name")),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_name", sa.Text, nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
    )
    _guard_journal()


def _guard_journal() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER journal_refuses_{verb.lower()} BEFORE {verb} ON journal "
                f"BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END"
            )
        op.execute(
            "CREATE TRIGGER journal_head_refuses_delete BEFORE DELETE ON journal_head "
            "BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END"
        )
