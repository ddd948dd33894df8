"""The built-in rules by code: what each says, why it matters, when it misleads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.checks.rule import Rule
from assay.checks.rules_of_behavior import BEHAVIOR
from assay.checks.rules_of_data import DATA
from assay.core.nearest import did_you_mean
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.core.check import Stage

RULES: tuple[Rule, ...] = (
    Rule(
        "FEA101",
        "certified limit on the Bayes error",
        "feasibility",
        "Trains a few plain classifiers on one part of the data and bounds their error on the other. The best "
        "possible classifier errs at most that often, so a bound below the target shows that the target can be met. A pass "
        "needs a classifier that is certainly better than always answering the most common class, too.",
        "Months of work on a target that the data cannot support are the most expensive failure there is.",
        "It never says that a target cannot be met: a better model may exist. It speaks of data like these; if the "
        "world moves, so does the limit.",
        "exact: the limit is wrong with probability at most alpha, over all candidates together",
        "Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 1934; with a unit, Waudby-Smith "
        "and Ramdas, Estimating means of bounded random variables by betting, JRSS B 2024",
        2,
    ),
    Rule(
        "FEA102",
        "nearest-neighbor estimate of the Bayes error",
        "feasibility",
        "The error of the nearest neighbor, and what Cover and Hart's inequality makes of it.",
        "A quick look at how hard a problem is before any model is tuned.",
        "The inequality holds in the limit of infinite data. In many dimensions the number is far too high, and it "
        "moves with the scaling of the features.",
        "estimate: no error bound at any finite number of rows",
        "Cover and Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 1967",
        2,
    ),
    Rule(
        "FEA103",
        "leakage of a secret",
        "feasibility",
        "Attacks are trained on one part of the rows to tell a secret from what is observed of it, and judged on the other. "
        "Their error over that of a blind guess bounds the Bayes security from above.",
        "Embeddings, logs and traffic tell more than was meant; a protected attribute that can be recovered will be.",
        "That no attack succeeds does not show that none could, unless the possible observations are few and known.",
        "exact: a leak is claimed falsely with probability at most alpha, over all attacks together",
        "Cherubin, Bayes, not naive: security bounds on website fingerprinting defenses, PoPETs 2017",
    ),
    Rule(
        "FEA201",
        "feasibility study",
        "feasibility",
        "Bounds the Bayes error from above by classifiers, from below where labels are there twice, reads nearest neighbors "
        "and a learning curve, and picks one of five outcomes: ACHIEVED, UNREALISTIC, LIKELY UNREALISTIC, LIKELY ACHIEVABLE, "
        "UNDECIDED.",
        "A number between 0 and 1 is no decision. What is certain, what is likely and what to do next are three things.",
        "LIKELY is not certain: a curve can bend, and class probabilities can move faster than a model sees.",
        "exact for ACHIEVED (pass) and UNREALISTIC (fail): each is wrong with probability at most alpha; all else is "
        "conditional or an estimate, and says so",
        "Renggli et al., Automatic Feasibility Study via Data Quality Analysis for ML, ICDE 2023; Cover and Hart, IEEE Trans. "
        "Inf. Theory 1967; Antos, Devroye and Gyorfi, IEEE TPAMI 1999",
    ),
    Rule(
        "FEA301",
        "which data to buy",
        "feasibility",
        "A law of how the loss falls with the rows of each source is fitted to small training runs, and the purchase that makes its "
        "forecast least is looked for.",
        "Rows of one source can be worth many times those of another, and the best mix for a little money is not that for much.",
        "The law is supposed to go on beyond the runs. The loss that it forecasts is less to be trusted than the mix that it picks; "
        "how far it missed the largest runs stands beside it.",
        "estimate: no error bound",
        "Hashimoto, Model performance scaling with multiple data sources, ICML 2021",
    ),
    *DATA,
    *BEHAVIOR,
    Rule(
        "GAT101",
        "claim about a model",
        "gate",
        "Tests a claim about the new model (n), the old one (o) and the share of changed predictions (d).",
        "Two point estimates differ by chance; the gate says how sure it is, and what would make it surer.",
        "Rows of one customer or day are not independent: declare the unit. A test set that is asked again and again "
        "answers less and less: the ledger counts.",
        "exact: a false pass has probability at most alpha, over all the answers that the set may give",
        "Renggli et al., Continuous Integration of Machine Learning Models with ease.ml/ci, MLSys 2019",
        # Differences beyond a margin take the trinomial test, units their totals; copies of rows are found.
        method_version=2,
    ),
    Rule(
        "GAT102",
        "claim about a model in a slice",
        "gate",
        "Tests a claim in each of several slices.",
        "An average can rise while a part of the users is served worse.",
        "Small slices have little evidence and stay inconclusive for long.",
        "exact: any false pass over all slices has probability at most alpha",
        "Bonferroni; as GAT101",
        method_version=2,  # as GAT101
    ),
    Rule(
        "GAT103",
        "no slice got worse",
        "gate",
        "Bounds the rise of the error in every slice that the columns describe, up to a number of conditions.",
        "Nobody declares all the slices that matter; an average can rise while one of them is served worse.",
        "Slices below the support are not looked at, and a pass speaks of the columns and bins at hand alone. Few units "
        "decide little.",
        "exact: a false pass has probability at most alpha, over all slices and all the answers that the set may give",
        "Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 1982",
    ),
    Rule(
        "DBG201",
        "wrong labels among those flagged",
        "debugging",
        "Flags labels by confident learning on predictions of models that did not see the rows, and certifies from a random "
        "sample that a person looked at which share of the flags is right.",
        "Going through thousands of flags is worth it only if many of them are wrong labels.",
        "A person who looks may err as the labeler did. It says nothing of wrong labels that are not flagged.",
        "exact: a wrong verdict has probability at most alpha, over the draw of the sample",
        "Northcutt, Jiang and Chuang, Confident learning, JAIR 2021; Clopper and Pearson, Biometrika 1934, for a finite set",
    ),
    Rule(
        "DBG301",
        "certain predictions",
        "debugging",
        "Tells which predictions of k nearest neighbors are the same for every way to fill in the missing cells of the training "
        "rows, and passes if all are. Until then it names the cell whose value would settle the most.",
        "Most missing cells change no prediction; finding out all of them is work for nothing.",
        "It speaks of k nearest neighbors on the columns as they are scaled, not of another model, and is void if the true value "
        "of a cell is not among its repairs. It runs from Python alone, assay.debugging.certain_predictions.",
        "exact: decided in whole numbers over all combinations of repairs, with no probability in it",
        "Karlaš et al., Nearest neighbor classifiers over incomplete information: from certain answers to certain "
        "predictions, PVLDB 2020",
    ),
    Rule(
        "MON101",
        "harm",
        "monitor",
        "Watches the loss of the served model as labels arrive, in all rows and in each declared slice, and calls "
        "when it has risen above what was certified before.",
        "Inputs drift all the time and mostly do no harm; what matters is that the model errs more.",
        "It needs labels, and it hears of a rise as late as they come.",
        "anytime: any false alarm within the horizon has probability at most alpha, however often one looks",
        "Shin, Ramdas and Rinaldo, E-detectors: a nonparametric framework for sequential change detection, NEJSDS 2024",
        # The threshold for rows or customers as units with a timestamp has changed.
        method_version=2,
    ),
    Rule(
        "ADP101",
        "retraining",
        "adapt",
        "Trains on recent units, judges the candidate on newer ones that neither model was trained on, and promotes "
        "it when every blocking gate check passes.",
        "Retraining on a schedule replaces models that were right by models that are not.",
        "The newest units judge the candidate, so that it is trained on slightly older ones.",
        "that of the gate checks that judged the candidate",
        "as GAT101",
    ),
    Rule(
        "SRV101",
        "stored model",
        "serving",
        "Loads a stored model and compares its answer to the stored example with the stored answer.",
        "Another library version can load a model without an error and predict something else.",
        "One example cannot show that all predictions are the same.",
        "exact: a fact that was read",
        "none",
    ),
)


def method_versions(stage: Stage) -> dict[str, int]:
    """Version of the method of each code of a stage."""
    return {rule.code: rule.method_version for rule in RULES if rule.stage == stage}


def get(code: str) -> Rule:
    """Return the rule of a code.

    Raises
    ------
    UsageError
        If no rule has it.
    """
    for rule in RULES:
        if rule.code == code.upper():
            return rule
    raise UsageError(f"no rule has the code {code!r}; {did_you_mean(code, [r.code for r in RULES], 'codes')}")
