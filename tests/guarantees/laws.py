"""Laws of features and labels whose Bayes error is known, to hold estimators and bounds to the truth.

Each draws labels and features, and can be padded with features that say nothing: the Bayes error stays, and neighbors
become strangers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import integrate, special, stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Draw = Callable[[np.random.Generator, int], tuple[NDArray[np.float64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Law:
    """Features and labels drawn together."""

    name: str
    classes: int
    bayes_error: float
    draw: Draw

    def padded(self, features: int) -> Law:
        """The same law with standard normal features that say nothing, up to a number of features."""

        def draw(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            X, y = self.draw(rng, n)
            return np.column_stack([X, rng.standard_normal((n, features - X.shape[1]))]), y

        return replace(self, name=f"{self.name}, {features} features", draw=draw)


def two_gaussians(distance: float = 2.0) -> Law:
    """1: means apart by a number of standard deviations."""

    def draw(rng, n):
        y = rng.integers(0, 2, size=n)
        return (rng.standard_normal(n) + distance * y)[:, None], y

    return Law("two Gaussians", 2, float(stats.norm.cdf(-distance / 2)), draw)


def gaussians_on_a_circle(classes: int = 5, radius: float = 2.0) -> Law:
    """2: the Bayes error by quadrature in polar coordinates, over the sector in which one class is nearest."""
    angles = 2 * np.pi * np.arange(classes) / classes
    means = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    right = integrate.dblquad(
        lambda r, t: r * math.exp(-0.5 * (r * r - 2 * r * radius * math.cos(t) + radius**2)) / (2 * math.pi),
        -math.pi / classes,
        math.pi / classes,
        0,
        radius + 12,
    )[0]

    def draw(rng, n):
        y = rng.integers(0, classes, size=n)
        return means[y] + rng.standard_normal((n, 2)), y

    return Law("Gaussians on a circle", classes, 1 - right, draw)


def checkerboard(rho: float = 0.2, side: int = 4, classes: int = 2) -> Law:
    """3: fields without error, and a share rho of labels drawn by lot."""

    def draw(rng, n):
        X = rng.random((n, 2)) * side
        y = X.astype(np.int64).sum(axis=1) % classes
        lot = rng.random(n) < rho
        return X, np.where(lot, rng.integers(0, classes, size=n), y)

    return Law("checkerboard", classes, rho * (1 - 1 / classes), draw)


def crossed_gaussians(a: float = 1.5) -> Law:
    """4: exclusive or of two signs."""
    p = float(stats.norm.cdf(-a))

    def draw(rng, n):
        signs = rng.integers(0, 2, size=(n, 2))
        return a * (2 * signs - 1) + rng.standard_normal((n, 2)), signs.sum(axis=1) % 2

    return Law("crossed Gaussians", 2, 2 * p * (1 - p), draw)


def exponentials(fast: float = 3.0, slow: float = 1.0) -> Law:
    """5: two rates."""
    t = math.log(fast / slow) / (fast - slow)
    error = 0.5 * (math.exp(-fast * t) + 1 - math.exp(-slow * t))

    def draw(rng, n):
        y = rng.integers(0, 2, size=n)
        return (rng.exponential(size=n) / np.where(y == 0, fast, slow))[:, None], y

    return Law("exponentials", 2, error, draw)


def nested_gaussians(features: int = 10, narrow: float = 1.0, wide: float = 1.5) -> Law:
    """6: one mean, two widths."""
    t = features * math.log(wide**2 / narrow**2) / (1 / narrow**2 - 1 / wide**2)
    error = 0.5 * (stats.chi2.sf(t / narrow**2, features) + stats.chi2.cdf(t / wide**2, features))

    def draw(rng, n):
        y = rng.integers(0, 2, size=n)
        return rng.standard_normal((n, features)) * np.where(y == 0, narrow, wide)[:, None], y

    return Law("nested Gaussians", 2, float(error), draw)


def logistic(strength: float = 2.0) -> Law:
    """7: P(y = 1 | x) = 1 / (1 + exp(-strength x)) for a standard normal x."""
    error = 2 * integrate.quad(lambda z: special.expit(-strength * z) * stats.norm.pdf(z), 0, 12)[0]

    def draw(rng, n):
        x = rng.standard_normal(n)
        return x[:, None], (rng.random(n) < special.expit(strength * x)).astype(np.int64)

    return Law("logistic", 2, float(error), draw)


def overlapping_uniforms(shift: float = 0.6) -> Law:
    """8: coins where both lie, so that one nearest neighbor errs no more often than the best."""

    def draw(rng, n):
        y = rng.integers(0, 2, size=n)
        return (rng.random(n) + shift * y)[:, None], y

    return Law("overlapping uniforms", 2, (1 - shift) / 2, draw)


def finite_table(cells: int = 12, classes: int = 3, seed: int = 0) -> Law:
    """9: a random joint law of a cell and a class."""
    joint = np.random.default_rng(seed).dirichlet(np.full(cells * classes, 0.5)).reshape(cells, classes)

    def draw(rng, n):
        cell, y = np.divmod(rng.choice(cells * classes, size=n, p=joint.ravel()), classes)
        return cell[:, None].astype(np.float64), y

    return Law("finite table", classes, float(1 - joint.max(axis=1).sum()), draw)


def relabelled(law: Law, rho: float) -> Law:
    """10: a share rho of the labels drawn by lot, on top of any law."""

    def draw(rng, n):
        X, y = law.draw(rng, n)
        return X, np.where(rng.random(n) < rho, rng.integers(0, law.classes, size=n), y)

    error = law.bayes_error + rho * (1 - 1 / law.classes - law.bayes_error)
    return Law(f"{law.name}, relabelled {rho:g}", law.classes, error, draw)


def every_law() -> list[Law]:
    """One of each kind."""
    return [
        two_gaussians(),
        gaussians_on_a_circle(),
        checkerboard(),
        crossed_gaussians(),
        exponentials(),
        nested_gaussians(),
        logistic(),
        overlapping_uniforms(),
        finite_table(),
        relabelled(gaussians_on_a_circle(), 0.3),
    ]
