"""What rows say of the Bayes error, statement by statement, and the outcome that they lead to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.errors import DataError
from assay.feasibility.curve import forecast
from assay.feasibility.held_out import certified_uppers
from assay.feasibility.inequalities import cover_hart
from assay.feasibility.label_noise import clean_range
from assay.feasibility.learning import learning_curve
from assay.feasibility.majority import against_constants
from assay.feasibility.repeated import audit_votes, cells_of, repeated_rows
from assay.feasibility.smoothness import Smooth, smooth
from assay.feasibility.statement import Statement
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from assay.feasibility.curve import Forecast
    from assay.feasibility.portfolio import Tried
    from assay.feasibility.preparation import Prepared

Outcome = Literal["ACHIEVED", "UNREALISTIC", "LIKELY UNREALISTIC", "LIKELY ACHIEVABLE", "UNDECIDED"]

# Of replicates of the learning curve.
LIKELY = 0.9
# How much faster than a model finds them to move probabilities would have to move.
MARGIN = 2.0
# Rows that share their features with others on average, from which a table of them can say something.
REPEATS = 5.0


class Findings:
    """Statements as they come in, and the outcome that they lead to."""

    def __init__(
        self,
        ready: Prepared,
        tried: list[Tried],
        places: Any,
        limit: float | None,
        alpha: float,
        noise: Any,
        columns: Mapping[str, NDArray[Any]] | None,
    ) -> None:
        self.ready, self.tried, self.places = ready, tried, places
        self.limit, self.alpha, self.noise = limit, alpha, noise
        self.columns = columns
        self.wrong = np.column_stack([each.wrong for each in tried])
        self.clusters, self.looked = ready.clustering(self.wrong)
        self.statements: list[Statement] = []
        self.upper: float | None = None
        self.lower: float | None = None
        self.smoothness: dict[str, Smooth] = {}
        self.curve: tuple[list[int], list[list[float]]] | None = None
        self.forecast: Forecast | None = None
        self.floor = 0.0
        self.by_labels = False

    @property
    def written(self) -> bool:
        """Whether the target is measured on labels as they are written."""
        return self.noise is None or self.noise[1] == "written"

    def certify(self, repeat_labels: ArrayLike | None) -> None:
        """Bound the Bayes error from above by classifiers, from below by labels that are there again."""
        ready = self.ready
        uppers = certified_uppers(self.wrong, self.alpha, ready.units)
        self.best = int(np.argmin(uppers))
        self.constants = against_constants(
            self.wrong, ready.test_y, ready.classes, ready.units, np.column_stack([each.said for each in self.tried])
        )
        self.learns = bool(self.constants.p_values.min() <= self.alpha / len(self.tried))
        witness = self.tried[self.best]
        if self.clusters is None:
            value, note = self._measured(float(uppers[self.best]), upper=True)
            self.upper = value
            self._say("upper", "held-out classifiers", value, f"at most {value:.4f}, by {witness.title}{note}")
        lowers = []
        again = self._again
        share = self.alpha / ((repeat_labels is not None) + (again is not None) or 1)
        if repeat_labels is not None:
            value, note = self._measured(audit_votes(repeat_labels, ready.classes, share), upper=False)
            labels = np.asarray(repeat_labels)
            words = f"at least {value:.4f}, by {labels.shape[1]} labels of {len(labels):,} items{note}"
            lowers.append(value)
            self.by_labels = value > (self.limit or 0.0)
            self._say("lower", "repeat labels", value, words)
        if again is not None and self.clusters is None:
            value = repeated_rows(again, np.concatenate([ready.train_y, ready.test_y]), share)
            value, note = self._measured(value, upper=False)
            lowers.append(value)
            self._say("lower", "rows that are there again", value, f"at least {value:.4f} on these columns{note}")
        self.lower = max(lowers, default=None)

    @property
    def _again(self) -> NDArray[np.int64] | None:
        """Cells of the rows that train and of those held out, if rows share all columns with so many others."""
        if self.ready.units is not None or self.columns is None:
            return None
        rows = np.concatenate([self.ready.train_rows, self.ready.test_rows])
        cells = cells_of({name: values[rows] for name, values in self.columns.items()})
        return cells if rows.size >= REPEATS * np.unique(cells).size else None

    def _measured(self, value: float, *, upper: bool) -> tuple[float, str]:
        """Turn a bound for written labels into one for those that the target is measured on."""
        if self.written:
            return value, ""
        low, high = clean_range(self.noise[0], value)
        return (high if upper else low), " on clean labels, given the errors of labels that were declared"

    def _say(self, side: Any, name: str, value: float, text: str) -> None:
        self.statements.append(
            Statement("certified", side, name, value, f"the Bayes error is {text}", alpha=self.alpha)
        )

    def suppose(self, progress: Callable[[str], None]) -> None:
        """Read one nearest neighbor in each representation: an estimate, and a limit if probabilities move slowly."""
        ready = self.ready
        self.moves: dict[str, float] = {}
        self.neighbor_numbers: dict[str, float] = {}
        for name, (train, test) in self.places.items():
            progress(f"nearest neighbors on {name}")
            distances, indices = nearest(test, train)
            wrong = ready.train_y[indices[:, 0]] != ready.test_y
            error = float(wrong.mean())
            number = self.neighbor_numbers[name] = float(cover_hart(error, ready.classes))
            words = f"one nearest neighbor on {name} errs on {error:.4f}, which suggests a Bayes error of {number:.4f} or more"
            if self.upper is not None and number > self.upper:
                words += ": it is not, for that is above the certified limit; neighbors are strangers here"
            self.statements.append(Statement("estimate", "level", f"1NN on {name}", number, words))
            if self.clusters is None and ready.units is None and self.written:
                self.smoothness[name] = smooth(
                    wrong, distances[:, 0].astype(np.float64), indices[:, 0], ready.classes, self.alpha
                )
                self.moves[name] = self._moved(name, train, test, indices[:, 0])
        if self.noise is not None and self.written:
            self.floor = float((1 - np.diag(self.noise[0])).min())
            self.statements.append(
                Statement(
                    "conditional", "lower", "declared noise", self.floor,
                    f"the Bayes error of labels as they are written is at least {self.floor:.4f}", 0.0,
                    "labels are wrong as often as was declared",
                )
            )  # fmt: skip
        for name, rate in self.break_even.items():
            assert self.limit is not None
            if self.upper is not None and self.upper <= self.limit:
                continue  # what is achieved on one representation makes a limit on another idle
            if 0 < rate < math.inf:
                given = f"class probabilities move by less than {rate:.3g} for each unit of distance on {name}"
                self.statements.append(
                    Statement(
                        "conditional", "lower", f"smooth on {name}", self.limit,
                        f"the Bayes error on {name} is above {self.limit:.4f}", self.alpha, given,
                    )
                )  # fmt: skip

    def _moved(self, name: str, train: NDArray[Any], test: NDArray[Any], indices: NDArray[np.intp]) -> float:
        """How far apart a model finds class probabilities at held-out rows and their neighbors to be, on average."""
        models = [each for each in self.tried if each.representation == name and hasattr(each.model, "predict_proba")]
        models = [each for each in models if each.name != "most common class"]
        if not models:
            return math.inf
        model = min(models, key=lambda each: float(each.wrong.mean())).model
        gap = np.abs(model.predict_proba(test) - model.predict_proba(train[indices])).sum(axis=1) / 2
        return float(gap.mean())

    def expect(self, seed: int, progress: Callable[[str], None]) -> None:
        """Forecast the learning curve of the witness."""
        witness = self.tried[self.best]
        if self.limit is None or not self.written or witness.name == "most common class":
            return
        train, test = self.places[witness.representation]
        self.curve = learning_curve(
            witness.model, (train, self.ready.train_y), (test, self.ready.test_y),
            whole=float(witness.wrong.mean()), seed=seed, progress=progress,
        )  # fmt: skip
        try:
            self.forecast = forecast(
                self.curve[0], self.curve[1], target=self.limit, rows=len(test), classes=self.ready.classes, seed=seed
            )
        except DataError:  # ill-behaved, or too few sizes
            return
        self.statements.append(
            Statement("estimate", "level", "learning curve", self.curve[1][-1][0],
                      f"{witness.title}: an error of {self.limit:.4f} {self.forecast.reason}")
        )  # fmt: skip

    @property
    def probability(self) -> float:
        """Share of replicates of the curve that reach the target within what can be forecast."""
        return self.forecast.probability(self.forecast.farthest) if self.forecast is not None else 0.0

    def outcome(self) -> Outcome:
        """Pick one of the five."""
        if self.limit is None:
            return "UNDECIDED"
        if self.upper is not None and self.upper <= self.limit and self.learns:
            return "ACHIEVED"
        if self.lower is not None and self.lower > self.limit:
            return "UNREALISTIC"
        achievable = self.probability >= LIKELY and self.forecast is not None and self.forecast.required is not None
        achievable = achievable and self.clusters is None and self.constants.share < 1 - self.limit
        unlikely = bool(self.smoothness) and all(
            rate > 0 and rate * self.smoothness[name].distance > MARGIN * self.moves[name]
            for name, rate in self.break_even.items()
        )
        if self.floor > self.limit:
            return "LIKELY UNREALISTIC"
        if achievable == unlikely:
            return "UNDECIDED"
        return "LIKELY ACHIEVABLE" if achievable else "LIKELY UNREALISTIC"

    @property
    def break_even(self) -> dict[str, float]:
        """Rate L0 of each representation."""
        if self.limit is None:
            return {}
        return {name: read.break_even(self.limit) for name, read in self.smoothness.items()}

    @property
    def witness(self) -> Tried:
        """The classifier with the least certified limit."""
        return self.tried[self.best]

    @property
    def error(self) -> float:
        """Its held-out error."""
        return float(self.witness.wrong.mean())

    @property
    def ladder(self) -> list[tuple[str, str, float]]:
        """Name, what it rests on, and value of each rung, the highest first."""
        classes = self.ready.classes
        rungs = [
            ("chance", "fact", (classes - 1) / classes),
            ("most common class", "estimate", 1 - self.constants.share),
            (f"error of {self.witness.title}", "estimate", self.error),
            *(
                (f"{each.name}, {each.side}" if each.side != "level" else each.name, each.rests, each.value)
                for each in self.statements
            ),
        ]
        if self.limit is not None:
            rungs.append(("target", "target", self.limit))
        return sorted(rungs, key=lambda rung: -rung[2])
