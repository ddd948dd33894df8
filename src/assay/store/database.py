"""One database for runs, models, verdicts and the ledger: SQLite in the project's folder, or PostgreSQL by URL."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from assay.errors import Conflict, MissingExtra, StoreError
from assay.store.chain import head
from assay.store.schema import REVISION, VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sqlalchemy import Connection

    from assay.store.artifacts import Artifacts
    from assay.store.git_ref import GitLedger

T = TypeVar("T")

FOLDER = ".assay"
BUSY_MILLISECONDS = 30_000
# The first eight bytes of BLAKE3("assay store writer"), as a signed integer: the name of PostgreSQL's advisory lock.
WRITER_LOCK = 43801889234306805


class Store:
    """A database and its artifacts.

    Open one with :meth:`open`. Connections come from :meth:`read`, :meth:`write`, :meth:`transaction` and
    :meth:`append`; SQL errors leave them as :class:`~assay.errors.StoreError`, and a broken uniqueness or reference as
    :class:`~assay.errors.Conflict`.

    Attributes
    ----------
    root : Path
        Folder of the project.
    url : str
        SQLAlchemy URL, with its password when it has one.
    shared : GitLedger or None
        The ledger that all clones of a repository have in common.
    """

    def __init__(self, engine: Engine, root: Path, shared: GitLedger | None = None) -> None:
        self.root = root
        self.shared = shared
        self.url = engine.url.render_as_string(hide_password=False)
        self._engine = engine
        self._where = str(engine.url.database) if _is_sqlite(engine) else repr(engine.url)

    @classmethod
    def open(cls, url: str | None = None, *, root: Path, create: bool = True, ledger: str = "") -> Store:
        """Open the store, make it where there is none, and bring an older one up to date.

        Parameters
        ----------
        url : str or None
            SQLAlchemy URL of SQLite or PostgreSQL; a relative SQLite path starts at ``root``. ``None`` is
            ``root/.assay/store.db``.
        root : Path
            Folder of the project; artifacts are under ``root/.assay/objects``.
        create : bool
            Whether to make a store where there is none.
        ledger : str
            Name or URL of the git remote that has the ledger; empty for a ledger that is in this store alone.

        Raises
        ------
        StoreError
            If there is none and ``create`` is false, or it cannot be opened, is corrupt, is the database of another
            program, or was written by a newer assay. Nothing is written then.
        MissingExtra
            If PostgreSQL's driver is not installed.

        Notes
        -----
        SQLite runs in WAL mode, so that readers never wait. A transaction is flushed to the disk before it returns
        (``synchronous=FULL``): with ``NORMAL`` a power cut could take back a spend whose answer somebody has already
        seen. Only :meth:`append` uses ``NORMAL``.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, Store.open(root=Path(folder)) as store:
        ...     store.url.endswith("store.db")
        True
        """
        root = Path(root).absolute()
        address = _address(url, root)
        if address.get_backend_name() == "sqlite":
            _prepare_file(Path(str(address.database)), create)
        shared = None
        if ledger:
            from assay.store.git_ref import GitLedger

            shared = GitLedger(root, ledger)
        store = cls(_engine(address), root, shared)
        try:
            store._check_version(create)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the store, whatever others write meanwhile."""
        options: dict[str, Any] = {} if _is_sqlite(self._engine) else {"isolation_level": "REPEATABLE READ"}
        with self._translated(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do work that may add to the ledger, in one :meth:`transaction`, and return what it returns.

        Where the ledger is shared, what others wrote is taken in first, and the new entries are shared before the
        commit. The work is done again when another clone was first, so it must not change anything but the store.

        Raises
        ------
        StoreError
            If the shared ledger cannot be reached or written; nothing is written then.
        """
        if self.shared is not None:
            return self.shared.write(self, work)
        with self.transaction() as connection:
            return work(connection)

    def sync(self) -> None:
        """Take in what other clones wrote to the shared ledger; without one there is nothing to do."""
        if self.shared is not None:
            self.shared.sync(self)

    @contextmanager
    def transaction(self, *, shared: bool = False) -> Iterator[Connection]:
        """Give a connection that is the only writer; commits at the end, takes all back on an exception.

        What is read inside cannot change before the commit. Do not open a second one inside: it would wait for the
        first. Where the ledger is shared, entries are added in :meth:`write`, which shares them, and nowhere else.
        """
        with self._writer("FULL") as connection:
            if not _is_sqlite(self._engine):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
            if self.shared is None or shared:
                yield connection
                return
            before = head(connection)
            yield connection
            if head(connection) != before:
                raise StoreError(f"the ledger is on {self.shared.name}: add to it with Store.write, which shares it")

    @contextmanager
    def append(self) -> Iterator[Connection]:
        """Give a connection for rows that only their own run writes: parameters, metrics, tags.

        On PostgreSQL it does not wait for other writers. On SQLite it skips the flush: a power cut can lose the newest
        rows, but never tears one; a killed process loses nothing.
        """
        with self._writer("NORMAL") as connection:
            yield connection

    @cached_property
    def artifacts(self) -> Artifacts:
        """Files by the hash of their content."""
        from assay.store.artifacts import Artifacts

        return Artifacts(self.root / FOLDER)

    def content(self, digest: str) -> bytes:
        """Read an artifact; one that an entry of the shared ledger lists is fetched if it is not here.

        Raises
        ------
        StoreError
            If it is not there, was changed, or cannot be reached.
        """
        if self.shared is not None and not self.artifacts.has(digest):
            self.artifacts.put(self.shared.artifact(digest))
        return self.artifacts.get(digest)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self._where!r})"

    @contextmanager
    def _writer(self, synchronous: str) -> Iterator[Connection]:
        options = {"assay_begin": "IMMEDIATE", "assay_synchronous": synchronous}
        with (
            self._translated(),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as problem:
            raise Conflict(f"{self._where}: {_first_line(problem)}: read it again and retry") from problem
        except DBAPIError as problem:
            raise StoreError(f"{self._where}: {_first_line(problem)}{_way_out(problem)}") from problem

    def _check_version(self, create: bool) -> None:
        with self._translated(), self._engine.connect() as connection:
            tables = inspect(connection)
            found = None
            if tables.has_table(VERSION_TABLE):
                found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
            elif not create:
                raise StoreError(f"{self._where}: there is no assay store here yet: run a check or `assay init` first")
        if found == REVISION:
            return
        # Alembic takes a third of a second to load, and is needed once in the life of a store.
        from assay.store.migrate import migrate

        with self._translated():
            migrate(self._engine, self._where)


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _address(url: str | None, root: Path) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(root / FOLDER / "store.db"))
    try:
        address = make_url(url)
    except ArgumentError:
        raise StoreError(
            f"the store's URL {url!r} cannot be read: write sqlite:///path or postgresql://host/name"
        ) from None
    backend = address.get_backend_name()
    if backend == "postgresql":
        return address
    if backend != "sqlite":
        raise StoreError(f"a store on {backend} is not supported: use SQLite or PostgreSQL")
    if not address.database or address.database == ":memory:":
        raise StoreError("a store in memory would forget what was spent: write sqlite:///path")
    return address.set(database=str(root / address.database))


def _prepare_file(path: Path, create: bool) -> None:
    if not create and not path.is_file():
        raise StoreError(f"{path}: there is no assay store here yet: run a check or `assay init` first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == FOLDER and not (ignore := path.parent / ".gitignore").exists():
            ignore.write_text("*\n")
    except OSError as problem:
        raise StoreError(
            f"{path.parent}: {problem.strerror or problem}: assay keeps its records there, so make the folder writable"
        ) from problem


def _engine(address: URL) -> Engine:
    options: dict[str, Any] = {}
    if address.get_backend_name() == "postgresql":
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}}
    try:
        engine = create_engine(address, **options)
    except ModuleNotFoundError as problem:
        raise MissingExtra(str(problem.name), "postgres", "a store on PostgreSQL") from problem
    except ArgumentError as problem:
        raise StoreError(f"the store's URL {address!r} cannot be used: {problem}") from problem
    if _is_sqlite(engine):
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, record: object) -> None:
    # The driver must not begin or commit by itself: assay says when, and which kind.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys=ON")


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if synchronous := options.get("assay_synchronous"):
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
    connection.exec_driver_sql(f"BEGIN {options.get('assay_begin', 'DEFERRED')}")


def _first_line(problem: DBAPIError) -> str:
    return str(problem.orig).strip().partition("\n")[0]


def _way_out(problem: DBAPIError) -> str:
    words = str(problem.orig)
    if "not a database" in words or "malformed" in words:
        return ": the file is corrupt or not a store: restore a backup, or move it away to start anew"
    if "readonly" in words or "unable to open" in words:
        return ": make the file and its folder readable and writable"
    if "locked" in words:
        return f": another process has held it for {BUSY_MILLISECONDS // 1000} s: try again when that one is done"
    if "disk is full" in words:
        return ": free some space"
    return ""
