"""Style and script of the report, and how it is saved; it opens offline, and its policy forbids fetching.

plotly.js puts a button on each chart that uploads its data to the maker, unless told not to.
"""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Final

from hil.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)

STYLE: Final = """
:root { --ink:#1f2933; --soft:#5f6b76; --line:#dfe3e8; --panel:#f6f7f9;
  --pass:#1e7d4f; --fail:#b3261e; --unsure:#9a6700; --none:#5f6b76; }
* { box-sizing:border-box }
body { margin:0 auto; max-width:1180px; padding:24px 28px 64px; color:var(--ink); background:#fff;
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
h1 { font-size:26px; line-height:1.25; margin:0 }
h2 { font-size:19px; margin:40px 0 12px; padding-bottom:6px; border-bottom:1px solid var(--line) }
h3 { font-size:15px; margin:24px 0 4px }
h4 { font-size:13.5px; margin:16px 0 2px; color:var(--soft) }
p { margin:6px 0 }
.soft, small { color:var(--soft) } small { display:block; font-size:12.5px; line-height:1.4 }
.simulated { margin:0 0 20px; padding:8px 14px; border:1px solid #e3c77a; border-radius:6px;
  background:#fff6dd; color:#6b4b00; font-weight:600 }
header { display:flex; gap:24px; justify-content:space-between; align-items:flex-start; flex-wrap:wrap }
header > div:first-child { flex:1 1 0; min-width:min(100%,420px) }
.overall { min-width:180px; padding:10px 22px; border-radius:8px; color:#fff; text-align:center }
.overall b { display:block; font-size:30px; line-height:1.2; letter-spacing:.02em }
.PASS { background:var(--pass) } .FAIL { background:var(--fail) }
.INCONCLUSIVE, .INVALID { background:var(--unsure) } .NOTRUN { background:var(--none) }
.mark { display:inline-block; padding:1px 8px; border-radius:4px; color:#fff; font-size:12px;
  font-weight:700; white-space:nowrap }
.tag { white-space:nowrap; border:1px solid var(--line); border-radius:4px; padding:0 5px }
.tag.default { border-color:#e3c77a; background:#fff6dd; color:#6b4b00 }
table { width:100%; border-collapse:collapse; font-size:14px; font-variant-numeric:tabular-nums }
th { text-align:left; white-space:nowrap; font-size:12.5px; font-weight:600; color:var(--soft) }
th, td { padding:7px 10px 7px 0; border-bottom:1px solid var(--line); vertical-align:top;
  overflow-wrap:anywhere }
.wide { overflow-x:auto }
.number, .key { white-space:nowrap }
.results th:nth-child(1) { width:27% } .results th:nth-child(2) { width:13% }
.results th:nth-child(3) { width:26% } .results th:nth-child(4) { width:20% }
.glance { margin:16px 0; padding:4px 18px 8px; background:var(--panel); border-radius:8px }
.glance h3 { margin:10px 0 0 } .glance dl { margin:8px 0 } .glance dd { white-space:normal }
.hash { font:12px/1.6 ui-monospace,Consolas,monospace }
dl { display:grid; grid-template-columns:max-content 1fr; gap:3px 18px; margin:12px 0 }
dt { color:var(--soft) } dd { margin:0; overflow-wrap:anywhere; white-space:pre-line }
.plot { height:340px } figure { margin:18px 0 } figcaption { color:var(--soft); font-size:12.5px }
details { margin:12px 0 } summary { cursor:pointer; font-weight:600 }
pre { overflow-x:auto; background:var(--panel); padding:12px; border-radius:6px; font-size:12px }
.warning { border-left:3px solid #d9a514; padding:2px 12px; background:#fffaf0 }
@media (max-width:640px) {
  body { padding:16px 14px 48px } .overall { width:100% } .plot { height:300px }
  thead { display:none } tr { display:block; padding:8px 0; border-bottom:1px solid var(--line) }
  td { display:block; border:0; padding:2px 0 } td:empty { display:none }
  td[data-label]::before { content:attr(data-label) ": "; color:var(--soft); font-size:12.5px }
  dl { grid-template-columns:1fr; gap:0 } dd { margin-bottom:8px }
}
@media print {
  body { max-width:none; padding:0; font-size:11pt } figure, tr { break-inside:avoid }
  .mark, .overall, .simulated { print-color-adjust:exact; -webkit-print-color-adjust:exact }
}
"""

SCRIPT: Final = """
const look = { margin:{ l:70, r:40, t:10, b:48 }, modebar:{ orientation:"v" },
  paper_bgcolor:"#fff", plot_bgcolor:"#fff",
  font:{ family:"system-ui, sans-serif", size:12, color:"#1f2933" }, showlegend:true,
  legend:{ orientation:"h", y:1.02, yanchor:"bottom", x:0 } };
const draw = figure => {
  if (figure.dataset.drawn) return;
  figure.dataset.drawn = "yes";
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const x = spec.x.flatMap(([first, step, n]) => Array.from({ length:n }, (_, i) => first + i * step));
  for (const trace of spec.traces) trace.x ??= x;
  Plotly.newPlot(figure.querySelector(".plot"), spec.traces, { ...look, ...spec.layout },
    { responsive:true, displaylogo:false, modeBarButtonsToRemove:["lasso2d", "select2d"],
      displayModeBar: innerWidth > 640, showSendToCloud:false, plotlyServerURL:"" });
};
const figures = document.querySelectorAll("figure");
// A hundred charts drawn at once take seconds: each is drawn when it comes near the window.
const near = new IntersectionObserver(seen => {
  for (const one of seen) if (one.isIntersecting) { draw(one.target); near.unobserve(one.target); }
}, { rootMargin:"800px" });
for (const figure of figures) near.observe(figure);
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement)
    if (at.tagName === "DETAILS") at.open = true;
};
addEventListener("hashchange", reveal);
reveal();
for (const folded of document.querySelectorAll("details")) {
  folded.addEventListener("toggle", () => {
    for (const plot of folded.querySelectorAll(".plot.js-plotly-plot")) Plotly.Plots.resize(plot);
  });
}
addEventListener("beforeprint", () => {
  for (const figure of figures) draw(figure);
  for (const plot of document.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
});
"""


def document(title: str, body: Iterable[str]) -> str:
    """Return a page that holds all it needs, of pieces of HTML; empty ones are left out."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - reads 5 MB that only a page needs

    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, body))
        + f"\n<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


def save(page: str, path: Path) -> None:
    """Write a page in one go: with a full disk a file that was there before is still whole.

    Raises `StorageError` where it cannot be written.
    """
    special = path.exists() and not path.is_file()  # such as /dev/stdout, which is written to as it is
    part = path if special else path.with_name(f".{path.name}.part")
    try:
        part.write_text(page, encoding="utf-8")
        if not special:
            part.replace(path)
    except OSError as error:
        if not special:
            with suppress(OSError):
                part.unlink()
        why = error.strerror or error
        raise StorageError(f"{path}: this page cannot be written ({why}); choose another place") from error
