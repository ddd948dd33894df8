from __future__ import annotations

import copy
import json

import jsonschema
import pytest

from assay.core import Verdict
from assay.report import ReportContext, report_schema, to_json, verdict_schema


def test_a_report_obeys_its_schema(verdicts, context):
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    report = json.loads(to_json(verdicts, context))
    validator.validate(report)
    validator.validate(json.loads(to_json([], ReportContext())))
    assert report["summary"] == {"pass": 27, "fail": 3, "inconclusive": 2, "skipped": 1, "error": 1}
    assert report["ledger"] == context.ledger


@pytest.mark.parametrize("spoil", [{"status": "maybe"}, {"guarantee": None}, {"id": "no id"}, {"stage": "moon"}])
def test_the_schema_refuses_what_is_no_verdict(verdicts, spoil):
    validator = jsonschema.Draft202012Validator(verdict_schema())
    good = json.loads(to_json(verdicts[:1]))["verdicts"][0]
    validator.validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**copy.deepcopy(good), **spoil})


def test_each_verdict_is_read_back_and_has_its_id(verdicts):
    for verdict, record in zip(verdicts, json.loads(to_json(verdicts))["verdicts"], strict=True):
        assert record["id"] == verdict.id
        assert Verdict.from_json(json.dumps(record)) == verdict


def test_defaults_are_written_and_the_bytes_are_stable(verdicts, context):
    record = json.loads(to_json(verdicts))["verdicts"][-2]
    assert record["blocking"] is False
    assert record["evidence"]["estimate"] is None
    assert to_json(verdicts, context) == to_json(list(verdicts), context)
