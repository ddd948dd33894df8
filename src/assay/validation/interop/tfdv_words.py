"""Words of TensorFlow Data Validation and what they are here."""

from __future__ import annotations

from typing import Literal

TYPES = {"INT": "integer", "FLOAT": "number", "BYTES": "string", "STRUCT": "struct"}
STAGES = {
    "PLANNED": "planned",
    "ALPHA": "alpha",
    "BETA": "beta",
    "PRODUCTION": "production",
    "DEPRECATED": "deprecated",
    "DEBUG_ONLY": "debug",
    "DISABLED": "disabled",
}
DISTANCES: dict[str, Literal["l_infinity", "jensen_shannon", "normalized_absolute_difference"]] = {
    "infinity_norm": "l_infinity",
    "jensen_shannon_divergence": "jensen_shannon",
    "normalized_abs_difference": "normalized_absolute_difference",
}
