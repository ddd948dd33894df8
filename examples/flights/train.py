"""Train the model that forecasts whether a flight will arrive late.

``train`` is what ``assay.toml`` names: it is called again on newer data when the world has drifted. The model is a
logistic regression, plain on purpose: it is linear in the weather, so it has to extrapolate when summer comes, and
the example shows how that is noticed. ``--balanced`` trains a worse one for the gate to refuse.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import assay

CATEGORIES = ["weekday", "hour", "carrier", "origin", "dest"]
NUMBERS = ["distance", "planned_minutes", "temp", "dewp", "humid", "wind_speed", "precip", "visib", "pressure"]
FEATURES = [*CATEGORIES, *NUMBERS]
LABEL = "late"


def train(table: pd.DataFrame) -> Pipeline:
    """Fit on a table that has the feature columns and ``late``; other columns are left alone."""
    return fit(table, balanced=False)


def train_balanced(table: pd.DataFrame) -> Pipeline:
    """Fit with late flights counted as often as the others, as many tutorials advise.

    Its probabilities are those of a world in which every second flight is late.
    """
    return fit(table, balanced=True)


def fit(table: pd.DataFrame, *, balanced: bool) -> Pipeline:
    """Fit encoder, imputer, scaler and logistic regression; nothing in it is random."""
    columns = ColumnTransformer(
        [
            # A destination with few flights, or one that was never seen, counts as "infrequent".
            ("categories", OneHotEncoder(min_frequency=50, handle_unknown="infrequent_if_exist"), CATEGORIES),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ]
    )
    forecast = LogisticRegression(max_iter=500, class_weight="balanced" if balanced else None)
    model = Pipeline([("columns", columns), ("forecast", forecast)])
    model.fit(table[FEATURES], table[LABEL])
    return model


def main() -> None:
    """Train on the training days and register the model."""
    parser = argparse.ArgumentParser(description="Train on data/train.parquet and register the model.")
    parser.add_argument("--balanced", action="store_true", help="count late flights as often as the others")
    options = parser.parse_args()

    path = Path("data/train.parquet")
    if not path.is_file():
        sys.exit(f"{path} is missing; write it with: python prepare.py")
    table = pd.read_parquet(path)
    model = train_balanced(table) if options.balanced else train(table)

    with assay.run("flights") as run:
        run.log_param("model", "logistic regression")
        run.log_param("balanced", options.balanced)
        run.log_metric("days", table["date"].nunique())
        run.log_metric("flights", len(table))
        run.log_metric("late_share", float(table[LABEL].mean()))
        run.log_dataset("train", table)
        version = run.log_model(model, name="flights", example=table[FEATURES].head(20))
    print(f"{version} is registered: trained on {len(table):,} flights of {table['date'].nunique()} days")


if __name__ == "__main__":
    main()
