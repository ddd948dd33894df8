from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Action, Assumption, Check, Claim, Evidence, Guarantee, Verdict
from assay.core import SCHEMA_VERSION
from assay.errors import CheckFailed, CheckInconclusive, ExitCode, StoreError

EXACT = Guarantee.exact(0.05, "false pass", [Assumption("days are independent", "declared")], "Clopper-Pearson")


def verdict(status: str = "pass", guarantee: Guarantee = EXACT, **more: object) -> Verdict:
    fields = {"check": "better", "code": "GAT101", "stage": "gate", "claim": Claim("n > 0.5")} | more
    return Verdict(status=status, guarantee=guarantee, **fields)  # type: ignore[arg-type]


def test_a_verdict_needs_a_guarantee() -> None:
    with pytest.raises(TypeError, match="guarantee"):
        Verdict(status="pass", check="a", code="GAT101", stage="gate", claim=Claim("n > 0.5"))  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Guarantee\.none"):
        verdict(guarantee=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["pass", "fail", "inconclusive", "skipped", "error"])
def test_truth_value_is_refused(status: str) -> None:
    with pytest.raises(TypeError, match="three outcomes"):
        bool(verdict(status))


def test_require() -> None:
    assert verdict("pass").require().passed
    with pytest.raises(CheckFailed) as failed:
        verdict("fail", reason="too low").require()
    assert failed.value.exit_code == ExitCode.FAILED
    assert "better: fail: too low" in str(failed.value)
    for status in ("inconclusive", "skipped", "error"):
        with pytest.raises(CheckInconclusive) as open_:
            verdict(status).require()
        assert open_.value.exit_code == ExitCode.INCONCLUSIVE


@pytest.mark.parametrize("power", ["blocking", "pages"])
@pytest.mark.parametrize("guarantee", [Guarantee.estimate("a number"), Guarantee.none("nothing")])
@pytest.mark.parametrize("status", ["pass", "fail"])
def test_what_promises_nothing_can_neither_block_nor_page(power: str, guarantee: Guarantee, status: str) -> None:
    with pytest.raises(ValueError, match="neither block nor page"):
        verdict(status, guarantee, **{power: True})
    assert verdict(status, guarantee).guarantee == guarantee
    assert verdict(status, EXACT, **{power: True}).status == status


def test_a_guarantee_says_its_error_or_has_none() -> None:
    with pytest.raises(ValueError, match="needs an error"):
        Guarantee("exact")
    with pytest.raises(ValueError, match="needs an error"):
        Guarantee.exact(1.0, "false pass")
    with pytest.raises(ValueError, match="cannot promise"):
        Guarantee("estimate", 0.05)
    assert str(Guarantee.exact(0.05, "false pass")) == "exact, 5% false pass"
    assert str(Guarantee.none("why")) == "no guarantee"


def test_evidence_is_finite() -> None:
    with pytest.raises(ValueError, match=r"evidence\.upper is inf"):
        Evidence(upper=float("inf"))
    with pytest.raises(ValueError, match="p_value"):
        Evidence(statistic={"p_value": float("nan")})


def test_id_depends_on_content_not_on_time() -> None:
    fast = verdict(evidence=Evidence(n=3, estimate=0.5, seconds=1.0))
    slow = verdict(evidence=Evidence(n=3, estimate=0.5, seconds=9.0))
    other = verdict(evidence=Evidence(n=4, estimate=0.5))
    assert fast.id == slow.id != other.id
    assert len(fast.id) == 12


names = st.text(max_size=8)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    status=st.sampled_from(["pass", "fail", "inconclusive", "skipped", "error"]),
    text=names,
    number=numbers,
    statistic=st.dictionaries(names, st.booleans() | st.integers(-(2**53), 2**53) | names | numbers, max_size=3),
    assumption=st.sampled_from(["checked", "declared", "unverifiable"]),
)
def test_json_round_trip(status: str, text: str, number: float | None, statistic: dict, assumption: str) -> None:  # type: ignore[type-arg]
    guarantee = Guarantee.anytime(0.01, text, [Assumption(text, assumption, text)])  # type: ignore[arg-type]
    evidence = Evidence(n=3, estimate=number, statistic=statistic, series={text: [number, text]})
    before = verdict(status, guarantee, claim=Claim(text, text), evidence=evidence, actions=(Action(text, labels=3),))
    after = Verdict.from_json(before.to_json())
    assert after == before
    assert after.id == before.id


def test_json_follows_its_published_schema() -> None:
    schema = msgspec.json.schema(Verdict)
    content = json.loads(verdict(evidence=Evidence(n=3)).to_json())
    jsonschema.validate(content, schema)
    del content["guarantee"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)


def test_json_of_another_time_is_refused_clearly() -> None:
    newer = verdict(schema_version=SCHEMA_VERSION + 1).to_json()
    with pytest.raises(StoreError, match="upgrade assay"):
        Verdict.from_json(newer)
    for broken in (b"", b"[]", b'{"status": "pass"}', b'{"status": "maybe"}'):
        with pytest.raises(StoreError, match="not a verdict"):
            Verdict.from_json(broken)


def test_schema_version_is_always_written() -> None:
    assert json.loads(verdict().to_json())["schema_version"] == SCHEMA_VERSION


def test_structs_are_frozen() -> None:
    for struct in (verdict(), EXACT, Evidence(), Claim("x"), Action("x"), Check(id="a", code="GAT101", stage="gate")):
        with pytest.raises(AttributeError):
            setattr(struct, struct.__struct_fields__[0], "other")
    with pytest.raises(ValueError, match="not in"):
        Check(id="a", code="GAT101", stage="gate", alpha=0.0)
