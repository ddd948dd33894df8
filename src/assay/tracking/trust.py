"""What a skops file may contain: types that only hold numbers, and tree nodes that stay inside their arrays.

skops builds objects by name, so a file is as safe as the names allowed. Its own default allows every public
scikit-learn estimator and NumPy type. The names added here are scikit-learn's private parts that hold arrays and
settings, and run nothing when they are built. Two of them, ``Tree`` and ``TreePredictor``, index raw memory by numbers
from the file; they are allowed because :func:`check_nodes` then proves each number to lie inside its array. Ball trees
and k-d trees do the same and are not checked, so they are not allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import skops.io
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.tree import BaseDecisionTree

from assay.errors import ModelError
from assay.tracking.archive import open_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKLEARN = {
    "calibration": ["_CalibratedClassifier", "_SigmoidCalibration"],
    "ensemble._hist_gradient_boosting.predictor": ["TreePredictor"],
    "feature_selection._univariate_selection": ["chi2", "f_classif", "f_regression"],
    "gaussian_process._gpc": ["_BinaryGaussianProcessClassifierLaplace"],
    "gaussian_process.kernels": [
        "ConstantKernel", "DotProduct", "Exponentiation", "Matern", "Product", "RBF", "RationalQuadratic", "Sum",
        "WhiteKernel",
    ],
    "metrics._classification": ["accuracy_score", "balanced_accuracy_score", "f1_score", "log_loss"],
    "metrics._regression": ["mean_absolute_error", "mean_squared_error", "r2_score"],
    "metrics._scorer": ["_CurveScorer", "_PassthroughScorer", "_Scorer"],
    "model_selection._split": ["GroupKFold", "KFold", "StratifiedGroupKFold", "StratifiedKFold", "TimeSeriesSplit"],
    "neural_network._stochastic_optimizers": ["AdamOptimizer", "SGDOptimizer"],
    "tree._tree": ["Tree"],
    "utils._bunch": ["Bunch"],
    "utils._metadata_requests": ["MetadataRequest", "MethodMetadataRequest"],
    "utils.validation": ["check_array"],
}  # fmt: skip
TRUSTED_TYPES = frozenset(
    {f"sklearn.{module}.{name}" for module, names in _SKLEARN.items() for name in names}
    # A partial calls nothing until it is used, and what it would call must be allowed too.
    | {"functools.partial", "numpy.dtype"}
    | {"scipy._lib.array_api_compat.numpy._aliases.asarray", "scipy.interpolate._bsplines.BSpline"}
)


def load_trusted(data: bytes) -> Any:
    """Build the object in a skops file if every type in it is allowed and every tree node is in range.

    Raises
    ------
    ModelError
        Names the types that are not allowed and the way out, or says what is wrong with the file.
    """
    with open_zip(data):
        pass
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED_TYPES)
    except Exception as error:
        raise ModelError(f"the skops file is damaged: {error}") from error
    if unknown:
        raise ModelError(
            f"the model holds types outside the allow-list: {', '.join(unknown)}; build it from scikit-learn's own "
            'parts (for nearest neighbors, algorithm="brute"), or keep it as code and name it module:callable'
        )
    try:
        model = skops.io.loads(data, trusted=sorted(TRUSTED_TYPES))
    except Exception as error:
        raise ModelError(f"the skops file cannot be built with the versions installed here: {error}") from error
    check_nodes(model)
    return model


def check_nodes(model: object) -> None:
    """Refuse a model whose trees point outside their arrays, or back to an earlier node.

    scikit-learn walks trees without bounds checks, so a crafted file could read foreign memory or never end.
    A walk is safe when each inner node's children come after it and before the end, and its feature is one of the
    input's.

    Raises
    ------
    ModelError
        A node is out of range.
    """
    for part in _parts(model, set()):
        try:
            safe = _is_safe(part)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{type(part).__name__} is incomplete, so the file is damaged: {error}") from error
        if not safe:
            raise ModelError(f"{type(part).__name__} has a tree node out of range, so the file is damaged or crafted")


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Every estimator inside a model, once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, list | tuple):
        children = list(value)
    elif isinstance(value, np.ndarray):
        children = list(value.flat) if value.dtype == object else []
    elif type(value).__module__.startswith("sklearn.") and hasattr(value, "__dict__"):
        yield value
        children = list(vars(value).values())
    else:
        return
    for child in children:
        yield from _parts(child, seen)


def _is_safe(part: Any) -> bool:
    if isinstance(part, BaseDecisionTree):
        tree = getattr(part, "tree_", None)
        return tree is None or (
            tree.n_features == part.n_features_in_
            and len(tree.value) >= tree.node_count
            and _forward(
                tree.children_left, tree.children_right, tree.feature, tree.children_left == -1, tree.n_features
            )
        )
    if isinstance(part, IsolationForest) and hasattr(part, "estimators_"):
        widths = [len(chosen) for chosen in part.estimators_features_]
        return [each.n_features_in_ for each in part.estimators_] == widths
    if isinstance(part, BaseForest | BaseGradientBoosting) and hasattr(part, "estimators_"):
        # These hand their rows to the trees without a second look at the width.
        return all(
            each.n_features_in_ == part.n_features_in_ for each in np.ravel(np.asarray(part.estimators_, dtype=object))
        )
    if isinstance(part, BaseHistGradientBoosting) and hasattr(part, "_predictors"):
        categorical = part._bin_mapper.is_categorical_ != 0
        if len(categorical) != part.n_features_in_:
            return False
        return all(_hist_tree_is_safe(tree, categorical) for iteration in part._predictors for tree in iteration)
    return True


def _hist_tree_is_safe(tree: Any, categorical: Any) -> bool:
    nodes = tree.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    split = inner[inner["is_categorical"] != 0]
    in_range = _forward(nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"] != 0, len(categorical))
    return bool(
        in_range
        and categorical[split["feature_idx"]].all()
        and (split["bitset_idx"] < len(tree.raw_left_cat_bitsets)).all()
        and tree.raw_left_cat_bitsets.shape[1:] == (8,)
    )


def _forward(left: Any, right: Any, feature: Any, leaf: Any, n_features: int) -> bool:
    """True when every walk from the root ends: children follow their parent and exist, features exist."""
    inner = np.flatnonzero(~leaf)
    children = np.stack([left[inner], right[inner]]).astype(np.int64)
    features = feature[inner]
    return bool(
        len(leaf) > 0
        and (children > inner).all()
        and (children < len(leaf)).all()
        and (features >= 0).all()
        and (features < n_features).all()
    )
