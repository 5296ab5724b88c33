""" "Copy as API call": what a form of a page does, as one curl of the REST API.

``routes.py`` gathers which operation each page declares, ``operations.py`` reads the operations from the schema,
``bodies.py`` makes their bodies, ``forms.py`` reads the forms of a rendered page, and ``curl.py`` writes the command.
"""

from desk.api_calls.curl import call_of, calls_of

__all__ = ["call_of", "calls_of"]
