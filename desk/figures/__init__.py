"""How it goes over weeks: counted from our own rows, for a project or for everything that one sees."""

from desk.figures.counting import Figures, figures
from desk.figures.period import PERIODS, Wanted

__all__ = ["PERIODS", "Figures", "Wanted", "figures"]
