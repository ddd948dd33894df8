"""Budgets that cannot be overspent, and whose history cannot be quietly rewritten."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
from sqlalchemy import select

from assay.errors import BudgetSpent, LedgerError, StoreError
from assay.store import chain
from assay.store.balance import Balance, balance_of, find_open, is_dead, is_put_by, open_reservations
from assay.store.holder import me
from assay.store.schema import ledger, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from assay.store.chain import Entry
    from assay.store.database import Store

Kind = Literal["alpha", "answers", "labels", "pages", "promotion", "testset", "waiver"]

TOLERANCE = 1e-12
"""Slack of a limit for sums of decimal fractions: 0.01 five times is within 0.05."""

# What an entry names that may have to stay with the clone that wrote it.
_KEPT = ("opening", "predictions")
# Kept with a reservation alone: who holds it, and what went to other clones with it.
_OF_RESERVATIONS = ("holder", "artifacts")

_WORDS: dict[str, tuple[str, str]] = {
    "alpha": ("error probability", "judge fresh data, whose budget is whole"),
    "answers": ("answers", "judge on fresh data, which nobody has seen answers of"),
    "labels": ("labels", "raise [budget] labels in the project file"),
    "pages": ("false pages", "wait for the next period, or declare more of them"),
    "promotion": ("promotions", "raise their limit"),
    "testset": ("test sets", "raise their limit"),
}


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a budget that is held for one evaluation.

    Parameters
    ----------
    id : str
    kind, key : str
        What is spent, and the fingerprint that it is spent on.
    amount : float
        The most that can be settled.
    check : str
    expires : int
        End of the lease, in milliseconds since 1970 in UTC.
    """

    id: str
    kind: Kind
    key: str
    amount: float
    check: str
    expires: int


