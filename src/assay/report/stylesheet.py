"""The style of the HTML page: ``page.css`` with the palette as custom properties."""

from __future__ import annotations

from importlib.resources import files

from assay.core.palette import DARK, FONT, LIGHT, STATUSES


def stylesheet() -> str:
    """CSS of the page: light, dark by the reader's setting, and light on paper."""
    rules = files("assay.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f":root{{color-scheme:light dark;{_properties(LIGHT)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_properties(DARK)}}}}}\n"
        f"body{{font:15px/1.5 {FONT}}}\n{rules}" + "".join(_status(status) for status in STATUSES)
    )


def _properties(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())


def _status(status: str) -> str:
    return (
        f".status.{status},.headline.{status}{{color:var(--{status})}}"
        f"svg.{status} .interval,svg.{status} .estimate{{fill:var(--{status})}}\n"
    )
