"""Named models, their versions, and the aliases that point at one of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from sqlalchemy import func, insert, select, update

from assay.core.fingerprint import canonical_json
from assay.errors import ModelError
from assay.store.aliases import AliasMove, AliasState, move_alias, read_alias, require_alias, version_of
from assay.store.edges import Edge, add_edges
from assay.store.ledger import Ledger
from assay.store.schema import aliases, model_versions, models, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from assay.store.database import Store

_NAME = re.compile(r"[\w\-. ]{1,250}")


class Package(Protocol):
    """A model saved as one file, as :func:`assay.tracking.formats.save` gives it."""

    @property
    def content(self) -> bytes:
        """The file."""

    @property
    def format(self) -> str:
        """How to read it: ``"skops"``."""

    @property
    def signature(self) -> Any:
        """Columns and types in and out."""


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a named model.

    Parameters
    ----------
    name : str
    version : int
        1, 2, 3, ...
    digest : str
        BLAKE3-256 of its file, which is ``store.artifacts.get(digest)``.
    format : str
    signature : dict
    run_id : str or None
        The run that made it.
    status : str
        ``"READY"``.
    created : int
        Milliseconds since 1970 in UTC.
    """

    name: str
    version: int
    digest: str
    format: str
    signature: dict[str, Any]
    run_id: str | None
    status: str
    created: int

    @property
    def reference(self) -> str:
        """``name/version``, which :meth:`Registry.get` reads."""
        return f"{self.name}/{self.version}"

    def __str__(self) -> str:
        return self.reference


