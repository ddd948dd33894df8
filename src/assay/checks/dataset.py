"""A dataset of the project, opened: its rows, labels, units and order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.data import fingerprint, row_hashes, table, to_arrow, to_pandas
from assay.errors import DataError
from assay.stats.sampling import seed

if TYPE_CHECKING:
    import ibis
    import pandas as pd
    import pyarrow as pa

    from assay.core.project import DatasetTable
    from assay.gate.custody import Terms


@dataclass(frozen=True)
class Dataset:
    """A declared dataset, opened: its Ibis table, and its rows in memory when somebody asks for them."""

    name: str
    declared: DatasetTable
    table: ibis.Table
    source: Any = None
    terms: Terms | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Content address of the rows."""
        return fingerprint(self.table)

    @property
    def key(self) -> str:
        """Its name among the fingerprints of an evidence, where ``new``, ``old`` and ``served`` have a meaning."""
        return f"dataset:{self.name}" if self.name in ("new", "old", "served") else self.name

    @cached_property
    def inputs_fingerprint(self) -> str:
        """Content address of the rows without their labels; with them where a row has nothing else."""
        hidden = self._unshown
        if not hidden or len(hidden) == len(self.table.columns):
            return self.fingerprint
        return fingerprint(self.table.drop(*hidden))

    @property
    def _unshown(self) -> set[str]:
        """The label, and what a seal hides with it: a hash of a row with these in would let others try values."""
        return {self.declared.label or "", *(self.terms.hidden if self.terms else ())} & set(self.table.columns)

    @cached_property
    def row_bits(self) -> np.ndarray:
        """64 bits of each row without its label, shape (n,), in the order of :attr:`frame`."""
        frame, hidden = self.frame, self._unshown
        if len(hidden) < frame.shape[1]:
            frame = frame.drop(columns=list(hidden))
        return row_hashes(table(frame))

    @cached_property
    def order(self) -> np.ndarray:
        """Numbers of the rows in an order that nobody chose and that the file's order does not change; shape (n,).

        It is that of hashes of the rows with the fingerprint of the whole; rows of a unit are together.
        """
        own, group = self._places
        label = self.declared.label
        told = row_hashes(table(self.frame[[label]])) if label in self.frame else own
        order: np.ndarray = np.lexsort((told, own, group))
        return order

    @cached_property
    def rows_digest(self) -> str:
        """SHA-256 of the rows as they are released once the set is used up."""
        from assay.checks.commitment import rows_of

        return sha256(rows_of(self)).hexdigest()

    def stretch(self, number: int, count: int) -> np.ndarray:
        """Rows of one of ``count`` slices that share neither a row, nor a copy of one, nor a unit; about equally many.

        Raises
        ------
        DataError
            If there are too few to give each slice any.
        """
        order = self.order
        group = self._places[1][order]
        starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        cuts = np.append(starts, len(order))
        first, last = (cuts[np.searchsorted(cuts, at * len(order) / count)] for at in (number, number + 1))
        if first == last:
            raise DataError(
                f"dataset {self.name!r}: {len(order):,} rows of {len(starts):,} units or kinds are too few for {count} "
                "slices; bring more, or plan fewer queries"
            )
        taken: np.ndarray = order[first:last]
        return taken

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        salt = np.uint64(seed("order of rows", self.fingerprint))
        own = _mixed(self.row_bits ^ salt)
        unit = self.declared.unit
        return own, _mixed(row_hashes(table(self.frame[[unit]])) ^ salt) if unit else own

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows, in the order of the source."""
        return to_pandas(self.table)

    @cached_property
    def labels(self) -> np.ndarray:
        """The label column, shape (n,).

        Raises
        ------
        DataError
            If none is declared, it is not there, or a row has none.
        """
        label = self.declared.label
        if label is None:
            raise DataError(f"dataset {self.name!r} declares no label; add label = ... to [datasets.{self.name}]")
        if label not in self.frame:
            raise DataError(f"dataset {self.name!r} is sealed: only gate checks read its label")
        missing = self.frame[label].isna().to_numpy()
        if missing.any():
            raise DataError(
                f"dataset {self.name!r}{self._file}: label {label!r} is missing in row {int(missing.argmax())}, counted from 0"
                f" ({int(missing.sum())} in all); drop these rows, label them, or set method = 'sequential' in the check"
            )
        labels: np.ndarray = self.frame[label].to_numpy()
        return labels

    @property
    def _file(self) -> str:
        """Where its rows come from, for messages about one of them."""
        return f" ({self.source})" if isinstance(self.source, str) else ""

    @property
    def unit(self) -> np.ndarray | None:
        """The unit of each row, when declared."""
        return self.frame[self.declared.unit].to_numpy() if self.declared.unit else None

    @property
    def timestamp(self) -> pd.Series | None:
        """The time of each row, when declared."""
        return self.frame[self.declared.timestamp] if self.declared.timestamp else None

    @property
    def features(self) -> pd.DataFrame:
        """The columns that a model may see."""
        declared = self.declared
        hidden = {declared.label, declared.id, declared.unit, declared.timestamp, *declared.ignore}
        return self.frame.drop(columns=[column for column in self.frame if column in hidden])

    def inputs(self) -> pa.Table:
        """The rows without the label and without what gives it away, for code that must not see them.

        Raises
        ------
        DataError
            If the set was sealed without saying which column is the label.
        """
        if self.terms is not None and self.terms.label is None:
            raise DataError(
                f"dataset {self.name!r} was sealed without its label's name, so that no code may see its rows: seal it "
                "again with --label"
            )
        hidden = {self.declared.label, *self.declared.ignore, *(self.terms.hidden if self.terms else ())}
        return to_arrow(self.table.drop(*(column for column in self.table.columns if column in hidden)))

    @property
    def content(self) -> np.ndarray | None:
        """A digest of each row by all columns but its id and label, equal for copies; shape (n,)."""
        import pandas as pd

        names = [name for name in self.frame if name not in {self.declared.label, self.declared.id}]
        if not names:
            return None
        held = self.frame[names]
        # Lists and the like have no hash.
        texts = {name: held[name].astype(str) for name in names if held[name].dtype == object}
        digest: np.ndarray = pd.util.hash_pandas_object(held.assign(**texts), index=False).to_numpy()
        return digest

    def repeated_columns(self) -> dict[str, np.ndarray]:
        """Columns whose values repeat like ids of customers or machines: rows that share one may not be independent."""
        declared = self.declared
        rows = len(self.frame)
        found = {}
        for column in self.frame.columns:
            if column in {declared.label, declared.unit, declared.timestamp}:
                continue
            values = self.frame[column]
            looks_like_id = str(column).lower() in {"id", "user", "customer", "date", "day", "group", "session"} or str(
                column
            ).lower().endswith(("_id", "_date", "_day", "_key"))
            if (column == declared.id or looks_like_id) and 1 < values.nunique() < rows:
                found[str(column)] = values.to_numpy()
        return found


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Scatter 64 bits (the finalizer of splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scattered: np.ndarray = bits ^ (bits >> np.uint64(31))
    return scattered
