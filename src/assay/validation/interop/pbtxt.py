"""The text format of protocol buffers, read into mappings without a description of the messages."""

from __future__ import annotations

import re
from typing import Any

from assay.errors import DataError
from assay.validation.interop.reading import DEEPEST

_TOKEN = re.compile(
    r"""(?P<space>[\s;,]+|\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<sign>[{}<>\[\]:])
      | (?P<word>[-+]?[A-Za-z0-9_.+/-]+)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?")


def parse(text: str, path: str) -> dict[str, Any]:
    """Read a message: a field that comes more than once is a list, a message a mapping, an enumeration its name.

    Raises
    ------
    DataError
        If it is not the text format; names the line.
    """
    return _Parser(text, path).message(None, 0)


class _Parser:
    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._error(at, f"{text[at]!r} is not expected")
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found.group(), at))
            at = found.end()
        self.place = 0

    def message(self, end: str | None, depth: int) -> dict[str, Any]:
        if depth > DEEPEST:
            raise self._error(self._at(), f"messages lie deeper than {DEEPEST}")
        fields: dict[str, list[Any]] = {}
        while True:
            kind, token = self._peek()
            if kind == "end" or token == end:
                if kind == "end" and end is not None:
                    raise self._error(self._at(), f"{end} is missing")
                self.place += 1
                return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
            name = self._name()
            fields.setdefault(name, []).extend(self._values(depth))

    def _name(self) -> str:
        kind, token = self._take()
        if token == "[":
            _, inner = self._take()
            if self._take()[1] != "]":
                raise self._error(self._at(), "] is missing")
            return f"[{inner}]"
        if kind != "word":
            raise self._error(self._at(-1), f"{token!r} stands where a field's name should")
        return token

    def _values(self, depth: int) -> list[Any]:
        colon = self._peek()[1] == ":"
        if colon:
            self.place += 1
        kind, token = self._peek()
        if kind == "sign" and token == "[" and colon:
            self.place += 1
            found = []
            while self._peek()[1] != "]" or self._peek()[0] != "sign":
                found.append(self._value(depth))
            self.place += 1
            return found
        if not colon and token not in ("{", "<"):
            raise self._error(self._at(), "a colon or a message is missing after the field's name")
        return [self._value(depth)]

    def _value(self, depth: int) -> Any:
        kind, token = self._take()
        if kind == "sign" and token in ("{", "<"):
            return self.message("}" if token == "{" else ">", depth + 1)
        if kind == "string":
            parts = [token]
            while self._peek()[0] == "string":
                parts.append(self._take()[1])
            raw = b"".join(_ESCAPE.sub(_unescape, part[1:-1].encode()) for part in parts)
            return raw.decode("utf-8", "backslashreplace")
        if kind != "word":
            raise self._error(self._at(-1), f"{token!r} stands where a value should")
        return _scalar(token)

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.place][:2] if self.place < len(self.tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        found = self._peek()
        if found[0] == "end":
            raise self._error(len(self.text), "the file ends in the middle of a field")
        self.place += 1
        return found

    def _at(self, back: int = 0) -> int:
        place = self.place + back
        return self.tokens[place][2] if place < len(self.tokens) else len(self.text)

    def _error(self, at: int, said: str) -> DataError:
        line = self.text.count("\n", 0, at) + 1
        return DataError(f"{self.path}, line {line}: {said}: it is no protocol buffer in text format")


def _unescape(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, four, eight, letter = found.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 255])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if four is not None or eight is not None:
        point = int(four or eight, 16)
        return chr(point).encode("utf-8", "replace") if point < 0x110000 else b"?"
    return _LETTERS.get(letter, letter)


def _scalar(token: str) -> Any:
    if token in ("true", "True", "t"):
        return True
    if token in ("false", "False", "f"):
        return False
    if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", token):
        return int(token, 16)
    if re.fullmatch(r"[-+]?\d+", token) and len(token) < 25:
        return int(token)
    if _NUMBER.fullmatch(token):
        return float(token.rstrip("fF"))
    if token.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return float(token)
    return token