class Registry:
    """The models of a store.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, name: str, package: Package, run_id: str | None = None) -> ModelVersion:
        """Keep a model as the next version of a name.

        Parameters
        ----------
        name : str
            Letters, digits, ``_``, ``-``, ``.`` and spaces.
        package : Package
            What :func:`assay.tracking.formats.save` gave.
        run_id : str or None
            The run that made it; the lineage then leads from the run's data to the version.

        Raises
        ------
        ModelError
            If the name cannot be one.
        """
        if not _NAME.fullmatch(name):
            raise ModelError(f"model name {name!r}: use 1 to 250 letters, digits, '_', '-', '.' and spaces")
        # The file is on the disk before the row that names it, so that no row ever names a missing file.
        digest = self._store.artifacts.put(package.content)
        signature = canonical_json(package.signature)
        with self._store.transaction() as connection:
            time = now()
            known = update(models).where(models.c.name == name).values(updated=time)
            if connection.execute(known).rowcount == 0:
                connection.execute(insert(models).values(name=name, description="", created=time, updated=time))
            newest = select(func.max(model_versions.c.version)).where(model_versions.c.name == name)
            made = ModelVersion(
                name=name,
                version=(connection.execute(newest).scalar() or 0) + 1,
                digest=digest,
                format=package.format,
                signature=msgspec.json.decode(signature),
                run_id=run_id,
                status="READY",
                created=time,
            )
            row: Mapping[str, Any] = {**msgspec.structs.asdict(made), "signature": signature.decode()}
            connection.execute(insert(model_versions).values(**row, source="", description="", updated=time))
            edges = [Edge("artifact", digest, "model_version", made.reference, "holds")]
            if run_id is not None:
                edges.append(Edge("run", run_id, "model_version", made.reference, "produced"))
            add_edges(connection, edges)
        return made

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, oldest first; none if there is no such model."""
        query = select(model_versions).where(model_versions.c.name == name).order_by(model_versions.c.version)
        with self._store.read() as connection:
            return [_version(row) for row in connection.execute(query)]

    def names(self) -> list[str]:
        """Names of all models, in the order of the alphabet."""
        with self._store.read() as connection:
            return list(connection.scalars(select(models.c.name).order_by(models.c.name)))

    def get(self, reference: str) -> ModelVersion:
        """The version that a reference means.

        Parameters
        ----------
        reference : str
            ``"flights@champion"`` (an alias), ``"flights/3"`` (a version) or ``"flights"`` (the newest).

        Raises
        ------
        ModelError
            If there is none; the message lists what there is.
        """
        name, wanted = _parse(reference)
        with self._store.read() as connection:
            version: int | None
            if isinstance(wanted, str):
                state = read_alias(connection, name, wanted)
                version = state.version if state else None
            elif wanted is None:
                newest = select(func.max(model_versions.c.version)).where(model_versions.c.name == name)
                version = connection.execute(newest).scalar()
            else:
                version = wanted
            query = select(model_versions).where(model_versions.c.name == name, model_versions.c.version == version)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise ModelError(f"no model {reference!r}: {_what_there_is(connection, name)}")
            return _version(row)

    def aliases(self, name: str) -> dict[str, int]:
        """Aliases of a model, with the version that each points at."""
        query = select(aliases.c.alias, aliases.c.version).where(aliases.c.name == name, aliases.c.version.is_not(None))
        with self._store.read() as connection:
            return {row.alias: row.version for row in connection.execute(query.order_by(aliases.c.alias))}

    def alias(self, name: str, alias: str) -> AliasState | None:
        """Where an alias points and at which revision, or ``None`` if it points nowhere."""
        with self._store.read() as connection:
            return read_alias(connection, name, alias)

    def moved(self, name: str, alias: str) -> int | None:
        """When an alias was moved last, in milliseconds since 1970; ``None`` if it never was."""
        moves = Ledger(self._store).entries(kind="promotion")
        times = [e.created for e in moves if (e.detail.get("name"), e.detail.get("alias")) == (name, alias)]
        return times[-1] if times else None

    def previous(self, name: str, alias: str) -> int | None:
        """The version that an alias pointed at before, or ``None``; a rollback takes back the move that it undid.

        The moves are read from the ledger. One whose detail has the key ``rollback`` undoes the move before it, so
        that the next rollback goes one further back.
        """
        past: list[int | None] = []
        moves = Ledger(self._store).entries(kind="promotion")
        with self._store.read() as connection:
            for entry in moves:
                detail = entry.detail
                if (detail.get("name"), detail.get("alias")) != (name, alias):
                    continue
                version = version_of(connection, entry)
                if version is None:
                    # A move of another clone, to content that was never here.
                    continue
                to = None if detail["to"] is None else version
                if "rollback" in detail and len(past) > 1 and past[-2] == to:
                    past.pop()
                else:
                    past.append(to)
        return past[-2] if len(past) > 1 else None

    def set_alias(
        self, connection: Connection, name: str, alias: str, version: int | None, expected_revision: int, reason: str
    ) -> int:
        """Point an alias at a version, if nobody has moved it since ``expected_revision``.

        This is for moves that a person orders, such as a rollback; a promotion goes through
        :func:`assay.store.record`, with its verdict. Both are entries of the ledger.

        Parameters
        ----------
        connection : Connection
            Of ``store.transaction()``.
        name, alias : str
        version : int or None
            ``None`` removes the alias.
        expected_revision : int
            The revision that :meth:`alias` gave; 0 when it gave ``None``.
        reason : str
            Why, as no verdict says it; kept in the ledger for ever.

        Returns
        -------
        int
            The new revision.

        Raises
        ------
        Conflict
            If somebody moved it meanwhile.
        ModelError
            If there is no such version, no reason, or the alias has a name that it cannot have.
        """
        if not reason.strip():
            raise ModelError(f"{name}@{alias}: an alias moves with the verdict that allows it, or with a reason")
        return move_alias(connection, AliasMove(name, alias, version, expected_revision, {"reason": reason}))


def _parse(reference: str) -> tuple[str, int | str | None]:
    name, at, alias = reference.partition("@")
    if at:
        require_alias(alias)
        return name, alias
    name, slash, version = reference.partition("/")
    if not slash:
        return name, None
    if not (version.isascii() and version.isdigit()):
        raise ModelError(f"{reference!r} is not a model: write name, name/3 or name@champion")
    return name, int(version)


def _what_there_is(connection: Connection, name: str) -> str:
    count, newest = connection.execute(
        select(func.count(), func.max(model_versions.c.version)).where(model_versions.c.name == name)
    ).one()
    if not count:
        known = list(connection.scalars(select(models.c.name).order_by(models.c.name).limit(10)))
        return f"there is {', '.join(known)}" if known else "no model is registered yet: Run.log_model() does it"
    query = select(aliases.c.alias).where(aliases.c.name == name, aliases.c.version.is_not(None))
    set_aliases = [f"@{alias}" for alias in connection.scalars(query.order_by(aliases.c.alias))]
    return f"{name} has versions 1 to {newest}" + (
        f" and {', '.join(set_aliases)}" if set_aliases else ", and no alias"
    )


def _version(row: Row[Any]) -> ModelVersion:
    values = dict(row._mapping)
    kept = {field: values[field] for field in ModelVersion.__struct_fields__}
    return ModelVersion(**{**kept, "signature": msgspec.json.decode(row.signature)})