class Ledger:
    """Append-only, hash-chained record of what was spent, on which content.

    **Protocol.** ``reserve`` before the data are looked at; evaluate; then ``settle`` in the transaction that stores
    the verdict, or ``release`` when nothing was seen. What is settled, held and asked for together never exceeds the
    limit, however many processes ask at once: each reservation is decided alone, under the store's write lock, and where
    the ledger is shared by git, on what all clones have pushed.

    **It fails closed.** A reservation whose process died counts as spent, for the process may have seen the answer. On
    the same machine that is known at once, and a process that lives keeps what it holds however long it takes; from
    another machine, once its lease is over. It comes back only if somebody releases it, or if the same question is
    asked again (same check and same ``cache_key``): equal inputs give an equal verdict, so that the second asking
    learns nothing more.
    What was put by for later (``put_by`` in its detail) was never looked at: the question that it waits for takes it
    over, and when its lease is over it comes back.

    **What the chain shows.** Each entry's hash covers its content, its number and the hash of the entry before, and a
    row apart holds the number and hash of the newest. So :meth:`verify` finds an entry that was changed, deleted,
    inserted or moved, and a tail that was cut off. It cannot see a history that was rewritten in full with every
    hash made anew, nor a whole database put back from an older copy: who can write the file can do both. Against
    these, note :meth:`head` somewhere else (a commit, a report, a ticket) and compare.

    Parameters
    ----------
    store : Store

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> from assay.store import Store
    >>> with TemporaryDirectory() as folder, Store.open(root=Path(folder)) as store:
    ...     ledger = Ledger(store)
    ...     held = ledger.reserve("answers", "f00d", 1, limit=1, check="better")
    ...     with store.transaction() as connection:
    ...         entry = ledger.settle(connection, held, 1, verdict_id="0123456789ab")
    ...     ledger.spent("answers", "f00d"), ledger.verify()
    (1.0, 2)
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(
        self,
        kind: Kind,
        key: str,
        amount: float,
        *,
        limit: float,
        check: str,
        detail: Mapping[str, Any] | None = None,
        lease_seconds: float = 600,
        cache_key: str | None = None,
    ) -> Reservation:
        """Hold part of a budget.

        Parameters
        ----------
        kind : {"alpha", "answers", "labels", "pages", "promotion", "testset", "waiver"}
        key : str
            Fingerprint of the content that is spent on, never the name of a file.
        amount : float >= 0
        limit : float >= 0
            What may be spent on this key in all.
        check : str
            Id of the check that asks.
        detail : dict, optional
            Kept with the entries of the reservation and of its settlement, beside the limit; ``artifacts`` with the
            former alone.
        lease_seconds : float > 0
            How long the evaluation may take where nobody can see whether its process lives (another machine, a system
            without ``/proc``); after that a reservation left open counts as spent.
        cache_key : str, optional
            Digest of all inputs of the evaluation. A reservation left open for the same one is taken over when its
            process has died.

        Raises
        ------
        BudgetSpent
            If it does not fit; nothing is held then.
        LedgerError
            If the amount, the limit or the key cannot be.
        """
        return self._store.write(
            lambda connection: self.reserve_in(
                connection,
                kind,
                key,
                amount,
                limit=limit,
                check=check,
                detail=detail,
                lease_seconds=lease_seconds,
                cache_key=cache_key,
            )
        )

    def reserve_in(
        self,
        connection: Connection,
        kind: Kind,
        key: str,
        amount: float,
        *,
        limit: float,
        check: str,
        detail: Mapping[str, Any] | None = None,
        lease_seconds: float = 600,
        cache_key: str | None = None,
    ) -> Reservation:
        """Hold part of a budget as :meth:`reserve` does, inside of :meth:`Store.write`: all of several, or none."""
        _require(kind, key, amount)
        if not (math.isfinite(limit) and limit >= 0 and lease_seconds > 0):
            raise LedgerError(
                f"ledger: limit {limit} and lease {lease_seconds} s: a limit is at least 0, a lease above 0"
            )
        time = now()
        opened = open_reservations(connection, kind, key)
        for left in opened if cache_key else ():
            same = left.check_id == check and left.detail.get("cache_key") == cache_key
            if same and (is_dead(left, time) or is_put_by(left)):
                _close(connection, left, time, {"reason": "the same question is asked again"})
        balance = balance_of(connection, kind, key, time)
        if math.fsum((balance.spent, balance.held, amount)) > limit + TOLERANCE:
            about = (detail or {}).get("about") or key[:12]
            raise _overspent(kind, about, amount, limit, check, balance)
        reservation = Reservation(
            id=secrets.token_hex(16),
            kind=kind,
            key=key,
            amount=float(amount),
            check=check,
            expires=time + round(lease_seconds * 1000),
        )
        chain.add(
            connection,
            created=time,
            kind=kind,
            key=key,
            amount=amount,
            state="reserve",
            check=check,
            reservation=reservation.id,
            expires=reservation.expires,
            detail={
                **(detail or {}),
                "limit": limit,
                "holder": me(),
                **({"cache_key": cache_key} if cache_key else {}),
            },
        )
        return reservation

    def settle(
        self,
        connection: Connection,
        reservation: Reservation,
        amount: float,
        verdict_id: str | None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Spend what was held, in the transaction that stores the verdict; what is left over comes back.

        Returns
        -------
        int
            Number of the entry.

        Raises
        ------
        LedgerError
            If the reservation is unknown or no longer open, or holds less.
        """
        _require(reservation.kind, reservation.key, amount)
        held = find_open(connection, reservation.id)
        if amount > held.amount + TOLERANCE:
            raise LedgerError(
                f"ledger: {held.check_id} settles {amount:g} {held.kind}, reserved {held.amount:g}: reserve it all"
            )
        return chain.add(
            connection,
            created=now(),
            kind=held.kind,
            key=held.key,
            amount=amount,
            state="settle",
            check=held.check_id,
            reservation=held.reservation,
            verdict_id=verdict_id,
            detail={key: value for key, value in held.detail.items() if key not in _OF_RESERVATIONS}
            | dict(detail or {}),
        )

    def release(self, reservation: Reservation | str, reason: str) -> None:
        """Give back what was held: only when nothing of the data was seen.

        Parameters
        ----------
        reservation : Reservation or str
            The reservation or its id.
        reason : str
            Kept with the entry.

        Raises
        ------
        LedgerError
            If the reservation is unknown, or was settled or released before.
        """
        wanted = reservation if isinstance(reservation, str) else reservation.id
        self._store.write(lambda connection: self.release_in(connection, wanted, reason))

    def release_in(self, connection: Connection, reservation: str, reason: str) -> None:
        """Give back what was held, inside a transaction."""
        _close(connection, find_open(connection, reservation), now(), {"reason": reason})

    def append(
        self,
        connection: Connection,
        kind: Kind,
        key: str,
        amount: float,
        *,
        check: str = "",
        verdict_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Record what has happened already and needs no leave: a promotion, labels that were bought elsewhere.

        Returns
        -------
        int
            Number of the entry.
        """
        return append(connection, kind, key, amount, check=check, verdict_id=verdict_id, detail=detail)

    def is_paid(self, connection: Connection, kind: Kind, key: str, once: str) -> bool:
        """Whether something that is paid for only once was settled already."""
        query = select(ledger.c.detail).where(ledger.c.kind == kind, ledger.c.key == key, ledger.c.state == "settle")
        return any(msgspec.json.decode(detail).get("once") == once for detail in connection.scalars(query))

    def refunded(self, connection: Connection, key: str, *, asked: str, of: str) -> tuple[float, float]:
        """Sum up the error probability of a key that came back, as it looks from one question.

        Parameters
        ----------
        connection : Connection
        key : str
        asked, of : str
            The question, and the model that it is asked of.

        Returns
        -------
        stayed, counted : float
            What stayed spent of askings that gave the rest back, but for those of another question about this model;
            of these, all that came back, which counts as spent here.
        """
        query = select(ledger.c.amount, ledger.c.detail).where(
            ledger.c.kind == "alpha", ledger.c.key == key, ledger.c.state == "settle"
        )
        stayed, counted = [], []
        for row in connection.execute(query):
            detail = msgspec.json.decode(row.detail)
            back = detail.get("refunded")
            if back is None:
                continue
            if detail.get("of", of) == of and detail.get("asked", asked) != asked:
                counted.append(float(back))
            else:
                stayed.append(row.amount)
        return math.fsum(stayed), math.fsum(counted)

    def balance(self, kind: Kind, key: str) -> Balance:
        """Sum what is spent and what is held by evaluations that are still running."""
        with self._store.read() as connection:
            return balance_of(connection, kind, key, now())

    def spent(self, kind: Kind, key: str) -> float:
        """Sum what is spent: settled, and left open by a process that died."""
        return self.balance(kind, key).spent

    def held(self) -> list[Entry]:
        """List the reservations that are open, oldest first, of all kinds."""
        with self._store.read() as connection:
            return open_reservations(connection)

    def totals(self, kind: Kind) -> dict[str, float]:
        """Sum what is spent of a kind on each key."""
        with self._store.read() as connection:
            keys = connection.scalars(select(ledger.c.key).where(ledger.c.kind == kind).distinct()).all()
            time = now()
            return {key: balance_of(connection, kind, key, time).spent for key in sorted(keys)}

    def entries(
        self, *, kind: Kind | None = None, key: str | None = None, limit: int | None = None, offset: int = 0
    ) -> list[Entry]:
        """List entries, oldest first; of one kind or on one key, if asked."""
        with self._store.read() as connection:
            return self.entries_in(connection, kind=kind, key=key, limit=limit, offset=offset)

    def entries_in(
        self,
        connection: Connection,
        *,
        kind: Kind | None = None,
        key: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Entry]:
        """List entries as :meth:`entries` does, inside of a transaction."""
        query = select(ledger).order_by(ledger.c.seq).limit(limit).offset(offset)
        if kind is not None:
            query = query.where(ledger.c.kind == kind)
        if key is not None:
            query = query.where(ledger.c.key == key)
        return [chain.entry(row) for row in connection.execute(query)]

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry, to be noted outside of the store."""
        with self._store.read() as connection:
            return chain.head(connection)

    def verify(self) -> int:
        """Check the whole chain and return the number of its entries.

        Raises
        ------
        LedgerError
            Naming the first entry that was changed, deleted, inserted or moved.
        """
        with self._store.read() as connection:
            return chain.verify(connection)

    def verify_artifacts(self) -> int:
        """See that what the entries name as their artifacts is there and hashes right, and return how many there are.

        With a shared ledger "there" is the remote, and this clone for what had to stay in it, else the store's folder of objects; beside a database that others
        share, what is not in this folder is in one that cannot be reached from here.

        Raises
        ------
        LedgerError
            Naming the entry whose artifact is missing, or was changed.
        """
        sent: dict[str, int] = {}
        kept: dict[str, int] = {}
        for entry in self.entries():
            for digest in entry.detail.get("artifacts", []):
                sent.setdefault(digest, entry.seq)
            for key in _KEPT:
                if entry.detail.get(key):
                    kept.setdefault(entry.detail[key], entry.seq)
        shared, artifacts = self._store.shared, self._store.artifacts
        if shared is not None:
            shared.check_artifacts(self._store, list(sent))
            kept = {digest: seq for digest, seq in kept.items() if digest not in sent and artifacts.has(digest)}
            done = len(sent)
        else:
            done = 0
            with self._store.read() as connection:
                alone = connection.dialect.name == "sqlite"
            kept = {digest: seq for digest, seq in {**kept, **sent}.items() if alone or artifacts.has(digest)}
        for digest, seq in kept.items():
            try:
                artifacts.get(digest)
            except StoreError as problem:
                raise LedgerError(f"ledger: entry {seq} names what is not as it was written: {problem}") from problem
        return done + len(kept)


def append(
    connection: Connection,
    kind: Kind,
    key: str,
    amount: float,
    *,
    check: str = "",
    verdict_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Record spending that was not reserved; see :meth:`Ledger.append`."""
    _require(kind, key, amount)
    return chain.add(
        connection,
        created=now(),
        kind=kind,
        key=key,
        amount=amount,
        state="settle",
        check=check,
        verdict_id=verdict_id,
        detail=detail,
    )


def _require(kind: str, key: str, amount: float) -> None:
    if kind not in get_args(Kind):
        raise LedgerError(f"ledger: no kind {kind!r}: one of {', '.join(get_args(Kind))}")
    if not key:
        raise LedgerError(f"ledger: an entry of {kind} needs the fingerprint of what it was spent on")
    if not (math.isfinite(amount) and amount >= 0):
        raise LedgerError(f"ledger: an amount of {amount} {kind} cannot be: it is finite and at least 0")


def _close(connection: Connection, held: Entry, time: int, detail: Mapping[str, Any]) -> None:
    chain.add(
        connection,
        created=time,
        kind=held.kind,
        key=held.key,
        amount=held.amount,
        state="release",
        check=held.check_id,
        reservation=held.reservation,
        detail=detail,
    )


def _overspent(kind: str, about: str, amount: float, limit: float, check: str, balance: Balance) -> BudgetSpent:
    what, way_out = _WORDS[kind]
    held = f", {balance.held:g} held by checks that are running" if balance.held else ""
    passing = math.fsum((balance.spent, amount)) <= limit + TOLERANCE
    if passing:
        way_out = "ask again when they are done; what a killed one held comes back to the same question"
    return BudgetSpent(
        f"{check}: {what} of {about}: {balance.spent:g} of {limit:g} spent{held}, {amount:g} asked for: {way_out}",
        passing=passing,
    )
