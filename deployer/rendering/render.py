"""The two renderings: sets of YAML templates to manifests, and text templates to text; and what both may be given."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes

from deployer.errors import Problem, Rejected
from deployer.interfaces import Manifest, Rendered, RenderedLine, RenderRequest
from deployer.messages import WORDS, Message, message_of, verbatim
from deployer.messages import message as _
from deployer.rendering import strict_yaml
from deployer.rendering.sandbox import MARK, MAX_OUTPUT_BYTES, PlainText, RefusedTag, Sandbox, Tokens
from deployer.rendering.source import helm_line, invisible_sign, look_alike, straightened

MAX_TEMPLATES = 20
MAX_TEMPLATE_CHARS = 256 * 1024
MAX_VALUE_CHARS = 1024 * 1024
MAX_DEPTH = 20


def check_templates(templates: Mapping[str, str]) -> dict[str, str]:
    """The sources with LF line ends. Raises Rejected with a Problem per line that holds something invisible."""
    if not templates or len(templates) > MAX_TEMPLATES:
        raise Rejected(
            _(
                "A set has 1 to %(most)s templates, not %(count)s.",
                most=MAX_TEMPLATES,
                count=len(templates),
            )
        )
    checked: dict[str, str] = {}
    for name, source in templates.items():
        if not isinstance(source, str) or len(source) > MAX_TEMPLATE_CHARS:
            raise Rejected(
                _(
                    "Template %(name)s is longer than %(kibibytes)s KiB.",
                    name=name,
                    kibibytes=MAX_TEMPLATE_CHARS // 1024,
                )
            )
        clean = straightened(source)
        if found := invisible_sign(clean):
            raise Rejected(found[1], problems=(Problem(f"{name}:{found[0]}", found[1]),))
        checked[name] = clean
    return checked


def check_values(values: Mapping[str, Any]) -> None:
    """Raises Rejected unless all values are text, whole numbers, truth values, None, lists and dicts of these."""
    budget = _Budget(MAX_VALUE_CHARS)
    for name, value in values.items():
        _check(value, str(name), 1, budget)


class _Budget:
    def __init__(self, chars: int) -> None:
        self.left = chars

    def take(self, chars: int) -> None:
        self.left -= chars
        if self.left < 0:
            raise Rejected(
                _(
                    "The values for the template are larger than %(kibibytes)s KiB together.",
                    kibibytes=MAX_VALUE_CHARS // 1024,
                )
            )


def _check(value: Any, path: str, depth: int, budget: _Budget) -> None:
    budget.take(8)
    if depth > MAX_DEPTH:
        raise _refused(path, _("it is nested too deeply"))
    if value is None or isinstance(value, bool | int):
        return
    if type(value) is str:
        _check_text(value, path, budget)
    elif type(value) is list:
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1, budget)
    elif type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise _refused(path, _("its keys must be text"))
            _check_text(key, path, budget)
            _check(item, f"{path}.{key}", depth + 1, budget)
    else:
        raise _refused(path, _("a template may not see a %(kind)s", kind=type(value).__name__))


def _check_text(value: str, path: str, budget: _Budget) -> None:
    budget.take(len(value))
    if "\x00" in value:
        raise _refused(path, _("it holds a NUL character"))
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise _refused(path, _("it holds half a character (a lone surrogate)"))


def _refused(path: str, why: Message | str) -> Rejected:
    message = _("The value %(path)s cannot be used in a template: %(why)s.", path=path, why=why)
    return Rejected(message, problems=(Problem(path, message),))


@dataclass(frozen=True)
class RenderedText:
    """One rendered text (LF line ends) and the origin of its lines."""

    text: str
    lines: tuple[RenderedLine, ...]


def render(request: RenderRequest) -> Rendered:
    """Manifests of all templates, in the order of the templates and of the documents in them.

    Raises Rejected; each Problem's path is ``template:line``.
    """
    sources = check_templates(request.templates)
    check_values(request.values)
    tokens = Tokens()
    sandbox = Sandbox(tuple(sources), tokens.finalize)
    sandbox.filters["toyaml"] = tokens.toyaml
    manifests: list[Manifest] = []
    lines: list[tuple[RenderedLine, ...]] = []
    for name, source in sources.items():
        output = _origins(_run(sandbox, name, source, request.values), name, tuple(sources))
        text = "\n".join(line.text for line in output)
        try:
            documents = strict_yaml.load(text, restore=tokens.restore)
        except strict_yaml.YamlProblem as exc:
            origin = output[min(exc.line, len(output)) - 1]
            raise _problem(origin.template, origin.template_line, message_of(exc)) from exc
        for document in documents:
            manifests.append(document.data)
            shown = _trimmed(output[document.first_line - 1 : document.last_line])
            lines.append(
                tuple(RenderedLine(tokens.display(line.text), line.template, line.template_line) for line in shown)
            )
    return Rendered(tuple(manifests), tuple(lines))


def render_text(request: RenderRequest) -> Mapping[str, RenderedText]:
    """Each template as text, by name. Raises Rejected; each Problem's path is ``template:line``."""
    sources = check_templates(request.templates)
    check_values(request.values)
    printer = PlainText()
    sandbox = Sandbox(tuple(sources), printer.finalize, has_comments=False)
    sandbox.filters["shell"] = printer.shell
    rendered: dict[str, RenderedText] = {}
    for name, source in sources.items():
        if found := look_alike(source):
            raise _problem(name, *found)
        lines = _origins(_run(sandbox, name, source, request.values), name, tuple(sources))
        rendered[name] = RenderedText("\n".join(line.text for line in lines), tuple(lines))
    return rendered


