"""The description of ``/api/v1`` as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

import assay


def _answer(what: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": schema or {"$ref": "#/components/schemas/Error"}}}
    return {"description": what, "content": content}


_REFUSED = {
    "401": _answer("no token, or one that is unknown"),
    "404": _answer("no such check or verdict"),
    "503": _answer("the store or the test set does not answer"),
}
_CHECK = {"name": "check", "in": "path", "required": True, "schema": {"type": "string"}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_COLUMNS = {
    "type": "object",
    "properties": {"prediction": {"type": "array"}},
    "required": ["prediction"],
    "additionalProperties": {"type": "array"},
}
_VERDICT = {
    "type": "object",
    "description": "See docs/reference/verdict.schema.json.",
    "required": ["status", "guarantee", "check", "code", "claim"],
}
_JUDGED = {
    "type": "object",
    "required": ["check", "passed", "exit_code", "verdicts", "ids"],
    "properties": {
        "check": {"type": "string"},
        "passed": {"type": "boolean", "description": "whether all its verdicts pass"},
        "exit_code": {"type": "integer", "description": "what `assay gate` would end with: 0, 1, 3 or 4"},
        "verdicts": {"type": "array", "items": _VERDICT},
        "ids": {"type": "array", "items": {"type": "string"}},
        "alarm": {"type": "string", "description": "why there was no answer left to give"},
        "waivers": {
            "type": "array",
            "items": {"type": "object", "required": ["check", "owner", "reason", "expires"]},
            "description": "what lets a verdict through that did not pass",
        },
        "numbers": {
            "type": "array",
            "items": {"oneOf": [_VERDICT, {"type": "null"}]},
            "description": "for owners: each verdict with its numbers, where they were kept",
        },
    },
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "assay",
        "version": assay.__version__,
        "description": "Judge predictions against held test sets.",
    },
    "security": [{"token": []}],
    "paths": {
        "/api/v1/health": {
            "get": {
                "summary": "Whether the judge answers",
                "security": [],
                "responses": {"200": _answer("it does", {})},
            }
        },
        "/api/v1/openapi.json": {
            "get": {"summary": "This document", "security": [], "responses": {"200": _answer("OpenAPI 3.1", {})}}
        },
        "/api/v1/gate": {
            "get": {"summary": "The checks that can be asked", "responses": {"200": _answer("checks", {}), **_REFUSED}}
        },
        "/api/v1/gate/{check}": {
            "post": {
                "summary": "Judge predictions",
                "parameters": [
                    _CHECK,
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "schema": {"type": "string", "maxLength": 200},
                        "description": "the same key with the same body gives the same answer and spends nothing",
                    },
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"oneOf": [_COLUMNS, {"type": "array", "description": "rows, or predictions"}]}
                        },
                        "application/vnd.apache.parquet": {},
                        "application/vnd.apache.arrow.stream": {},
                        "application/vnd.apache.arrow.file": {},
                    },
                },
                "responses": {
                    "200": _answer("the verdict, as far as it is disclosed", _JUDGED),
                    **_REFUSED,
                    "400": _answer("the body or the key cannot be read"),
                    "409": _answer("another request holds what this one needs: ask again"),
                    "413": _answer("the body is too large"),
                    "415": _answer("a content type that nobody reads"),
                    "422": _answer("no predictions for these rows, or a key that came with another body"),
                },
            }
        },
        "/api/v1/gate/{check}/inputs": {
            "get": {
                "summary": "The rows to predict, without labels",
                "parameters": [_CHECK],
                "responses": {
                    "200": {"description": "Parquet", "content": {"application/vnd.apache.parquet": {}}},
                    **_REFUSED,
                },
            }
        },
        "/api/v1/verdicts/{id}": {
            "get": {
                "summary": "A verdict, as far as it is disclosed",
                "parameters": [_ID],
                "responses": {"200": _answer("the verdict", _VERDICT), **_REFUSED},
            }
        },
        "/api/v1/verdicts/{id}/numbers": {
            "get": {
                "summary": "A verdict with its numbers, for owners",
                "parameters": [_ID],
                "responses": {"200": _answer("the verdict", _VERDICT), **_REFUSED, "403": _answer("not an owner")},
            }
        },
    },
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}},
    },
}
