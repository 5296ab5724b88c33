"""What an order sheet compares: were the people different, was what was approved what was deployed?"""

from __future__ import annotations

from desk.selectors.order_sheet import SheetRows
from foundation.messages import localized_list
from foundation.messages import message as _
from releases.choices import ApprovalState


def four_eyes_lines(rows: SheetRows) -> list[str]:
    """One line a place where somebody approved or the policy asks for it: who is two of them, or that nobody is."""
    return [text for pk in rows.spaces if (text := _four_eyes(rows, pk))]


def _four_eyes(rows: SheetRows, pk: int) -> str:
    space = rows.spaces[pk]
    # Who agreed to another number of pods approved no deployment.
    given = {
        row.by_id: row.by
        for row in rows.approvals
        if row.space_id == pk and row.state == ApprovalState.GIVEN and row.scale_request_id is None
    }
    deployers = {row.deployed_by_id: row.deployed_by for row in rows.deployments if row.space_id == pk}
    makers = {rows.order.author_id, *(row.started_by_id for row in rows.builds)}
    if not (given or space.four_eyes):
        return ""
    twice = {one: who for one, who in given.items() if one in makers or one in deployers}
    if space.four_eyes:
        twice |= {one: who for one, who in deployers.items() if one in makers}
    label = space.environment.label
    if twice:
        names = localized_list(who.shown_name for who in twice.values())
        return str(_("%(place)s: %(names)s acted twice", place=label, names=names))
    return str(_("%(place)s: approvers, makers and deployers are different people", place=label))


def snapshot_lines(rows: SheetRows) -> list[str]:
    """Each snapshot that was deployed, with its place, and whether the approvals there are of the same one."""
    lines: dict[tuple[int, str], str] = {}
    for row in rows.deployments:
        if row.snapshot is None:
            continue
        approved = {
            one.snapshot_id for one in rows.approvals if one.space_id == row.space_id and one.scale_request_id is None
        }
        text = f"{rows.spaces[row.space_id].environment.label} {row.snapshot.hash}"
        if row.snapshot_id in approved:
            alike = _("approved and deployed alike")
            text += f" · {alike}"
        lines.setdefault((row.space_id, row.snapshot.hash), text)
    return list(lines.values())
