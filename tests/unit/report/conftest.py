"""Verdicts of a life: one project on flights, with every status and every shape of evidence."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import pytest

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.report import Answer, BudgetLine, ReportContext, StoryStep

DAYS_INDEPENDENT = Assumption("days are independent", "declared", "the unit is date")
LABELS_CORRECT = Assumption("labels are correct", "unverifiable")
STATIONARY = Assumption("the reference rows are drawn like the batch's", "unverifiable")
NO_CLUSTER = Assumption("no clustering within a day is left", "checked", "intraclass correlation 0.004, p = 0.41")

COLUMNS = [f"column_{place:02d}" for place in range(22)] + ["wind_gust"]


def column(name: str, status: str = "pass", share: float = 0.0, upper: float = 0.0016) -> Verdict:
    return Verdict(
        status=status,
        check="nulls",
        code="VAL104",
        stage="data",
        subject=name,
        claim=Claim(f"share of nulls in {name} <= 0.005"),
        guarantee=Guarantee.exact(
            0.05, "false alarm, all columns together", [STATIONARY], "Clopper & Pearson 1934; Holm 1979"
        ),
        evidence=Evidence(
            n=48210,
            measure=f"share of nulls in {name}",
            estimate=share,
            lower=max(0.0, share - 0.002),
            upper=upper,
            limit=0.005,
            level=0.998,
            method="clopper_pearson",
        ),
        blocking=True,
        reason=f"{share:.1%} of the rows are null",
        actions=(Action(f"look at the rows where {name} is null", f"assay profile live --column {name}"),)
        if status == "fail"
        else (),
    )


def feasibility() -> Verdict:
    return Verdict(
        status="inconclusive",
        check="worth-starting",
        code="FEA101",
        stage="feasibility",
        claim=Claim("the best reachable error < 0.15"),
        guarantee=Guarantee.exact(
            0.05,
            "false pass, over 3 candidates",
            [DAYS_INDEPENDENT, LABELS_CORRECT],
            "Clopper & Pearson 1934, Bonferroni over candidates",
        ),
        evidence=Evidence(
            n=26483,
            units=30,
            unit="date",
            measure="error of the best held-out classifier",
            estimate=0.171,
            upper=0.1893,
            limit=0.15,
            level=0.95,
            method="held_out_upper_bound",
            seed=7,
            series={
                "candidate": ["logistic", "boosting", "1-nn"],
                "error": [0.183, 0.171, 0.236],
                "upper": [0.2021, 0.1893, 0.2544],
            },
        ),
        reason="the certified limit 0.189 is above the target, which refutes nothing: a better model may exist",
        actions=(
            Action(
                "try a candidate with hourly weather",
                "assay feasibility --candidates boosting,weather",
                hours=0.5,
                effect="lowers the limit if weather carries signal",
            ),
        ),
    )


def estimate_only() -> Verdict:
    return Verdict(
        status="pass",
        check="cover-hart",
        code="FEA102",
        stage="feasibility",
        claim=Claim("1-NN lower estimate of the Bayes error"),
        guarantee=Guarantee.estimate("Cover & Hart 1967 hold in the limit of infinitely many rows"),
        evidence=Evidence(n=26483, measure="Cover-Hart lower estimate", estimate=0.1371, method="cover_hart"),
        severity="warn",
        reason="a number without an error bound",
    )


def gate() -> list[Verdict]:
    exact = Guarantee.exact(
        0.01,
        "false pass, over 32 adaptive answers",
        [DAYS_INDEPENDENT, LABELS_CORRECT, NO_CLUSTER],
        "Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024, Theorem 3",
    )
    better = Verdict(
        status="inconclusive",
        check="better",
        code="GAT101",
        stage="gate",
        claim=Claim("brier(new) - brier(old) < 0"),
        guarantee=exact,
        blocking=True,
        evidence=Evidence(
            n=27004,
            units=30,
            unit="date",
            measure="brier(new) - brier(old)",
            estimate=-0.0116,
            lower=-0.0243,
            upper=0.0011,
            limit=0.0,
            level=0.98,
            method="betting",
            seed=11,
            statistic={"log_wealth": 3.91, "needed": 4.605, "wins": 21, "p": 0.0201},
        ),
        reason="the interval [-0.0243, 0.0011] holds 0: the days decide neither way",
        actions=(
            Action(
                "label 9 more days of test",
                "assay labels suggest --dataset test --units 9",
                labels=8100,
                units=9,
                hours=22.5,
                effect="decides with probability 0.8 if the gain is the estimated 0.0116",
            ),
            Action("accept less: claim brier(new) - brier(old) < 0.005", effect="passes on these days"),
        ),
    )
    level = Verdict(
        status="pass",
        check="good-enough",
        code="GAT102",
        stage="gate",
        claim=Claim("n < 0.17"),
        guarantee=exact,
        blocking=True,
        evidence=Evidence(
            n=27004,
            units=30,
            unit="date",
            measure="error(new)",
            estimate=0.1412,
            lower=0.12,
            upper=0.1634,
            limit=0.17,
            level=0.98,
            method="betting",
        ),
        reason="the whole interval lies below 0.17",
    )
    slices = [
        Verdict(
            status=status,
            check="no-slice-worse",
            code="GAT201",
            stage="gate",
            subject=name,
            claim=Claim("accuracy(new) - accuracy(old) > -0.02", name),
            guarantee=exact,
            blocking=True,
            evidence=Evidence(
                n=n,
                units=30,
                unit="date",
                measure="accuracy(new) - accuracy(old)",
                estimate=estimate,
                lower=low,
                upper=high,
                limit=-0.02,
                level=0.99,
                method="betting",
            ),
            reason=reason,
            actions=(Action("look inside the slice", f"assay slices --within {name}"),) if status == "fail" else (),
        )
        for name, status, n, estimate, low, high, reason in [
            ("newark", "pass", 9101, 0.011, -0.004, 0.026, "the whole interval lies above -0.02"),
            ("kennedy", "pass", 8877, 0.013, -0.006, 0.032, "the whole interval lies above -0.02"),
            ("laguardia", "pass", 9026, 0.009, -0.009, 0.027, "the whole interval lies above -0.02"),
            (
                "evening",
                "fail",
                9412,
                -0.098,
                -0.169,
                -0.027,
                "the candidate is worse in the evening: the whole interval lies below -0.02",
            ),
        ]
    ]
    return [better, level, *slices]


def monitor() -> Verdict:
    draw = random.Random(3)
    start = date(2013, 4, 1)
    days = [start + timedelta(days=place) for place in range(120)]
    loss = [min(0.9, max(0.02, draw.gauss(0.19 if day < date(2013, 6, 20) else 0.30, 0.09))) for day in days]
    statistic, log_statistic = 0.0, []
    for value in loss:
        statistic = max(-2.0, statistic + math.log1p(2.2 * (value - 0.23)))
        log_statistic.append(round(statistic, 4))
    alarm = next(place for place, value in enumerate(log_statistic) if value > 2.4)
    return Verdict(
        status="fail",
        check="still-right",
        code="MON101",
        stage="monitor",
        claim=Claim("mean daily error of champion <= 0.23"),
        guarantee=Guarantee.anytime(
            0.05,
            "any false page within 90 days, over 4 streams",
            [DAYS_INDEPENDENT, LABELS_CORRECT],
            "Shin, Ramdas & Rinaldo, E-detectors, NEJSDS 2024, Theorem 2.4",
        ),
        evidence=Evidence(
            n=108004,
            units=120,
            unit="date",
            measure="daily error",
            estimate=0.2874,
            lower=0.241,
            limit=0.23,
            level=0.95,
            method="shiryaev_roberts",
            statistic={"log_threshold": 2.4, "alarm_at": days[alarm].isoformat(), "since": "2013-06-20"},
            series={
                "time": [day.isoformat() for day in days],
                "loss": [round(value, 4) for value in loss],
                "log_statistic": log_statistic,
            },
        ),
        pages=True,
        reason="the daily error has been above 0.23 since about 20 June 2013",
        actions=(
            Action(
                "retrain on the last 60 days and gate the candidate", "assay adapt flights", effect="the gate decides"
            ),
        ),
    )


def quiet() -> list[Verdict]:
    nothing = Guarantee.none("the check could not run")
    return [
        Verdict(
            status="skipped",
            check="serving-latency",
            code="SRV101",
            stage="serving",
            claim=Claim("p99 latency < 50 ms"),
            guarantee=nothing,
            reason="no request log yet: run `assay serve flights@champion`",
        ),
        Verdict(
            status="error",
            check="weather-join",
            code="DBG301",
            stage="debugging",
            claim=Claim("the weather join loses no flight"),
            guarantee=nothing,
            blocking=True,
            reason="column 'time_hour' is missing from table weather: name the join key",
        ),
    ]


def life() -> list[Verdict]:
    columns = [column(name) for name in COLUMNS if name != "wind_gust"] + [column("wind_gust", "fail", 0.0412, 0.0437)]
    return [*columns, feasibility(), estimate_only(), *gate(), monitor(), *quiet()]


def frame(verdicts: list[Verdict]) -> ReportContext:
    found = {verdict.name: verdict.id for verdict in verdicts}
    return ReportContext(
        project="flights",
        title="Late arrivals in New York, 2013",
        created="2026-11-23T22:00:00Z",
        version="0.1.0",
        exit_code=1,
        seconds=3.42,
        budget=(
            BudgetLine("alpha", 0.05, 0.05),
            BudgetLine("labels", 1200, 5000, "labels"),
            BudgetLine("queries", 21, 32, "answers"),
        ),
        answers=(
            Answer("Is my data fit?", "No: wind_gust is null in 4.1% of the rows", found["nulls[wind_gust]"]),
            Answer("Is it worth starting?", "Not decided: the certified limit is 0.189", found["worth-starting"]),
            Answer("May I merge this model?", "No: worse in the evening", found["no-slice-worse[evening]"]),
            Answer("Is it still right?", "No: the error rose about 20 June", found["still-right"]),
            Answer("Which label next?", "Not asked yet"),
        ),
        story=(
            StoryStep(
                "Look at the data",
                "assay check stage:data",
                "Twenty-two columns are as they were. One batch arrived with a null burst.",
                (found["nulls[wind_gust]"],),
            ),
            StoryStep(
                "Watch the world drift",
                "assay monitor flights",
                "Eleven quiet weeks raise no alarm; then the error rises.",
                (found["still-right"],),
            ),
        ),
        ledger="64 entries, the chain verifies, head 9be1f02c",
    )


@pytest.fixture(scope="session")
def verdicts() -> list[Verdict]:
    return life()


@pytest.fixture(scope="session")
def context(verdicts: list[Verdict]) -> ReportContext:
    return frame(verdicts)
