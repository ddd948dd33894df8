"""The nouns: what every room of assay speaks of."""

from __future__ import annotations

from assay.core.action import Action
from assay.core.check import Check
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee
from assay.core.verdict import SCHEMA_VERSION, Verdict
from assay.core.waiver import Waiver

__all__ = ["SCHEMA_VERSION", "Action", "Assumption", "Check", "Claim", "Evidence", "Guarantee", "Verdict", "Waiver"]
