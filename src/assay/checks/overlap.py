"""Whether rows that judge models are rows that models were trained or chosen on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from assay.core.guarantee import Assumption, Guarantee
from assay.data import row_hashes
from assay.data.connection import session
from assay.errors import AssayError, DataError
from assay.stats.coincidence import shared
from assay.stats.sampling import seed

if TYPE_CHECKING:
    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs

UNSEEN = "the models were not trained or chosen on "
"""How the assumption of every gate begins that this module holds against the declared data."""
LEVEL = 0.001
"""Probability that a test set is refused whose rows agree with others by chance alone."""
MATERIAL = 0.01
"""Share of the rows below which it is told, not refused."""


def require_unseen(inputs: Inputs, dataset: Dataset) -> str:
    """Refuse a test set whose rows are in a table that models are trained or chosen on; say what was compared.

    Rows are compared in the columns that both tables have, but for the label (so that nothing that is said hangs on it)
    and the id (so that copies with new numbers are found). Tables of few kinds of rows share rows by chance: that is told
    from copies by :func:`assay.stats.coincidence.shared`, exact at :data:`LEVEL`.

    Parameters
    ----------
    inputs : Inputs
    dataset : Dataset
        The test set.

    Raises
    ------
    DataError
        If at least a hundredth of its rows are in such a table, more than chance explains.
    """
    said = []
    for name, declared in inputs.project.file.datasets.items():
        if name == dataset.name or declared.role not in ("train", "dev"):
            continue
        try:
            other = inputs.dataset(name)
        except AssayError:
            said.append(f"{name} is not here to be compared with")
            continue
        hidden = {dataset.declared.label, dataset.declared.id, declared.label, declared.id}
        hidden |= set(dataset.terms.hidden) if dataset.terms else set()
        columns = [c for c in other.table.columns if c in dataset.table.columns and c not in hidden]
        if not columns or other.table.get_backend() is not session().backend:
            said.append(f"{name} was not compared: {'its rows are elsewhere' if columns else 'no column in common'}")
            continue
        found = shared(
            row_hashes(dataset.table.select(columns)),
            row_hashes(other.table.select(columns)),
            seed=seed("overlap", dataset.name, name),
        )
        if found.p_value <= LEVEL and found.share >= MATERIAL:
            raise DataError(
                f"dataset {dataset.name!r}: {found.rows:,} of {len(dataset.frame):,} rows ({found.share:.0%}) are rows of "
                f"{name!r} too, the first row {found.first}: a model is judged there on what it remembers; take them out of "
                f"one of the two, or set rows aside that no model is trained or chosen on"
            )
        agree = f"{found.rows:,} of {len(dataset.frame):,} rows are like one of {name}"
        said.append(agree if found.rows else f"no row is in {name}")
    return "; ".join(said)


def unseen(guarantee: Guarantee, compared: str) -> Guarantee:
    """Add what was compared to the assumption that it bears on."""
    if not compared:
        return guarantee
    return msgspec.structs.replace(
        guarantee,
        assumptions=tuple(
            Assumption(each.text, each.status, compared) if each.text.startswith(UNSEEN) else each
            for each in guarantee.assumptions
        ),
    )
