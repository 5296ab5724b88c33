""" "Copy as API call": what a form of a page does, said as one curl of the REST API.

``registry.py`` maps each page that takes a POST to its way over the API; ``forms.py`` reads the forms of a rendered
page; ``saying.py`` writes the command.
"""

from desk.api_calls.registry import REGISTRY, UNSAID, WITHOUT_PAGE, ways_of
from desk.api_calls.saying import call_of, calls_of
from desk.api_calls.typed import Typed, Way

__all__ = ["REGISTRY", "UNSAID", "WITHOUT_PAGE", "Typed", "Way", "call_of", "calls_of", "ways_of"]
