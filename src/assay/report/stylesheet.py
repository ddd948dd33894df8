"""The style of the HTML page."""

from __future__ import annotations

from assay.report.palette import DARK, FONT, LIGHT, STATUSES


def stylesheet() -> str:
    """CSS with the palette as custom properties: light, dark by the reader's setting, and light on paper."""
    return (
        f":root{{color-scheme:light dark;{_properties(LIGHT)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_properties(DARK)}}}}}\n"
        f"body{{font:15px/1.5 {FONT}}}\n{_RULES}" + "".join(_status(status) for status in STATUSES)
    )


def _properties(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())


def _status(status: str) -> str:
    return (
        f".status.{status},.headline.{status}{{color:var(--{status})}}"
        f"svg.{status} .interval,svg.{status} .estimate{{fill:var(--{status})}}\n"
    )


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink)}
main{max-width:1080px;margin:0 auto;padding:40px 28px 64px}
h1{font-size:28px;line-height:1.2;letter-spacing:-.015em;margin:.15em 0 .35em;font-weight:650}
h2{font-size:19px;letter-spacing:-.01em;margin:0 0 12px;font-weight:650}
h3{font-size:15px;margin:0 0 4px;font-weight:650}
p{margin:0 0 10px}
a{color:var(--accent);text-decoration:none}
a:hover,a:focus-visible{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
section{margin-top:44px}
code,.code,.command,.summary{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.87em}
.kicker,.muted,.hint,.effect,.ledger,.promise,figcaption,.label,dt{color:var(--muted)}
.kicker,.hint,.ledger{font-size:13px}
.kicker{margin:0}
.headline{font-size:18px;font-weight:600;margin:0}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px 28px;margin:26px 0 0;padding:18px 0 0;border-top:1px solid var(--line)}
.answers dt{font-size:13px}
.answers dd{margin:2px 0 0}
.scroll{overflow-x:auto}
.tall{max-height:340px;overflow-y:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:middle;font-weight:400}
thead th{color:var(--muted);font-size:12.5px;white-space:nowrap;border-bottom-color:var(--muted)}
tr>:last-child{padding-right:0}
.tall table{width:auto}
.tall thead th{position:sticky;top:0;background:var(--paper)}
.number{text-align:right;white-space:nowrap}
.need{white-space:nowrap}
th.bar,td.bar{width:180px}
tr.stage th{padding-top:18px;font-weight:600;border-bottom-color:var(--line)}
.verdicts tbody th[scope=row]{min-width:190px;overflow-wrap:anywhere}
.code{color:var(--muted);font-size:12px}
.said{color:var(--muted)}
.promise{font-size:13px;min-width:120px}
.status{font-weight:600;white-space:nowrap}
.tag{display:inline-block;font-size:11.5px;line-height:1.5;color:var(--muted);border:1px solid var(--line);border-radius:4px;padding:0 5px;margin-left:6px}
svg{display:block}
td svg{border-radius:2px}
svg .region{fill:var(--region)}
svg .interval{opacity:.5}
svg .limit{stroke:var(--ink);stroke-width:1.3;stroke-dasharray:3 2.5}
.hint{margin:8px 0 0}
.actions{margin:0;padding-left:1.25em}
.actions li{margin:0 0 12px}
.price{color:var(--muted)}
.price::before{content:"· "}
.command{display:flex;align-items:center;gap:10px;background:var(--raised);border:1px solid var(--line);border-radius:6px;padding:6px 10px;margin-top:6px;max-width:760px}
.command code{flex:1;overflow-wrap:anywhere;font-size:1em}
.command code::before{content:"$ ";color:var(--muted)}
button.copy{font:12px/1.4 inherit;color:var(--muted);background:none;border:1px solid var(--line);border-radius:4px;padding:1px 8px;cursor:pointer}
button.copy:hover{color:var(--ink)}
.budget{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:12px 28px;margin:20px 0 10px;font-size:13px;color:var(--muted)}
.budget svg{width:100%;height:4px;margin-top:5px;border-radius:2px}
.track{fill:var(--line)}
.spent{fill:var(--accent)}
.story{list-style:none;counter-reset:step;margin:0;padding:0}
.story>li{counter-increment:step;position:relative;padding:0 0 24px 44px;border-left:1px solid var(--line);margin-left:13px;padding-left:30px}
.story>li:last-child{padding-bottom:0}
.story>li::before{content:counter(step);position:absolute;left:-13px;top:-2px;width:26px;height:26px;line-height:25px;text-align:center;font-size:12.5px;font-variant-numeric:tabular-nums;background:var(--paper);border:1px solid var(--line);border-radius:50%;color:var(--muted)}
.story p{margin:8px 0 0;max-width:72ch}
.links{list-style:none;display:flex;flex-wrap:wrap;gap:2px 22px;margin:8px 0 0;padding:0;font-size:14px}
.check{border-top:1px solid var(--line);padding-top:28px;margin-top:36px}
.check h2{margin-bottom:6px}
.claim{max-width:80ch}
.claim q{quotes:none}
.label{font-size:13px;margin-right:6px}
figure{margin:18px 0 12px}
figcaption{font-size:13px;margin-bottom:6px}
.canvas{overflow-x:auto}
.canvas svg{max-width:100%;height:auto}
details{margin:10px 0}
summary{cursor:pointer;font-size:14px;padding:3px 0}
details:not(.verdict)>summary{color:var(--muted);font-size:13px}
.facts{display:grid;grid-template-columns:92px minmax(0,1fr);gap:5px 18px;margin:8px 0 20px 17px;font-size:14px}
.facts dt{font-size:13px;padding-top:1px}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts ul,.facts ol{margin:0;padding-left:1.1em}
.facts .command{margin-top:2px}
footer{margin-top:48px;padding-top:14px;border-top:1px solid var(--line)}
.summary{color:var(--muted);margin:0}
@media (max-width:640px){main{padding:24px 16px 48px}h1{font-size:23px}.facts{grid-template-columns:1fr;gap:0 0;margin-left:0}.facts dd{margin-bottom:8px}}
@media print{main{max-width:none;padding:0}body{font-size:11pt}.scroll,.tall,.canvas{overflow:visible;max-height:none}button.copy{display:none}tr,figure,.story>li{break-inside:avoid}h2,h3{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
