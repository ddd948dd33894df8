"""Is the data fit? Profile a table, infer what it should look like, check the next batch, compare and measure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.validation.analyzers import (
        CREDIT_CARD,
        EMAIL,
        SOCIAL_SECURITY_NUMBER_US,
        URL,
        Analyzer,
        ApproxCountDistinct,
        ApproxQuantile,
        ApproxQuantiles,
        Completeness,
        Compliance,
        Correlation,
        DataType,
        ExactQuantile,
        InterquartileRange,
        Maximum,
        MaxLength,
        Mean,
        Minimum,
        MinLength,
        PatternMatch,
        Range,
        RatioOfSums,
        Size,
        StandardDeviation,
        Sum,
        Variance,
        ZerosCount,
    )
    from assay.validation.anomalies import (
        newest_value,
    )
    from assay.validation.anomaly_rules import (
        AbsoluteChange,
        Anomaly,
        BatchNormal,
        OnlineNormal,
        RateOfChange,
        RelativeRateOfChange,
        SimpleThreshold,
    )
    from assay.validation.builder import (
        Check,
    )
    from assay.validation.checking import (
        validate,
    )
    from assay.validation.conformal import (
        Conformal,
    )
    from assay.validation.distances import (
        Buckets,
        jensen_shannon,
        l_infinity,
        normalized_absolute_difference,
        population_stability,
        wasserstein,
    )
    from assay.validation.drift import (
        compare,
    )
    from assay.validation.edits import (
        Edit,
        apply_edits,
        proposed_edits,
    )
    from assay.validation.failing import (
        RowResults,
        failing_rows,
        row_results,
    )
    from assay.validation.first_project import (
        describe_project,
    )
    from assay.validation.from_python import (
        Field,
        from_class,
    )
    from assay.validation.fuzzing import (
        fuzz,
    )
    from assay.validation.group_analyzers import (
        CountDistinct,
        Distinctness,
        DuplicateRowCount,
        Entropy,
        Histogram,
        HistogramBinned,
        MutualInformation,
        Uniqueness,
        UniqueValueRatio,
    )
    from assay.validation.holt_winters import (
        HoltWinters,
    )
    from assay.validation.inference import (
        infer,
    )
    from assay.validation.measuring import (
        measure,
    )
    from assay.validation.metric_history import (
        MetricHistory,
        Recorded,
    )
    from assay.validation.profiling import (
        ColumnProfile,
        Profile,
        profile,
    )
    from assay.validation.row_skew import (
        skew,
    )
    from assay.validation.schema import (
        Schema,
    )
    from assay.validation.suggesting import (
        suggest,
    )
    from assay.validation.suggestion import (
        Suggestion,
        Suggestions,
    )
    from assay.validation.table_analyzers import (
        ColumnCount,
        ColumnExists,
        CustomAggregator,
        CustomSql,
        DatasetMatchAnalyzer,
        Distribution,
        KLLSketch,
        Kurtosis,
        Skewness,
    )
    from assay.validation.table_strategies import (
        strategies,
    )
    from assay.validation.watching import (
        Watch,
    )

_HOME = {
    "AbsoluteChange": "anomaly_rules",
    "Analyzer": "analyzers",
    "Anomaly": "anomaly_rules",
    "ApproxCountDistinct": "analyzers",
    "ApproxQuantile": "analyzers",
    "ApproxQuantiles": "analyzers",
    "BatchNormal": "anomaly_rules",
    "Buckets": "distances",
    "CREDIT_CARD": "analyzers",
    "Check": "builder",
    "ColumnCount": "table_analyzers",
    "ColumnExists": "table_analyzers",
    "ColumnProfile": "profiling",
    "Completeness": "analyzers",
    "Compliance": "analyzers",
    "Conformal": "conformal",
    "Correlation": "analyzers",
    "CountDistinct": "group_analyzers",
    "CustomAggregator": "table_analyzers",
    "CustomSql": "table_analyzers",
    "DataType": "analyzers",
    "DatasetMatchAnalyzer": "table_analyzers",
    "Distinctness": "group_analyzers",
    "Distribution": "table_analyzers",
    "DuplicateRowCount": "group_analyzers",
    "EMAIL": "analyzers",
    "Edit": "edits",
    "Entropy": "group_analyzers",
    "ExactQuantile": "analyzers",
    "Field": "from_python",
    "Histogram": "group_analyzers",
    "HistogramBinned": "group_analyzers",
    "HoltWinters": "holt_winters",
    "InterquartileRange": "analyzers",
    "KLLSketch": "table_analyzers",
    "Kurtosis": "table_analyzers",
    "MaxLength": "analyzers",
    "Maximum": "analyzers",
    "Mean": "analyzers",
    "MetricHistory": "metric_history",
    "MinLength": "analyzers",
    "Minimum": "analyzers",
    "MutualInformation": "group_analyzers",
    "OnlineNormal": "anomaly_rules",
    "PatternMatch": "analyzers",
    "Profile": "profiling",
    "Range": "analyzers",
    "RateOfChange": "anomaly_rules",
    "RatioOfSums": "analyzers",
    "Recorded": "metric_history",
    "RelativeRateOfChange": "anomaly_rules",
    "RowResults": "failing",
    "SOCIAL_SECURITY_NUMBER_US": "analyzers",
    "Schema": "schema",
    "SimpleThreshold": "anomaly_rules",
    "Size": "analyzers",
    "Skewness": "table_analyzers",
    "StandardDeviation": "analyzers",
    "Sum": "analyzers",
    "URL": "analyzers",
    "Suggestion": "suggestion",
    "Suggestions": "suggestion",
    "UniqueValueRatio": "group_analyzers",
    "Uniqueness": "group_analyzers",
    "Variance": "analyzers",
    "Watch": "watching",
    "ZerosCount": "analyzers",
    "apply_edits": "edits",
    "compare": "drift",
    "describe_project": "first_project",
    "failing_rows": "failing",
    "from_class": "from_python",
    "fuzz": "fuzzing",
    "infer": "inference",
    "jensen_shannon": "distances",
    "l_infinity": "distances",
    "measure": "measuring",
    "newest_value": "anomalies",
    "normalized_absolute_difference": "distances",
    "population_stability": "distances",
    "profile": "profiling",
    "proposed_edits": "edits",
    "row_results": "failing",
    "skew": "row_skew",
    "strategies": "table_strategies",
    "validate": "checking",
    "suggest": "suggesting",
    "wasserstein": "distances",
}

__all__ = [
    "CREDIT_CARD",
    "EMAIL",
    "SOCIAL_SECURITY_NUMBER_US",
    "URL",
    "AbsoluteChange",
    "Analyzer",
    "Anomaly",
    "ApproxCountDistinct",
    "ApproxQuantile",
    "ApproxQuantiles",
    "BatchNormal",
    "Buckets",
    "Check",
    "ColumnCount",
    "ColumnExists",
    "ColumnProfile",
    "Completeness",
    "Compliance",
    "Conformal",
    "Correlation",
    "CountDistinct",
    "CustomAggregator",
    "CustomSql",
    "DataType",
    "DatasetMatchAnalyzer",
    "Distinctness",
    "Distribution",
    "DuplicateRowCount",
    "Edit",
    "Entropy",
    "ExactQuantile",
    "Field",
    "Histogram",
    "HistogramBinned",
    "HoltWinters",
    "InterquartileRange",
    "KLLSketch",
    "Kurtosis",
    "MaxLength",
    "Maximum",
    "Mean",
    "MetricHistory",
    "MinLength",
    "Minimum",
    "MutualInformation",
    "OnlineNormal",
    "PatternMatch",
    "Profile",
    "Range",
    "RateOfChange",
    "RatioOfSums",
    "Recorded",
    "RelativeRateOfChange",
    "RowResults",
    "Schema",
    "SimpleThreshold",
    "Size",
    "Skewness",
    "StandardDeviation",
    "Suggestion",
    "Suggestions",
    "Sum",
    "UniqueValueRatio",
    "Uniqueness",
    "Variance",
    "Watch",
    "ZerosCount",
    "apply_edits",
    "compare",
    "describe_project",
    "failing_rows",
    "from_class",
    "fuzz",
    "infer",
    "jensen_shannon",
    "l_infinity",
    "measure",
    "newest_value",
    "normalized_absolute_difference",
    "population_stability",
    "profile",
    "proposed_edits",
    "row_results",
    "skew",
    "strategies",
    "suggest",
    "validate",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"assay.validation.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
