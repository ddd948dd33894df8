"""Texts made to a pattern, a format or a type that they are to be read as; none is drawn and thrown away."""

from __future__ import annotations

import re
import re._constants as codes  # what re itself parses patterns with; hypothesis builds on it too
import re._parser as parser
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.validation.choices import one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.validation.choices import Choices

# Beyond its least number of repeats, an open repeat gets this many more.
MORE = 8
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PRINTED = [chr(code) for code in range(32, 127)]
_CLASSES = {
    "CATEGORY_DIGIT": re.compile(r"\d", re.ASCII),
    "CATEGORY_NOT_DIGIT": re.compile(r"\D", re.ASCII),
    "CATEGORY_SPACE": re.compile(r"\s", re.ASCII),
    "CATEGORY_NOT_SPACE": re.compile(r"\S", re.ASCII),
    "CATEGORY_WORD": re.compile(r"\w", re.ASCII),
    "CATEGORY_NOT_WORD": re.compile(r"\W", re.ASCII),
}
EPOCH = datetime(1970, 1, 1)


class Shaped:
    """Texts that match a regular expression from end to end.

    Raises
    ------
    DataError
        If it cannot be read, or uses what says nothing about how to write a match (looking around, back references).
    """

    def __init__(self, regex: str, place: str) -> None:
        try:
            self._tree = parser.parse(regex)
            self._compiled = re.compile(regex)
        except (re.error, OverflowError) as problem:
            raise DataError(f"{place}: {regex!r} cannot be read: {problem}") from problem
        self._place = place
        self.widths: tuple[int, int] = tuple(int(width) for width in self._tree.getwidth())  # type: ignore[assignment]
        self.text(_Shortest())

    def text(self, choices: Choices) -> str:
        """Write one match."""
        return self._sequence(self._tree, choices)

    def shortest(self) -> str:
        """Write the match that takes the fewest repeats."""
        return self.text(_Shortest())

    def longest(self) -> str:
        """Write the match that takes the most repeats that are ever drawn."""
        return self.text(_Longest())

    def matches(self, text: str) -> bool:
        """Tell whether a text is one."""
        return self._compiled.fullmatch(text) is not None

    def _sequence(self, tree: Any, choices: Choices) -> str:
        return "".join(self._node(code, argument, choices) for code, argument in tree)

    def _node(self, code: Any, argument: Any, choices: Choices) -> str:
        if code is codes.LITERAL:
            return chr(argument)
        if code is codes.NOT_LITERAL:
            return one_of(choices, [sign for sign in _PRINTED if sign != chr(argument)])
        if code is codes.ANY:
            return one_of(choices, _PRINTED)
        if code is codes.IN:
            return one_of(choices, self._signs(argument))
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            least, most, inner = argument
            times = choices.integer(least, most if most is not codes.MAXREPEAT else least + MORE)
            return "".join(self._sequence(inner, choices) for _ in range(times))
        if code is codes.SUBPATTERN:
            return self._sequence(argument[3], choices)
        if code is codes.BRANCH:
            return self._sequence(one_of(choices, argument[1]), choices)
        if code is codes.AT and argument in (
            codes.AT_BEGINNING,
            codes.AT_END,
            codes.AT_BEGINNING_STRING,
            codes.AT_END_STRING,
        ):
            return ""
        said = str(code).lower().replace("_", " ")
        raise DataError(f"{self._place}: texts cannot be made to a pattern with {said}; write it without")

    def _signs(self, parts: Any) -> list[str]:
        refused = bool(parts) and parts[0][0] is codes.NEGATE
        found: dict[str, None] = {}
        for code, argument in parts:
            if code is codes.LITERAL:
                found[chr(argument)] = None
            elif code is codes.RANGE:
                found |= {chr(sign): None for sign in range(argument[0], min(argument[1], argument[0] + 255) + 1)}
            elif code is codes.CATEGORY:
                found |= {sign: None for sign in _PRINTED if _CLASSES[str(argument)].match(sign)}
        signs = [sign for sign in _PRINTED if sign not in found] if refused else list(found)
        if not signs:
            raise DataError(f"{self._place}: no printed sign is in one of its classes")
        return signs


class _Shortest:
    def integer(self, low: int, high: int) -> int:
        del high
        return low


class _Longest:
    def integer(self, low: int, high: int) -> int:
        del low
        return high


def _word(choices: Choices, least: int, most: int) -> str:
    return "".join(one_of(choices, _LETTERS) for _ in range(choices.integer(least, most)))


def _email(choices: Choices) -> str:
    return f"{_word(choices, 1, 8)}@{_word(choices, 2, 8)}.{one_of(choices, ['com', 'org', 'io', 'co.uk'])}"


def _url(choices: Choices) -> str:
    return f"{one_of(choices, ['https', 'http'])}://{_word(choices, 2, 8)}.com/{_word(choices, 0, 5)}"


def _uuid(choices: Choices) -> str:
    digits = f"{choices.integer(0, 2**128 - 1):032x}"
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "8" + digits[17:20], digits[20:]))


def _ipv4(choices: Choices) -> str:
    return ".".join(str(choices.integer(0, 255)) for _ in range(4))


def _social_security_number(choices: Choices) -> str:
    return f"{choices.integer(1, 665):03d}-{choices.integer(1, 99):02d}-{choices.integer(1, 9999):04d}"


def _credit_card(choices: Choices) -> str:
    digits = [4, *(choices.integer(0, 9) for _ in range(14))]
    # Luhn's check digit.
    doubled = sum(sum(divmod(2 * digit, 10)) if i % 2 == 0 else digit for i, digit in enumerate(digits))
    return "".join(map(str, [*digits, -doubled % 10]))


FORMATS: dict[str, Callable[[Choices], str]] = {
    "credit_card": _credit_card,
    "email": _email,
    "ipv4": _ipv4,
    "social_security_number_us": _social_security_number,
    "url": _url,
    "uuid": _uuid,
}


def readable(to: str, form: str | None, choices: Choices) -> str:
    """Write a text that can be read as a value of a type; ``form`` is strptime's."""
    if to == "integer":
        return str(choices.integer(-1000, 1000))
    if to == "number":
        return f"{choices.integer(-(10**6), 10**6) / 1000}"
    if to == "boolean":
        return one_of(choices, ["false", "true"])
    moment = EPOCH + timedelta(seconds=choices.integer(0, 60 * 366 * 86400))
    if form:
        return moment.strftime(form)
    value: date | datetime | time = moment
    if to in ("date", "time"):
        value = moment.date() if to == "date" else moment.time()
    return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
