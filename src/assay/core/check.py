"""What a user declares."""

from __future__ import annotations

from typing import Literal

import msgspec

Stage = Literal["data", "feasibility", "debugging", "gate", "serving", "monitor", "adapt"]
Severity = Literal["error", "warn"]


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A claim or a built-in rule, with its inputs, its severity and its error budget.

    Parameters
    ----------
    id : str
        Unique in the project.
    code : str
        Three letters and three digits, the same for ever: ``"GAT101"``.
    stage : str
        The question that it answers: data, feasibility, debugging, gate, serving, monitor or adapt.
    claim : str
        The sentence under test; empty for a built-in rule.
    severity : {"error", "warn"}
        How it is shown when it does not pass.
    blocking : bool
        Whether a verdict other than ``pass`` stops what depends on it.
    alpha : float in (0, 1)
        The error probability that the project's budget gives it.
    datasets : tuple of str
        Names of the datasets that it reads.
    model : str
        Name of the model that it judges.
    slices : tuple of str
        Names of the slices over which it is repeated.
    tags : tuple of str
        Words to select it by.
    """

    id: str
    code: str
    stage: Stage
    claim: str = ""
    severity: Severity = "error"
    blocking: bool = False
    alpha: float = 0.05
    datasets: tuple[str, ...] = ()
    model: str = ""
    slices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"check {self.id!r}: alpha is {self.alpha}, which is not in (0, 1)")
