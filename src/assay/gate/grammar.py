"""Reading a condition from text.

::

    condition  = clause { ("and" | "/\\") clause }
    clause     = sum (">" | "<" | ">=" | "<=") sum [ "+/-" number { "*" factor } ]  |  "(" condition ")"
    sum        = [ "-" ] product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }                        linear: one factor at most is not a number
    factor     = number [ "%" ]  |  variable  |  metric "(" model [ "|" slice ] ")"
               | "mean" "(" column [ "|" slice ] ")"  |  "(" sum ")"
    variable   = n, new  |  o, old  |  d, changed
    model      = new, candidate, challenger  |  old, champion
"""

from __future__ import annotations

import difflib
import re
from fractions import Fraction
from typing import NamedTuple, NoReturn

import msgspec

from assay.errors import ClaimError
from assay.gate.condition import Clause, Comparison, Condition, Everywhere, Term

METRICS = ("accuracy", "error", "brier", "absolute", "precision", "recall", "f1")
_VARIABLES = {
    "n": Term("accuracy", "new"),
    "new": Term("accuracy", "new"),
    "o": Term("accuracy", "old"),
    "old": Term("accuracy", "old"),
    "d": Term("changed"),
    "changed": Term("changed"),
}
_MODELS = {
    "n": "new",
    "new": "new",
    "candidate": "new",
    "challenger": "new",
    "o": "old",
    "old": "old",
    "champion": "old",
}
_COMPARISONS: dict[str, Comparison] = {">": ">", "<": "<", ">=": ">=", "<=": "<=", "≥": ">=", "≤": "<="}
_MIRROR: dict[Comparison, Comparison] = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>\+/-|\+-|±|/\\|&&|\|\||>=|<=|==|!=|<>|[-+*/%()<>=≥≤∧∨|&!])
    )""",
    re.VERBOSE,
)


def parse(text: str) -> Condition:
    r"""Read a condition.

    Terms may stand in any order and on both sides of the comparison: what means the same gives the same
    :class:`~assay.gate.condition.Clause`, so the same test.

    Parameters
    ----------
    text : str
        ``"n - o > 0.02 +/- 0.01 and d < 10%"``. Numbers are fractions unless followed by ``%``. A ratio of two forms
        against a number, ``n / o > 1.02``, is read as ``n - 1.02*o > 0``; with a tolerance, ``n / o > 1.02 +/- 0.01``,
        as ``n - 1.02*o > 0 +/- 0.01*o``.

    Returns
    -------
    Condition
        Frozen; ``str()`` gives canonical text, which reads back as the same condition.

    Raises
    ------
    ClaimError
        If the text is no condition, or one that no data or all data satisfy. The message has one line of advice,
        then the text with a caret under the place.

    Examples
    --------
    >>> str(parse("-0.03 < accuracy(new | newark) - accuracy(old | newark)"))
    'accuracy(new | newark) - accuracy(old | newark) > -0.03'
    >>> parse("o < n - 2% +/- 1%") == parse(r"n - o > 0.02 +/- 0.01")
    True
    """
    reader = _Reader(text)
    return _everywhere(reader) or reader.condition()


def require_rows(condition: Condition) -> Condition:
    """Refuse what is claimed of every slice of a table, where only rows are at hand.

    Raises
    ------
    ClaimError
        With the way out.
    """
    if condition.everywhere is not None:
        raise ClaimError(
            f"{condition} speaks of the slices of a table: declare it as a check, or call assay.debugging.no_slice_regression"
        )
    return condition


def _everywhere(reader: _Reader) -> Condition | None:
    """Read ``no_slice_regression(tau=0.02, min_support=0.01, max_level=2)``, if it is that."""
    call = reader.token
    if call.kind != "call" or call.text != "no_slice_regression":
        return None
    opening = reader.text.index("(", call.start) + 1
    given: dict[str, float] = {}
    for part in filter(str.strip, reader.text[opening : call.end - 1].split(",")):
        name, _, value = (each.strip() for each in part.partition("="))
        place = reader.text.index(part, opening) + len(part) - len(part.lstrip())
        if name not in Everywhere.__struct_fields__ or name in given:
            reader.fail("write tau, min_support and max_level, each once, such as tau=0.02", place)
        try:
            given[name] = float(value)
        except ValueError:
            reader.fail(f"{value!r} is no number", place)
    if not 0 <= given.get("tau", -1) < 1:
        reader.fail("it needs tau, the tolerated rise of the error, of at least 0 and below 1", call.start)
    level = given.get("max_level", 2)
    if level != int(level) or level < 1 or given.get("min_support", 1) <= 0:
        reader.fail("max_level is a whole number from 1 on, min_support is positive", call.start)
    if reader.text[call.end :].strip():
        reader.fail("nothing may stand beside it: declare what else is claimed as a check of its own", call.end)
    everywhere = Everywhere(given["tau"], given.get("min_support", 0.01), int(level))
    terms = {Term("accuracy", "new"): 1.0, Term("accuracy", "old"): -1.0}
    return Condition((Clause.of(terms, ">=", -everywhere.tau),), everywhere)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Form(NamedTuple):
    """A linear form plus a constant; ``below`` is what it is divided by, when that is not a number."""

    terms: dict[Term, Fraction]
    constant: Fraction
    start: int
    below: _Form | None = None

    def scaled(self, factor: Fraction) -> _Form:
        return self._replace(terms={t: c * factor for t, c in self.terms.items()}, constant=self.constant * factor)

    def plus(self, other: _Form) -> _Form:
        terms = dict(self.terms)
        for term, c in other.terms.items():
            terms[term] = terms.get(term, Fraction(0)) + c
        return self._replace(terms=terms, constant=self.constant + other.constant)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[_Token] = []
        self.next = 0
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                start = place + len(text[place:]) - len(text[place:].lstrip())
                self.fail(f"{text[start]!r} means nothing here", start)
            kind = match.lastgroup or ""
            token = _Token(kind, match[kind], match.start(kind), match.end(kind))
            place = token.end
            if kind == "name" and token.text.lower() != "and" and text[place:].lstrip().startswith("("):
                opening = text.index("(", place)
                place = self.closing(opening) + 1
                token = _Token("call", token.text, token.start, place)
            self.tokens.append(token)
        self.tokens.append(_Token("end", "", len(text.rstrip()), len(text)))

    # What stands where.

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *texts: str) -> _Token | None:
        token = self.token
        if token.kind in ("sign", "name") and token.text.lower() in texts:
            self.next += 1
            return token
        return None

    def closing(self, opening: int) -> int:
        """Find the bracket that closes the one at ``opening``, past quotes and inner brackets."""
        depth, quote = 0, ""
        for place in range(opening, len(self.text)):
            sign = self.text[place]
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "'\"":
                quote = sign
            elif sign in "()":
                depth += 1 if sign == "(" else -1
                if depth == 0:
                    return place
        return self.fail("a quote is not closed" if quote else "this bracket is not closed", opening)

    def fail(self, advice: str, place: int) -> NoReturn:
        shown = re.sub(r"\s", " ", self.text)
        raise ClaimError(f"cannot read the claim: {advice}\n  {shown}\n  {' ' * place}^")

    # The grammar, one method a rule.

    def condition(self) -> Condition:
        if self.token.kind == "end":
            self.fail('the claim is empty: write for example "n - o > 0"', 0)
        clauses = self.conjunction()
        if self.token.kind != "end":
            self.unexpected()
        return Condition(tuple(dict.fromkeys(clauses)))

    def conjunction(self) -> list[Clause]:
        clauses = self.clauses()
        while self.take("and", "/\\", "∧", "&&", "&"):
            clauses += self.clauses()
        return clauses

    def clauses(self) -> list[Clause]:
        if self.token.text == "(" and self.brackets_clauses():
            opening = self.token
            self.next += 1
            clauses = self.conjunction()
            if not self.take(")"):
                self.fail("this bracket is not closed", opening.start)
            return clauses
        return [self.clause()]

    def brackets_clauses(self) -> bool:
        """Tell ``(n > 0.8) and d < 0.1`` from ``(n - o) > 0``: a comparison stands before the closing bracket."""
        depth = 0
        for token in self.tokens[self.next :]:
            if token.kind != "sign":
                continue
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0:
                return False
            if token.text in _COMPARISONS:
                return True
        return False

    def clause(self) -> Clause:
        left = self.sum()
        left_margin = self.tolerance()
        sign = self.token
        swapped = sign.text + self.text[sign.end : sign.end + 1]
        if swapped in ("=>", "=<"):
            self.fail(f"write {swapped[::-1]} instead of {swapped}", sign.start)
        if sign.text in ("=", "==", "!=", "<>"):
            self.fail("data cannot show an equality: bound it from both sides with > and <", sign.start)
        if not self.take(*_COMPARISONS):
            self.unexpected("expected >, <, >= or <=")
        right = self.sum()
        tolerance = self.tolerance() or left_margin
        if self.token.text in _COMPARISONS:
            self.fail("one comparison a clause: write two clauses joined by 'and'", self.token.start)
        return self.linear(left, _COMPARISONS[sign.text], right, tolerance, sign)

    def linear(
        self, left: _Form, comparison: Comparison, right: _Form, tolerance: _Form | None, sign: _Token
    ) -> Clause:
        if right.below is not None:
            left, right, comparison = right, left, _MIRROR[comparison]
        below = left.below
        if below is not None:
            if right.terms or right.below is not None:
                self.fail("a ratio is held against a number: n / o > 1.02", right.start)
            if tolerance is not None:
                if tolerance.terms:
                    self.fail("the tolerance of a ratio is a number", tolerance.start)
                tolerance = below.scaled(tolerance.constant)._replace(start=tolerance.start)
            left, right = left._replace(below=None), below.scaled(right.constant)
        whole = left.plus(right.scaled(Fraction(-1)))
        terms = {term: float(c) for term, c in whole.terms.items() if c}
        if not terms:
            self.fail("nothing is left to measure: the terms cancel out", sign.start)
        clause = Clause.of(terms, comparison, float(-whole.constant))
        self.check_reach(clause, right.start if not right.terms else left.start)
        return clause if tolerance is None else self.tolerant(clause, tolerance)

    def check_reach(self, clause: Clause, place: int) -> None:
        least, most = clause.range
        limit, strict = clause.threshold, clause.comparison in (">", "<")
        beyond, before = (limit - most, least - limit) if clause.upward else (least - limit, limit - most)
        never = beyond > 0 or (strict and beyond == 0)
        if never or before > 0 or (not strict and before == 0):
            outcome = "can never hold" if never else "always holds"
            percent = f"; for percent write {abs(limit):g}%" if 1 <= abs(limit) <= 100 else ""
            self.fail(f"this {outcome}: {clause.measure} lies in [{least:g}, {most:g}]{percent}", place)

    def tolerant(self, clause: Clause, tolerance: _Form) -> Clause:
        times = {term: c for term, c in tolerance.terms.items() if c}
        # A form in canonical order has a leading 1, which takes its number into the tolerance.
        lead = times[min(times, key=lambda term: term.order)] if times else tolerance.constant
        if lead <= 0:
            self.fail("a tolerance must be above 0", tolerance.start)
        least, most = clause.range
        furthest = max(most - clause.threshold, clause.threshold - least)
        if lead < most - least and float(lead) >= furthest - 1e-12:
            self.fail(
                f"every value of {clause.measure} is within {float(lead):g} of {clause.threshold:g}, so that nothing could "
                f"be told: it lies in [{least:g}, {most:g}]; write a tolerance below {furthest:g}", tolerance.start
            )  # fmt: skip
        if lead >= most - least:
            percent = f"; for percent write {float(lead):g}%" if 1 <= lead <= 100 else ""
            self.fail(
                f"{clause.measure} cannot move so far: it lies in [{least:g}, {most:g}]{percent}", tolerance.start
            )
        return msgspec.structs.replace(
            clause,
            tolerance=float(lead),
            times=Clause.of({t: float(c / lead) for t, c in times.items()}, ">", 0.0).terms if times else (),
        )

    def tolerance(self) -> _Form | None:
        if not self.take("+/-", "+-", "±"):
            return None
        start = self.token.start
        if self.token.kind != "number":
            self.unexpected("expected a number after +/-")
        form = _Form({}, self.number(), start)
        while self.take("*"):
            place = self.token.start
            other = self.factor()
            if form.terms or other.constant or other.below is not None or any(c <= 0 for c in other.terms.values()):
                self.fail("a tolerance is a number, or a number times metrics: +/- 0.01*o", place)
            form = other.scaled(form.constant)._replace(start=start)
        return form

    def sum(self) -> _Form:
        start = self.token.start
        minus = self.take("-") or (self.take("+") and None)
        form = self.product()._replace(start=start)
        if minus:
            form = form.scaled(Fraction(-1))
        while sign := self.take("+", "-"):
            place = self.token.start
            other = self.product()
            if form.below is not None or other.below is not None:
                self.fail("a ratio stands alone on its side of the comparison", place)
            form = form.plus(other.scaled(Fraction(1 if sign.text == "+" else -1)))
        return form

    def product(self) -> _Form:
        form = self.factor()
        while sign := self.take("*", "/"):
            place = self.token.start
            other = self.factor()
            if sign.text == "*":
                if form.below is not None or other.below is not None or (form.terms and other.terms):
                    self.fail("a clause is linear: multiply by numbers only", place)
                form = (
                    form.scaled(other.constant) if form.terms or not other.terms else other.scaled(form.constant)
                )._replace(start=form.start)
            elif not other.terms and other.below is None:
                if other.constant == 0:
                    self.fail("division by zero", place)
                form = form.scaled(1 / other.constant)
            elif form.below is not None or other.below is not None or other.constant:
                self.fail("a clause is linear: divide by a number, or one form by another", place)
            elif any(c <= 0 for c in other.terms.values()):
                self.fail("divide by a form whose coefficients are all positive, so that its sign is known", place)
            else:
                form = form._replace(below=other)
        if self.token.kind in ("number", "name", "call") and self.token.text.lower() not in ("and", "or", "not"):
            self.fail("an operator is missing: write 2*n, or join clauses with 'and'", self.token.start)
        return form

    def factor(self) -> _Form:
        token = self.token
        if token.kind == "number":
            return _Form({}, self.number(), token.start)
        if token.kind == "call":
            self.next += 1
            return _Form({self.call(token): Fraction(1)}, Fraction(0), token.start)
        if token.kind == "name" and token.text.lower() in _VARIABLES:
            self.next += 1
            return _Form({_VARIABLES[token.text.lower()]: Fraction(1)}, Fraction(0), token.start)
        if self.take("("):
            form = self.sum()
            if not self.take(")"):
                if self.token.kind == "end":
                    self.fail("this bracket is not closed", token.start)
                self.unexpected("expected an operator or )")
            return form._replace(start=token.start)
        return self.unexpected("expected a number, n, o, d or a metric such as accuracy(new)")

    def number(self) -> Fraction:
        token = self.token
        self.next += 1
        value = Fraction(token.text)
        if abs(value) > 10**6:
            self.fail("this number is beyond anything that a rate can reach", token.start)
        return value / 100 if self.take("%") else value

    def call(self, token: _Token) -> Term:
        name = token.text.lower()
        opening = self.text.index("(", token.start)
        inside = self.text[opening + 1 : token.end - 1]
        known = (*METRICS, "mean", "changed")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            self.fail(f"no metric is called {token.text!r}: {hint}", token.start)
        model_text, bar, slice_text = inside.partition("|")
        place = opening + 1 + len(model_text) - len(model_text.lstrip())
        if bar and not slice_text.strip():
            self.fail("a slice is missing after |", opening + 1 + len(model_text) + 1)
        if name == "mean":
            if not model_text.strip():
                self.fail("expected a column: mean(column) or mean(column | slice)", place)
            return Term(name, "", slice_text.strip(), model_text.strip())
        model = _MODELS.get(model_text.strip().lower())
        if model is None:
            self.fail(f"expected new or old: {name}(new) or {name}(new | slice)", place)
        if name == "changed":
            if model != "new":
                self.fail("predictions change from old to new: write changed(new | slice)", place)
            model = ""
        return Term(name, model, slice_text.strip())

    def unexpected(self, wanted: str = "") -> NoReturn:
        token = self.token
        word = token.text.lower()
        if token.kind == "end":
            self.fail(f"{wanted or 'something is missing'}, but the claim ends here", token.start)
        if word in ("or", "not", "∨", "||", "|", "!"):
            self.fail(
                "clauses are joined by 'and' only: declare what 'or' and 'not' part as checks of their own", token.start
            )
        if token.kind == "name" and word in METRICS:
            self.fail(f"{word} of which model? write {word}(new) or {word}(old)", token.start)
        if token.kind == "name" and word not in (*_VARIABLES, "and"):
            near = difflib.get_close_matches(word, (*_VARIABLES, *METRICS), 1)
            hint = f"did you mean {near[0]!r}?" if near else "there are n (new), o (old), d (changed) and metrics"
            self.fail(f"{token.text!r} is not known here: {hint}", token.start)
        if word == ")":
            self.fail(wanted or "no bracket is open here", token.start)
        self.fail(f"{token.text!r} is not expected here" + (f": {wanted}" if wanted else ""), token.start)
