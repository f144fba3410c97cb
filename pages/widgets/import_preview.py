"""The first rows as they will become: new people, changed values old → new, problems in place."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from engine.importing.importing import Options, Sheet
from engine.importing.preview import Cell, Preview, Previewed, preview
from engine.language import N_
from pages.widgets import problems, workspace
from pages.widgets.language import _, number

OUTCOMES = {
    "created": N_("New"),
    "updated": N_("Changes"),
    "unchanged": N_("Unchanged"),
    "merged": N_("Repeated"),
    "skipped": N_("Left out"),
}
CELL_MAX = 60
STYLE = """
<style>
.import-preview { overflow-x: auto; max-height: 26rem; border-radius: .5rem;
  border: 1px solid rgba(128,128,128,.3); }
.import-preview table { border-collapse: collapse; font-size: .85rem; width: 100%; }
.import-preview th, .import-preview td { padding: .35rem .6rem; text-align: left;
  vertical-align: top; border-bottom: 1px solid rgba(128,128,128,.18); white-space: nowrap; }
.import-preview th { font-weight: 600; opacity: .75; }
.import-preview td.changed { background: rgba(47,128,237,.14); }
.import-preview td.problem { background: rgba(220,60,60,.16); white-space: normal;
  min-width: 11rem; }
.import-preview small { display: block; }
.import-preview del { opacity: .6; margin-right: .35rem; }
.import-preview .skipped { opacity: .75; }
.import-preview .outcome { border-radius: .75rem; padding: .05rem .5rem;
  background: rgba(128,128,128,.18); font-size: .8rem; }
.import-preview .outcome.created { background: rgba(33,150,83,.25); }
.import-preview .outcome.updated { background: rgba(47,128,237,.25); }
.import-preview .outcome.skipped { background: rgba(220,60,60,.22); opacity: 1; }
</style>
"""


def draw(sheet: Sheet, options: Options) -> bool:
    """The table; whether the file can be imported with these options."""
    found = _found(sheet, options)
    if found is None:
        return False
    counts = dict.fromkeys(OUTCOMES, 0)
    for row in found.rows:
        counts[row.outcome] += 1
    told = [f"{_(OUTCOMES[key])}: {number(count)}" for key, count in counts.items() if count]
    st.caption(
        _("The first {count} rows as they will become.").format(count=number(len(found.rows)))
        + " "
        + " · ".join(told)
    )
    st.html(STYLE + _table(found))
    return True


def _found(sheet: Sheet, options: Options) -> Preview | None:
    """Worked out once for a file and its options, not at every click."""
    of = (st.session_state.get("import.read"), str(options.to_json()))
    known = st.session_state.get("import.preview")
    if known is None or known[0] != of:
        with problems.shown():
            known = (of, preview(workspace.database(), sheet, options))
            st.session_state["import.preview"] = known
    if known is None or known[0] != of:
        return None
    found: Preview = known[1]
    return found


def _table(found: Preview) -> str:
    names = [_("Line"), _("Row"), *(_(name) for name in found.places.values())]
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = "".join(_row(found, row) for row in found.rows)
    label = escape(_("Preview of the import"))
    return (
        f"<div class='import-preview' tabindex='0' role='region' aria-label='{label}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(found: Preview, row: Previewed) -> str:
    said = "".join(f"<small>{escape(problems.sentence(p))}</small>" for p in row.problems)
    outcome = escape(_(OUTCOMES[row.outcome]))
    first = (
        f"<td>{row.line}</td><td{' class=problem' if row.outcome == 'skipped' else ''}>"
        f"<span class='outcome {row.outcome}'>{outcome}</span>{said}</td>"
    )
    cells = (_cell(row.cells.get(place), row.outcome) for place in found.places)
    return f"<tr class='{row.outcome}'>{first}{''.join(cells)}</tr>"


def _cell(cell: Cell | None, outcome: str) -> str:
    if cell is None:
        return "<td></td>"
    old, new = _shown(cell.old), _shown(cell.new)
    if cell.problem is not None:
        said = escape(problems.sentence(cell.problem))
        return f"<td class='problem'>{new}<small>{said}</small></td>"
    if outcome not in ("updated", "merged") or not cell.changes:
        return f"<td>{new}</td>"
    before = f"<del>{old}</del>→ " if old else ""
    return f"<td class='changed'>{before}{new}</td>"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return escape(_("Yes") if value else _("No"))
    text = str(value)
    return escape(text if len(text) <= CELL_MAX else text[:CELL_MAX] + "…")
