"""The built-in rules by code: what each says, why it matters, when it misleads."""

from __future__ import annotations

import msgspec

from assay.core.check import Stage
from assay.core.nearest import did_you_mean
from assay.errors import UsageError


class Rule(msgspec.Struct, frozen=True):
    """A kind of verdict. ``code`` is never used for anything else.

    A change that can change a verdict raises ``method_version``: the evidence carries it, and stored verdicts of an
    older one are asked, and paid for, again. Upgrading assay costs nothing else.
    """

    code: str
    title: str
    stage: Stage
    what: str
    why: str
    misleads: str
    guarantee: str
    source: str
    method_version: int = 1


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
        "VAL101",
        "columns and types",
        "data",
        "Compares the columns and types of a batch with the schema. A training table without a batch is told by itself: "
        "whether a column is empty, and whether the label has a value in each row, and several.",
        "A renamed or retyped column breaks a model without an error message.",
        "A column may keep its name and type and change its meaning.",
        "exact: a fact that was read",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL102",
        "missing values",
        "data",
        "Tests whether more values are missing than the reference and the tolerance allow.",
        "A broken join or sensor shows first as missing values.",
        "A pass says that no fault was shown, not that there is none: see the smallest rate that it would have found.",
        "exact: any false alarm over all columns and rules of a batch has probability at most alpha",
        "Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 1979",
    ),
    Rule(
        "VAL103",
        "range",
        "data",
        "Tests whether more values lie outside the range of the schema than the tolerance allows.",
        "Wrong units and sentinel values such as -999 lie outside the range that was seen.",
        "A range that was seen in winter is no range for summer: review the schema.",
        "exact: as VAL102",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL104",
        "categories",
        "data",
        "Tests whether more values are none of the known categories than the tolerance allows.",
        "A model has nothing to say about a category that it never saw.",
        "New categories may be right: a new store, a new carrier. Then widen the schema.",
        "exact: as VAL102",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL105",
        "tails",
        "data",
        "Tests whether more values lie beyond the outer quantiles of the reference than the tolerance allows.",
        "A change of unit (miles to kilometers) can stay inside the range and still move every value.",
        "A season moves tails too. The verdict says that values moved, not that the model suffers.",
        "exact: as VAL102",
        "Clopper and Pearson, Biometrika 1934; Holm, Scand. J. Stat. 1979",
    ),
    Rule(
        "VAL106",
        "new columns",
        "data",
        "Asks, where the schema forbids new columns, whether any came.",
        "A column that nobody described is a change upstream that nobody announced.",
        "A new column may be wanted: describe it in the schema.",
        "exact: a fact that was counted",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL107",
        "rows",
        "data",
        "Holds the number of rows, or of rows for each row of the reference, against its bounds.",
        "A partition that was sent twice, or half of one, has good values in every row.",
        "A holiday has few rows without a fault.",
        "exact: a fact that was counted",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL108",
        "number of columns",
        "data",
        "Holds the number of columns against its bounds.",
        "Files of another width are often of another version.",
        "The right number of columns may be the wrong columns: see VAL101.",
        "exact: a fact that was counted",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL109",
        "freshness",
        "data",
        "Asks whether the newest time is older than the schema allows.",
        "An old partition delivered again passes every other rule.",
        "Times without a zone are read as UTC.",
        "exact: a fact that was counted",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL110",
        "NaN",
        "data",
        "Holds the share of NaN, told from missing values, against its limit.",
        "NaN spreads through sums and means and raises no error.",
        "A format that has no NULL writes missing values as NaN.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL111",
        "infinite values",
        "data",
        "Holds the share of infinite values against its limit.",
        "A division by zero upstream becomes a feature.",
        "None known.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL112",
        "length of texts",
        "data",
        "Holds the share of texts that are too short or too long against its limit.",
        "Cut fields and shifted columns show in lengths first.",
        "Characters are counted, not bytes.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL113",
        "pattern",
        "data",
        "Holds the share of texts that do not match a regular expression from end to end against its limit.",
        "Ids and codes have a form, and what lacks it joins with nothing.",
        "The syntax is RE2's: no look-around and no back-references.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL114",
        "format",
        "data",
        "Holds the share of texts that are no e-mail address, URL, UUID, ... against its limit.",
        "A column of addresses that holds names was mapped wrongly.",
        "A text of the right form need not exist: no address is written to, no card number is charged.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL115",
        "texts that parse",
        "data",
        "Holds the share of texts that cannot be read as a number, date, ... against its limit.",
        "One text among numbers turns a whole column into texts.",
        "01/02/2026 parses as two different days: state the format.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL116",
        "values of a list",
        "data",
        "Holds the share of lists that are too short or too long against its limit.",
        "Padding and cut sequences change what a model sees.",
        "An empty list and a missing one are told apart: see VAL102.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL117",
        "shape",
        "data",
        "Asks whether nested lists have the one shape that the schema states.",
        "An image of another size is an error deep inside a model.",
        "Rows and columns that are swapped in a square go unseen.",
        "exact: a fact that was counted",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL118",
        "uniqueness",
        "data",
        "Counts rows whose value another row has too.",
        "Rows that come twice count twice in every sum, and leak from training to test.",
        "A fact of this table: nothing is said of pairs across two batches.",
        "exact: a fact that was counted",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL119",
        "different values",
        "data",
        "Holds the exact number of different values against its bounds.",
        "A column with one value has lost its meaning, one with many more has lost its code list.",
        "More rows have more different values without a fault.",
        "exact: a fact that was counted",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL120",
        "predicate",
        "data",
        "Holds the share of rows for which an SQL predicate is false against its limit.",
        "What holds between columns breaks where each column alone is right.",
        "A row for which it is NULL keeps it.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL121",
        "sum",
        "data",
        "Holds the share of rows whose parts do not add up against its limit.",
        "Totals that do not match their parts show a lost or doubled column.",
        "Fractions add up to within a rounding: state within.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL122",
        "key",
        "data",
        "Counts rows that share a key with another row, or lack a part of it.",
        "A join on what is no key multiplies rows.",
        "A fact of this table: nothing is said of pairs across two batches.",
        "exact: a fact that was counted",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL123",
        "functional dependency",
        "data",
        "Counts rows that agree on some columns with a row from which they differ on others.",
        "One postal code with two cities is a broken table of codes.",
        "One wrong row counts all rows of its group.",
        "exact: a fact that was counted",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL124",
        "foreign key",
        "data",
        "Holds the share of rows whose key is not in the other table against its limit.",
        "Orders of unknown customers vanish in every join.",
        "The other table may lag behind: a new customer is no fault. A missing key keeps it.",
        "exact: where no row may break it, a fact that was counted; with a limit above 0, as VAL102",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL125",
        "metric",
        "data",
        "Holds a number of the table, such as a mean or an entropy, against the bounds that a person set.",
        "Some faults show in no row, only in a sum of them.",
        "A number of one table against fixed bounds: that chance may move it is not asked.",
        "exact: a fact that was computed; an estimate for sketches (ApproxQuantile, ApproxCountDistinct)",
        "Schelter et al., Automating Large-Scale Data Quality Verification, PVLDB 2018",
    ),
    Rule(
        "VAL201",
        "drift",
        "data",
        "Tests whether a column's distribution has moved by more than a tolerance: the Kolmogorov-Smirnov distance of "
        "numbers, the total variation of texts, with missing and never seen values as part of it.",
        'With many rows every test of "no change" alarms, and with few rows every fixed limit does. A tolerance says '
        "how much change does no harm, and the verdict names the rows that moved.",
        "A season moves distributions without a fault. Numbers are rounded to 0.05% first, so finer moves are not seen.",
        "exact: any false alarm, or with across = 'fdr' the share of false alarms, has probability at most alpha over "
        "all columns of a batch",
        "Clopper and Pearson, Biometrika 1934; Massart, Annals of Probability 1990; Wang and Ramdas, JRSS B 2022",
    ),
    Rule(
        "VAL202",
        "skew between training and serving",
        "data",
        "As VAL201, between the training data and what is served.",
        "A feature that is computed in two places drifts apart from itself.",
        "Serving data of one day are compared with training data of a year.",
        "exact: as VAL201",
        "as VAL201",
    ),
    Rule(
        "VAL203",
        "distance by name",
        "data",
        "Holds a distance that another tool decides by (L-infinity, Jensen-Shannon, PSI, Wasserstein) against a limit.",
        "A limit that a team has lived with can be kept.",
        "With few rows or many categories these distances are large without a fault.",
        "estimate: no error bound",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL301",
        "skew of a feature",
        "data",
        "Joins rows of training and serving by key and tells how often a feature differs, with examples.",
        "Two pieces of code that make one feature seldom agree in every row, and no distribution shows it.",
        "A value that may rightly change between the two, such as a running total, differs without a fault.",
        "exact: a fact about the joined rows; with a tolerance any error over all features has probability at most alpha",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019; Clopper and Pearson, Biometrika 1934",
    ),
    Rule(
        "VAL302",
        "join of training and serving",
        "data",
        "Counts the rows that training and serving have in common by key, and those that only one has.",
        "Where few rows are joined, the comparison of features speaks of few.",
        "Rows of one side alone are normal where only a part was logged.",
        "exact: a fact that was read",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019",
    ),
    Rule(
        "VAL401",
        "rate over batches",
        "data",
        "Watches each rate that the schema limits, batch after batch, and alarms when the batches together show it to lie "
        "above its limit.",
        "A check of each batch alone at 5% alarms without a fault every twentieth day, or is blind to a small rise that "
        "lasts. Here false alarms are counted in years.",
        "A season that breaks a limit is an alarm. Distributions are not watched.",
        "anytime: the expected number of false alarms in a period, over all rules, is at most what was allowed; withdrawn "
        "where rates come in runs, have a season, or differ more than those of independent rows",
        "Shin, Ramdas and Rinaldo, E-detectors, NEJSDS 2024",
    ),
    Rule(
        "VAL501",
        "newest value of a metric",
        "data",
        "Holds the newest value of a metric (rows, completeness, a mean) against those of earlier batches, by one of several "
        "rules. It is asked in Python, of a history that measurements were appended to.",
        "A batch that is half the usual size has no row that is wrong.",
        "A fault that stays in the history makes the next one look ordinary. A history that is correlated, or has a season "
        "that is not named, has no guarantee; it is tested for both.",
        "exact by rank (Conformal): a false alarm has probability at most alpha, for each batch; an estimate or none for "
        "the rules of Deequ",
        "Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005",
    ),
    Rule(
        "VAL601",
        "no exception",
        "data",
        "Runs a function on tables that the schema permits, and sees whether it raises.",
        "Code meets a value that its author did not think of in production, where a row is lost or the service falls.",
        "The schema is fuzzed, not the world: a schema that is too narrow hides what comes, one that is too wide finds what never does.",
        "exact: a failure is a fact; after N clean independent random tables, P(failure) <= 1 - alpha^(1/N) under their stated distribution, wrong with probability at most alpha",
        "Breck et al., Data Validation for Machine Learning, MLSys 2019; Clopper and Pearson, Biometrika 1934",
    ),
    Rule(
        "VAL602",
        "finite results",
        "data",
        "Sees whether NaN or infinity comes out of a function for a table that the schema permits.",
        "A NaN in a feature or a loss spreads silently.",
        "NaN may be meant, for a model that takes it: then leave this oracle out.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL603",
        "shape and types of results",
        "data",
        "Sees whether a function gives one result for each row, of the same columns and types for every legal table.",
        "A column that changes its type with the batch, or a row that is dropped, moves predictions to other rows.",
        "A function that leaves out rows on purpose fails: leave this oracle out for it.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL604",
        "order of rows",
        "data",
        "Sees whether the order of rows changes what each row gets.",
        "Code that uses neighboring rows, or leaks order, answers differently in production.",
        "One order is tried for each table. A function of a time series depends on the order rightly.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL605",
        "row alone",
        "data",
        "Sees whether a row gets alone what it gets in a table.",
        "Statistics of the batch in a feature (a mean, a rank, a set of categories) make training and serving differ.",
        "At most four rows of a table are asked for alone.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL606",
        "training path and serving path",
        "data",
        "Sees whether two functions give the same for every legal table.",
        "Training/serving skew is found before production.",
        "Both may be wrong in the same way.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL607",
        "idempotence",
        "data",
        "Sees whether a function applied to its own result changes nothing.",
        "Cleaning that is not idempotent damages data that are already clean.",
        "Many right functions are not idempotent: it is asked only when named.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL608",
        "duplicate row",
        "data",
        "Sees whether a row that comes twice changes what the other rows get.",
        "Retries and joins bring rows twice.",
        "The first row alone is repeated.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL609",
        "pickle",
        "data",
        "Sees whether function and result come back from pickle as they were.",
        "Workers and stores send models and results through pickle.",
        "A function of a module is pickled by its name, so that only its result is tested.",
        "exact: as VAL601",
        "as VAL601",
    ),
    Rule(
        "VAL610",
        "latency",
        "data",
        "Sees whether a function takes longer than a bound on a legal table.",
        "A value that makes code slow stops a service.",
        "A busy machine is slow too; the better of two measurements counts.",
        "exact: as VAL601",
        "as VAL601",
    ),
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
