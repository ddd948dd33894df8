"""The tables of the store.

Times are integers: milliseconds since 1970 in UTC. A float that may be infinite or not a number is kept twice: its 64
bits, which are the value, and a plain column to compare and sort by, where NULL stands for not-a-number (SQLite has
no NaN, and PostgreSQL holds NaN equal to itself).
"""

from __future__ import annotations

import math
import struct
import time

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0002"
"""Newest migration: a store stamped with it is opened without loading Alembic."""

VERSION_TABLE = "assay_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column declared INTEGER.
_serial = BigInteger().with_variant(Integer, "sqlite")

experiments = Table(
    "experiments",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("name", String(500), nullable=False, unique=True),
    Column("artifact_location", Text),
    Column("lifecycle", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("experiment_id", _serial, ForeignKey("experiments.id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("status", String(16), nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("user_name", String(250), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("error", Text),
    Column("git_commit", String(64)),
    Column("git_dirty", Boolean),
    Column("environment", Text, nullable=False),
    Index(None, "experiment_id", "started"),
)

params = Table(
    "params",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("bits", BigInteger, primary_key=True),
    Column("value", Float(53)),
    sqlite_with_rowid=False,
)

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("bits", BigInteger, nullable=False),
    Column("value", Float(53)),
    Index(None, "key", "value"),
)

tags = Table(
    "tags",
    metadata,
    Column("kind", String(16), primary_key=True, comment="experiment, run, model or version"),
    Column("subject", String(300), primary_key=True, comment="id, name, or name/version"),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("path", String(1000), primary_key=True),
    Column("blake3", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Index(None, "blake3"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", String(500), primary_key=True),
    Column("fingerprint", String(64), primary_key=True, comment="of the content: this is the version"),
    Column("role", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("rows", BigInteger),
    Column("schema", Text),
    Column("created", BigInteger, nullable=False),
    Index(None, "fingerprint"),
)

run_inputs = Table(
    "run_inputs",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("context", String(250), primary_key=True, comment="what the run used it for"),
    ForeignKeyConstraint(["name", "fingerprint"], ["datasets.name", "datasets.fingerprint"]),
)

models = Table(
    "models",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False, comment="artifact that holds the model"),
    Column("format", String(64), nullable=False),
    Column("signature", Text, nullable=False),
    Column("run_id", ForeignKey("runs.id")),
    Column("source", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index(None, "digest"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("name", ForeignKey("models.name"), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version", Integer, comment="NULL once removed: the revision lives on, so that it never repeats"),
    Column("revision", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
    ForeignKeyConstraint(["name", "version"], ["model_versions.name", "model_versions.version"]),
)

lineage = Table(
    "lineage",
    metadata,
    Column("source_kind", String(16), primary_key=True),
    Column("source_id", String(300), primary_key=True),
    Column("target_kind", String(16), primary_key=True),
    Column("target_id", String(300), primary_key=True),
    Column("relation", String(32), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Index(None, "target_kind", "target_id"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("seq", _serial, primary_key=True, autoincrement=True),
    Column("id", String(12), nullable=False, comment="of the content: recorded twice, it is there twice"),
    Column("recording", String(32), nullable=False, comment="verdicts of one transaction share it"),
    Column("cache_key", String(200)),
    Column("check_id", String(250), nullable=False),
    Column("code", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("model", String(300), nullable=False, comment="name/version, or empty"),
    Column("datasets", Text, nullable=False, comment="JSON: name to fingerprint"),
    Column("run_id", String(32)),
    Column("created", BigInteger, nullable=False),
    Column("body", Text, nullable=False, comment="the verdict, with its evidence, as JSON"),
    Index(None, "id"),
    Index(None, "cache_key"),
    Index(None, "check_id", "subject", "seq"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("created", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(300), nullable=False, comment="fingerprint of the content that the entry is about"),
    Column("amount", Float(53), nullable=False),
    Column("state", String(16), nullable=False, comment="reserve, settle or release"),
    Column("reservation", String(32)),
    Column("expires", BigInteger),
    Column("check_id", String(250), nullable=False),
    Column("verdict_id", String(12)),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("reservation", "state"),
    Index(None, "kind", "key"),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

owner_notes = Table(
    "owner_notes",
    metadata,
    Column("verdict_id", String(12), primary_key=True),
    Column("note", LargeBinary, nullable=False, comment="the verdict with its numbers, sealed to the judge's key"),
    Column("created", BigInteger, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False, comment="verdict or alarm"),
    Column("target", String(16), nullable=False, comment="hash of the owner's address"),
    Column("body", Text, nullable=False, comment="JSON: what it speaks of"),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, comment="NULL once it was delivered or given up"),
    Column("error", Text, nullable=False, comment="of the last attempt; empty once it was delivered"),
    Index(None, "due"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("role", String(16), nullable=False, comment="owner or developer"),
    Column("hash", String(64), nullable=False, comment="BLAKE3-256 of the token, which is kept nowhere"),
    Column("created", BigInteger, nullable=False),
)

gate_requests = Table(
    "gate_requests",
    metadata,
    Column("token", String(250), primary_key=True),
    Column("key", String(250), primary_key=True, comment="what the client sent as Idempotency-Key"),
    Column("digest", String(64), nullable=False, comment="of what was asked"),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False, comment="when a request without an answer counts as dead"),
    Column("response", Text, comment="as a developer sees it; NULL while it is evaluated"),
)


def now() -> int:
    """Milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


def float_bits(value: float) -> int:
    """The 64 bits of a float, as a signed integer; every not-a-number gives the same bits.

    Examples
    --------
    >>> float_bits(1.0)
    4607182418800017408
    >>> bits_float(float_bits(-0.1))
    -0.1
    """
    return int(struct.unpack("<q", struct.pack("<d", math.nan if math.isnan(value) else value))[0])


def bits_float(bits: int) -> float:
    """The float of these 64 bits."""
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