def why_unreadable(source: str, *, is_text: bool = False) -> tuple[int, Message] | None:
    """Line (from 1) and message of what makes a template unreadable with any values; None when it can be read.

    It is parsed and not run: the one thing here that any process may do, for a text of bounded length. ``is_text``:
    a Dockerfile or script, which is rendered by :func:`render_text`.
    """
    if found := invisible_sign(source) or (look_alike(source) if is_text else None):
        return found
    sandbox = Sandbox(("",), str, has_comments=not is_text)
    try:
        _parse(sandbox, "", source)
    except TemplateSyntaxError as exc:
        return _unreadable(exc, source, is_text=is_text)
    except RefusedTag as exc:
        return exc.line, message_of(exc)
    except RecursionError as exc:
        return 1, _message(exc)
    return None


def _parse(sandbox: Sandbox, name: str, source: str) -> nodes.Template:
    if sandbox.comment_start_string == "{#":
        sandbox.check_words(source)
    tree = sandbox.parse(source, name=name)
    sandbox.check_tags(tree)
    return tree


def _unreadable(error: TemplateSyntaxError, source: str, *, is_text: bool) -> tuple[int, Message]:
    """Where and why; a chart of Helm is told as such, and a script's own braces too."""
    helm = helm_line(source)
    if helm and not is_text:
        return helm
    if helm:
        return helm[0], _("{{ begins a value of the template: write {% raw %} … {% endraw %} around text with braces.")
    return error.lineno, verbatim(error.message or "")


def _run(sandbox: Sandbox, name: str, source: str, values: Mapping[str, Any]) -> str:
    """Output of one template, marks included."""
    try:
        tree = _parse(sandbox, name, source)
        code = sandbox.compile(tree, name=name, filename=name)
        template = Template.from_code(sandbox, code, sandbox.make_globals(None))
    except TemplateSyntaxError as exc:
        line, why = _unreadable(exc, source, is_text=sandbox.comment_start_string != "{#")
        raise _problem(name, line, _("The template cannot be read: %(why)s", why=why)) from exc
    except RefusedTag as exc:
        raise _problem(name, exc.line, message_of(exc)) from exc
    except (TemplateError, RecursionError, OverflowError, ValueError, MemoryError) as exc:
        raise _problem(name, 1, _("The template cannot be read: %(why)s", why=_message(exc))) from exc
    try:
        return _collect(template, values)
    except Exception as exc:  # a template may raise anything, and it is for its author to mend
        raise _problem(name, _line_of(exc, template), _message(exc)) from exc


def _collect(template: Template, values: Mapping[str, Any]) -> str:
    parts: list[str] = []
    size = 0
    # The marks are at most as long again as a line of one character; the exact limit is checked without them.
    for part in template.root_render_func(template.new_context(dict(values))):
        parts.append(part)
        size += len(part)
        if size > 16 * MAX_OUTPUT_BYTES:
            raise OverflowError(
                _("The template prints more than %(kibibytes)s KiB.", kibibytes=MAX_OUTPUT_BYTES // 1024)
            )
    output = "".join(parts)
    if len(MARK.sub("", output).encode()) > MAX_OUTPUT_BYTES:
        raise OverflowError(_("The template prints more than %(kibibytes)s KiB.", kibibytes=MAX_OUTPUT_BYTES // 1024))
    return output


def _line_of(exc: BaseException, template: Template) -> int:
    line = 1
    for frame, number in traceback.walk_tb(exc.__traceback__):
        if frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(number)
    return line


def _message(exc: BaseException) -> Message:
    if isinstance(exc, MemoryError):
        return _("The templates need more memory than they may have.")
    if isinstance(exc, RecursionError):
        return _("The template is nested too deeply.")
    said = message_of(exc)
    if said.text != WORDS:
        return said
    text = said.in_english.strip()[:300].rstrip(".")
    if not text:
        return _("The template failed with %(kind)s.", kind=type(exc).__name__)
    return verbatim(f"{text[0].upper()}{text[1:]}.")


def _problem(name: str, line: int, message: Message | str) -> Rejected:
    return Rejected(
        _("Template %(name)s, line %(line)s: %(why)s", name=name, line=line, why=message),
        problems=(Problem(f"{name}:{line}", message),),
    )


def _origins(output: str, name: str, names: tuple[str, ...]) -> list[RenderedLine]:
    """Output line by line, without marks; a line belongs to the piece of template that wrote its first visible text."""
    origin = (name, 1)
    lines: list[RenderedLine] = []
    for raw in output.split("\n"):
        pieces = MARK.split(raw)
        chosen = origin if pieces[0].strip() else None
        for index, line, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            origin = (names[int(index)], int(line))
            if chosen is None and text.strip():
                chosen = origin
        template, template_line = chosen or origin
        lines.append(RenderedLine("".join(pieces[0::3]), template, template_line))
    return lines


def _trimmed(lines: list[RenderedLine]) -> list[RenderedLine]:
    """Without document separators and blank lines at the end."""
    while lines and (not lines[-1].text.strip() or lines[-1].text.startswith(("---", "..."))):
        lines = lines[:-1]
    return lines
