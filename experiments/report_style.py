"""How a report looks: tables, one style sheet, light and dark, for a desk and for a phone; and how its videos play."""

from __future__ import annotations

import html
from collections.abc import Sequence

# A video plays while it is in view. Its controls would lie over the words under the frames: they show under the pointer.
VIDEO_SCRIPT = """
const calm=matchMedia('(prefers-reduced-motion:reduce)').matches
const seen=new IntersectionObserver(all=>all.forEach(e=>e.isIntersecting&&!calm?e.target.play().catch(()=>0):e.target.pause()),{threshold:.6})
document.querySelectorAll('video').forEach(v=>{v.controls=calm;v.onpointerenter=()=>v.controls=true;v.onpointerleave=()=>v.controls=calm;seen.observe(v)})
"""

CSS = """
:root{--ink:#1d2025;--quiet:#6a7078;--line:#dfe2e6;--paper:#fbfbfa;--card:#fff;--accent:#1f6f5c;--soft:#e4efeb;--bad:#b4472e;--tick:#c9962f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e7e4;--quiet:#989da4;--line:#33373d;--paper:#16181b;--card:#1d2024;--accent:#6cc0a4;--soft:#203029;--bad:#e58468;--tick:#d9b25c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
main{max-width:68rem;margin:0 auto;padding:3rem 1.25rem 5rem}
h1{font-size:2rem;line-height:1.2;margin:.1rem 0 0;letter-spacing:-.01em;overflow-wrap:anywhere}
h1 span{color:var(--quiet);font-weight:400}
h2{font-size:1.05rem;margin:3rem 0 .8rem;padding-bottom:.4rem;border-bottom:1px solid var(--line)}
.kind,.note{color:var(--quiet);margin:0}
.note{font-size:.875rem;margin:.7rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin-top:1.8rem}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.1rem}
.tiles b{display:block;font-size:2rem;line-height:1.15;font-weight:600;font-variant-numeric:tabular-nums}
.tiles span{display:block}
.tiles small{color:var(--quiet)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--quiet);text-align:left;white-space:nowrap}
th,td{padding:.42rem .9rem .42rem 0;border-bottom:1px solid var(--line)}
td{white-space:nowrap}
th.span{text-align:center;border-left:1px solid var(--line);padding-left:.9rem}
td a{color:inherit}
tr.ours td{background:var(--soft);font-weight:600}
tr.ours td:first-child,td:first-child,th:first-child{padding-left:.6rem}
.steps{margin-top:1.2rem}
.step{display:grid;grid-template-columns:12rem 1fr 4rem;gap:1rem;align-items:center;padding:.25rem 0;font-size:.9rem}
.bar{position:relative;height:.7rem;background:var(--line);border-radius:.35rem}
.bar b{position:absolute;inset:0 auto 0 0;background:var(--accent);border-radius:.35rem}
.bar i{position:absolute;top:-.25rem;width:2px;height:1.2rem;background:var(--tick)}
.num{text-align:right;font-variant-numeric:tabular-nums}
.videos{display:grid;gap:1.4rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
video{display:block;width:100%;height:auto;background:#18191d}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(12.5rem,1fr));gap:1rem;margin-top:1.2rem}
img{display:block;width:100%;height:auto}
figcaption{padding:.6rem .9rem;font-size:.9rem}
figcaption em{font-style:normal;color:var(--bad)}
figcaption em.success{color:var(--accent)}
details{color:var(--quiet);margin-top:.2rem}
summary{cursor:pointer}
ol{margin:.4rem 0;padding-left:0;list-style:none}
time{display:inline-block;width:4rem;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:8rem 1fr;gap:.35rem 1rem;margin:0;font-size:.9rem}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
code{font:.85em ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
@media(max-width:36rem){main{padding-top:1.5rem}.step{grid-template-columns:1fr 3.5rem}.step .bar{grid-column:1/-1;grid-row:2}dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}
"""


def md_table(lines: Sequence[Sequence[str]]) -> str:
    """Header and lines as Markdown."""
    head, *rest = lines
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(line) + " |" for line in rest)])


def html_table(lines: Sequence[Sequence[str]], mark: str | None = None) -> str:
    """Header and lines as HTML; lines that have a cell `mark` stand out."""
    head, *rest = lines
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    rows = "".join(f"<tr{' class=ours' if mark in line else ''}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in rest)
    return f"<div class='scroll'><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>"


def section(title: str, content: str) -> str:
    """A part of a page under a heading."""
    return f"<section><h2>{title}</h2>{content}</section>"


def document(title: str, body: Sequence[str], script: str = "") -> str:
    """The whole page, which needs no other file."""
    ending = f"<script>{script}</script>" if script else ""
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'><title>{html.escape(title)}</title><style>{CSS}</style>"
    return f"<!doctype html><html lang='en'>{head}<main>{''.join(body)}</main>{ending}</html>\n"
