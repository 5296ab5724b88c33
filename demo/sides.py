"""What the banner says of the other sides of this demo."""

from __future__ import annotations

from demo.stand_ins import PROD, REAL, TEST, Choices
from foundation.messages import Message, join_messages
from foundation.messages import message as _

_CLUSTERS = {TEST: _("the test cluster"), PROD: _("the production cluster")}


def sides_said(choices: Choices) -> Message:
    """Names the sides that are stand-ins, and says so where only the node of a real cluster is one."""
    clusters = choices.clusters
    are_one = len(set(clusters.values())) == 1
    names = {_("Jenkins"): choices.jenkins, _("the registry"): choices.registry}
    names |= {_("the clusters"): clusters[TEST]} if are_one else {_CLUSTERS[slug]: clusters[slug] for slug in _CLUSTERS}
    stand_ins = [name for name, real in names.items() if not real]
    said = _("Demo data. Stand-ins: %(names)s.", names=stand_ins) if stand_ins else _("Demo data.")
    real = [name for name, given in names.items() if given == REAL]
    if not real:
        return said
    return join_messages(said, _("A real Kubernetes whose node is a stand-in: %(names)s.", names=real))
