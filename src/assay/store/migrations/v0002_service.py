"""The tables of the service: tokens, requests that may be repeated, notices to the owner and sealed numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Build the tables."""
    op.create_table(
        "owner_notes",
        sa.Column("verdict_id", sa.String(length=12), nullable=False),
        sa.Column(
            "note",
            sa.LargeBinary(),
            nullable=False,
            comment="the verdict with its numbers, sealed to the judge's key",
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("verdict_id", name=op.f("pk_owner_notes")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="verdict or alarm"),
        sa.Column("target", sa.String(length=16), nullable=False, comment="hash of the owner's address"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: what it speaks of"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True, comment="NULL once it was delivered or given up"),
        sa.Column("error", sa.Text(), nullable=False, comment="of the last attempt; empty once it was delivered"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_due"), "notices", ["due"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False, comment="owner or developer"),
        sa.Column(
            "hash", sa.String(length=64), nullable=False, comment="BLAKE3-256 of the token, which is kept nowhere"
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
    )
    op.create_table(
        "gate_requests",
        sa.Column("token", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False, comment="what the client sent as Idempotency-Key"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="of what was asked"),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column(
            "expires", sa.BigInteger(), nullable=False, comment="when a request without an answer counts as dead"
        ),
        sa.Column("response", sa.Text(), nullable=True, comment="as a developer sees it; NULL while it is evaluated"),
        sa.PrimaryKeyConstraint("token", "key", name=op.f("pk_gate_requests")),
    )
