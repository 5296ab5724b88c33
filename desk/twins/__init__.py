"""灾备对比: an environment and its twin side by side. ``pairs.py`` finds them, ``listing.py`` lists what is out of line
in all projects, ``items.py`` lays one component side by side, ``standing.py`` says how far its alignment is."""

from desk.twins.items import TwinLine, twin_lines
from desk.twins.listing import PairCount, TwinList, list_twins
from desk.twins.pairs import pair_in, twin_pairs

__all__ = ["PairCount", "TwinLine", "TwinList", "list_twins", "pair_in", "twin_lines", "twin_pairs"]
