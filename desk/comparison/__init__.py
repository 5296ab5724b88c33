"""Any two environments of a project side by side: ``wanted.py`` reads what the address asks for, ``differing.py`` finds
the components that differ by SQL, ``lines.py`` fills a page of them, ``details.py`` says of one what differs."""

from desk.comparison.differing import KINDS, PAGE, Counts
from desk.comparison.lines import Comparison, Line, compare, compare_one
from desk.comparison.wanted import Pair, Wanted, chosen_pair

__all__ = ["KINDS", "PAGE", "Comparison", "Counts", "Line", "Pair", "Wanted", "chosen_pair", "compare", "compare_one"]
