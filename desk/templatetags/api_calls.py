"""``{% api_calls %} … {% endapi_calls %}`` round a page's content: its forms, as API calls, stand at its end."""

from __future__ import annotations

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from desk.api_calls import calls_of

register = template.Library()


class ApiCallsNode(template.Node):
    """Reads what was rendered: no page can have a form that is forgotten here."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """The content, and after it the calls where there are any."""
        html = self.nodelist.render(context)
        request = context.get("request")
        if request is None or not isinstance(getattr(request, "user", None), User) or "<form" not in html:
            return html
        calls = calls_of(request, html)
        if not calls:
            return html
        # Both parts come from templates, which escape what they are given.
        return mark_safe(html + render_to_string("ui/api_call.html", {"calls": calls}))  # noqa: S308


@register.tag("api_calls")
def do_api_calls(parser: Parser, token: Token) -> ApiCallsNode:
    nodelist = parser.parse(("endapi_calls",))
    parser.delete_first_token()
    return ApiCallsNode(nodelist)
