"""Which labels are wrong? Confident learning on predictions of models that did not see the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from assay.core.guarantee import Assumption, Guarantee
from assay.debugging.flagged_labels import LabelErrors
from assay.errors import DataError, UsageError
from assay.stats import conformal, multiplicity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]
    Flags = NDArray[np.bool_]

FilterBy = Literal[
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
    "low_normalized_margin", "low_self_confidence",
]  # fmt: skip
RankBy = Literal["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
# Probabilities are sums of many terms: those that differ by less are equal.
ROUNDING = 1e-6


def label_errors(
    y: ArrayLike,
    probabilities: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    filter_by: FilterBy | None = None,
    rank_by: RankBy = "self_confidence",
    clean: ArrayLike | None = None,
    fdr: float = 0.1,
) -> LabelErrors:
    r"""Flag labels that are probably wrong, worst first.

    Without ``clean`` the flags are those of confident learning, and an estimate: which share of them is wrong in truth is told
    by :meth:`LabelErrors.audit` from a random sample that a person looks at. With it they have a guarantee at once.

    Confident learning: the threshold t_j is the mean probability of class j among the rows that have the label j; a row is
    counted as truly j where j is the most probable of the classes that reach their threshold. C[i, j] counts the rows of
    label i and truth j, and is scaled to the number of rows of each label. From C, ``filter_by`` takes for each pair
    i, j the C[i, j] rows of label i with the largest p_j - p_i (``prune_by_noise_rate``, the default), of each label the rows
    with the lowest p_i, as many as lie off the diagonal (``prune_by_class``), what both name (``both``), the rows that
    were counted off the diagonal (``confident_learning``), those where another class is the most probable
    (``predicted_neq_given``), or as many as ``confident_learning`` flags, by their margin or p_i (``low_normalized_margin``,
    ``low_self_confidence``). Rows whose label is the most probable class are flagged by the last two alone.

    Guarantee (exact, with ``clean``): the expected share of right labels among the flagged ones is at most ``fdr``. Proof: the
    conformal p-value of a row that is not in ``clean``, (1 + clean rows whose label is at most as probable) / (1 + clean
    rows), is valid for a right label. Given that scores of clean rows and of right labels are exchangeable, given those of
    wrong ones, Benjamini and Hochberg's procedure on them keeps the false discovery rate (Bates et al., 2023, theorem 2 and
    corollary 1, for scores of a model that saw none of the rows; Marandon et al., 2024, theorem 3.1, for scores that treat
    them alike, as a random cross-validation does).

    Parameters
    ----------
    y : array, shape (rows,)
        Labels as they were given.
    probabilities : array of float, shape (rows, classes)
        Out of sample: of a model that was not trained on the row, such as :func:`out_of_sample_probabilities` gives.
    classes : array, shape (classes,), optional
        The class of each column; by default the labels in ``y`` in sorted order.
    filter_by : str, optional
        By default ``"prune_by_noise_rate"``; not with ``clean``.
    rank_by : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
        Order of the rows: by p_i, by p_i less the largest other, or by p_i over the entropy.
    clean : array of bool, shape (rows,), optional
        Rows whose label is known to be right: a random sample of all rows whose label is right. They are never flagged.
    fdr : float, in (0, 1)
        Expected share of right labels among the flagged; only with ``clean``.

    Returns
    -------
    LabelErrors

    Raises
    ------
    DataError, UsageError
        If labels, probabilities or options do not fit, naming the row.

    Notes
    -----
    Misleads where the probabilities are of a model that was trained on the row, and where a class is hard rather than mislabeled.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]
    >>> found = label_errors(y, p)
    >>> found.rows.tolist(), found.suggested[2]
    ([2], np.int64(1))

    References
    ----------
    Northcutt, C., Jiang, L. and Chuang, I. "Confident learning: estimating uncertainty in dataset labels." JAIR 70, 2021.
    Bates, S. et al. "Testing for outliers with conformal p-values." Annals of Statistics 51(1), 2023. Marandon, A. et
    al. "Adaptive novelty detection with false discovery rate guarantee." Annals of Statistics 52(1), 2024.
    """
    names, codes, p = _checked(y, probabilities, classes)
    _choice("rank_by", rank_by, get_args(RankBy))
    scores = _scores(p, codes, rank_by)
    joint, counted = _confident_joint(p, codes)
    if clean is None:
        chosen = filter_by or "prune_by_noise_rate"
        _choice("filter_by", chosen, get_args(FilterBy))
        flagged = _filtered(p, codes, joint, counted, chosen)
        guarantee = Guarantee.estimate(
            "which share of the flags is right is told by an audit of a random sample of them"
        )
    else:
        if filter_by is not None:
            raise UsageError("filter_by and clean choose rows in two ways: leave one out")
        if not 0 < fdr < 1:
            raise UsageError(f"fdr must lie in (0, 1), got {fdr}")
        flagged = _discovered(scores, _clean(clean, codes.size), fdr)
        guarantee = Guarantee.exact(
            fdr,
            "expected share of right labels among those flagged",
            (
                Assumption("the labels of clean rows are right", "declared"),
                Assumption("clean rows are like other rows whose label is right", "unverifiable", "draw them at random"),
                Assumption("probabilities are of models that saw no row, or treated clean and other rows alike", "declared"),
            ),
            "Bates et al., Annals of Statistics 2023, theorem 2; Marandon et al., Annals of Statistics 2024, theorem 3.1",
        )  # fmt: skip
    return LabelErrors(
        flagged=flagged,
        scores=scores,
        given=names[codes],
        suggested=names[p.argmax(axis=1)],
        classes=names,
        joint=joint / codes.size,
        guarantee=guarantee,
    )


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def _checked(y: ArrayLike, probabilities: ArrayLike, classes: ArrayLike | None) -> tuple[NDArray[Any], Codes, Floats]:
    import pandas as pd

    labels = np.asarray(y)
    if labels.ndim != 1 or not labels.size:
        raise DataError(f"y must have one dimension and at least one row, got shape {labels.shape}")
    missing = np.asarray(pd.isna(labels))
    if missing.any():
        raise DataError(f"row {int(missing.argmax())} of y has no label: leave such rows out")
    try:
        p = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise DataError(f"probabilities must be numbers: {problem}") from problem
    if p.ndim != 2 or p.shape[0] != labels.size:
        raise DataError(f"probabilities must have shape ({labels.size}, classes), got {p.shape}")
    with np.errstate(invalid="ignore"):
        wrong = ~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) <= 1e-3))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"probabilities of a row must be from 0 to 1 and sum to 1: row {row} has {p[row].tolist()}")
    names = np.unique(labels) if classes is None else np.asarray(classes)
    if names.ndim != 1 or names.size != p.shape[1]:
        named = f"{names.size} classes in y" if classes is None else f"{names.size} classes given"
        raise DataError(f"probabilities have {p.shape[1]} columns for {named}: name the columns with classes=[...]")
    if names.size < 2:
        raise DataError(f"y has one class, {names[0]}: no other label is possible")
    place = {name: at for at, name in enumerate(names.tolist())}
    if len(place) < names.size:
        raise DataError("classes must differ from each other")
    codes = np.array([place.get(label, -1) for label in labels.tolist()], dtype=np.intp)
    if codes.min() < 0:
        row = int(codes.argmin())
        raise DataError(f"row {row} of y has the label {labels[row]!r}, which is not among the classes")
    return names, codes, p


def _clean(clean: ArrayLike, rows: int) -> Flags:
    known = np.asarray(clean)
    if known.dtype != bool or known.shape != (rows,):
        raise DataError(
            f"clean must be a truth value for each of the {rows} rows, got {known.dtype} of shape {known.shape}"
        )
    if not known.any() or known.all():
        raise DataError("clean must be true for some rows, and false for those that are asked about")
    return known


def _scores(p: Floats, codes: Codes, rank_by: str) -> Floats:
    """How sure each label is, in [0, 1]; low is strange."""
    own = p[np.arange(codes.size), codes]
    if rank_by == "self_confidence":
        return own
    if rank_by == "normalized_margin":
        return np.asarray((own - _best_other(p, codes) + 1) / 2)
    entropy = -(p * np.log(np.clip(p, ROUNDING, None))).sum(axis=1) / np.log(p.shape[1])
    # log(1 + r) / r falls in r = entropy / own from 1 to 0. A sure label has r = 0, and must not come out as the worst.
    ratio = np.clip(entropy, ROUNDING, 1.0) / np.clip(own, ROUNDING, None)
    return np.asarray(np.log1p(ratio) / ratio)


def _best_other(p: Floats, codes: Codes) -> Floats:
    others = p.copy()
    others[np.arange(codes.size), codes] = -np.inf
    return np.asarray(others.max(axis=1))


def _confident_joint(p: Floats, codes: Codes) -> tuple[NDArray[np.int64], Flags]:
    """Give rows of each label (rows) and truth (columns), whose sums are those of the labels; and who was counted off it."""
    K = p.shape[1]
    sizes = np.bincount(codes, minlength=K)
    own = np.bincount(codes, weights=p[np.arange(codes.size), codes], minlength=K)
    # A class that no row has can have no threshold, and no truth.
    thresholds = np.where(sizes > 0, own / np.maximum(sizes, 1), np.inf)
    confident = np.where(p >= np.maximum(thresholds, ROUNDING) - ROUNDING, p, -1.0)
    truth, sure = confident.argmax(axis=1), confident.max(axis=1) >= 0
    raw = np.zeros((K, K))
    np.add.at(raw, (codes[sure], truth[sure]), 1)
    # At least one row of each label is taken to be right.
    np.fill_diagonal(raw, np.maximum(raw.diagonal(), 1))
    scaled = raw / raw.sum(axis=1, keepdims=True) * sizes[:, None]
    return _rounded(scaled, sizes), sure & (truth != codes)


def _rounded(values: Floats, sums: NDArray[np.intp]) -> NDArray[np.int64]:
    """Round so that rows keep their sums: the largest remainders go up."""
    whole = np.floor(values + 1e-9).astype(np.int64)
    for row, total in enumerate(sums):
        short = int(total) - int(whole[row].sum())
        whole[row, np.argsort(whole[row] - values[row], kind="stable")[:short]] += 1
    return whole


def _filtered(p: Floats, codes: Codes, joint: NDArray[np.int64], counted: Flags, chosen: str) -> Flags:
    agreed = p.argmax(axis=1) == codes
    if chosen == "predicted_neq_given":
        return np.asarray(~agreed)
    if chosen == "confident_learning":
        return np.asarray(counted & ~agreed)
    if chosen.startswith("low_"):
        scores = _scores(p, codes, chosen.removeprefix("low_"))
        flags = np.zeros(codes.size, dtype=bool)
        flags[np.argsort(scores, kind="stable")[: int((counted & ~agreed).sum())]] = True
        return flags
    by_rate, by_class = np.zeros(codes.size, dtype=bool), np.zeros(codes.size, dtype=bool)
    for given in range(joint.shape[0]):
        rows = np.flatnonzero(codes == given)
        off = int(joint[given].sum() - joint[given, given])
        by_class[rows[np.argsort(p[rows, given], kind="stable")[:off]]] = True
        for truth in np.flatnonzero(joint[given]):
            if truth != given:
                margin = p[rows, truth] - p[rows, given]
                by_rate[rows[np.argsort(-margin, kind="stable")[: joint[given, truth]]]] = True
    flags = {"prune_by_noise_rate": by_rate, "prune_by_class": by_class, "both": by_rate & by_class}[chosen]
    return np.asarray(flags & ~agreed)


def _discovered(scores: Floats, clean: Flags, fdr: float) -> Flags:
    p_values = conformal.p_values(-scores[clean], -scores[~clean])
    flags = np.zeros(scores.size, dtype=bool)
    flags[~clean] = multiplicity.benjamini_hochberg(p_values) <= fdr
    return flags
