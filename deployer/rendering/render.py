"""The two renderings: sets of YAML templates to manifests, and text templates to text."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError

from deployer.errors import Problem, Rejected
from deployer.interfaces import Manifest, Rendered, RenderedLine, RenderRequest
from deployer.rendering import strict_yaml
from deployer.rendering.sandbox import MARK, MAX_OUTPUT_BYTES, PlainText, RefusedTag, Sandbox, Tokens
from deployer.rendering.values import check_templates, check_values
from deployer.sentences import WORDS, Said, said_by, verbatim
from deployer.sentences import say as _


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
            raise _problem(origin.template, origin.template_line, said_by(exc)) from exc
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
    sandbox = Sandbox(tuple(sources), printer.finalize)
    sandbox.filters["shell"] = printer.shell
    rendered: dict[str, RenderedText] = {}
    for name, source in sources.items():
        lines = _origins(_run(sandbox, name, source, request.values), name, tuple(sources))
        rendered[name] = RenderedText("\n".join(line.text for line in lines), tuple(lines))
    return rendered


def why_unreadable(source: str) -> tuple[int, Said] | None:
    """Line (from 1) and sentence of what makes a template unreadable whatever its values; None when it can be read.

    It is parsed and not run: the one thing of this room that any process may do, for a text of bounded length.
    """
    sandbox = Sandbox(("",), str)
    try:
        sandbox.check_tags(sandbox.parse(source, name=""))
    except TemplateSyntaxError as exc:
        return exc.lineno, verbatim(exc.message or "")
    except RefusedTag as exc:
        return exc.line, said_by(exc)
    except RecursionError as exc:
        return 1, _sentence(exc)
    return None


def _run(sandbox: Sandbox, name: str, source: str, values: Mapping[str, Any]) -> str:
    """Output of one template, marks included."""
    try:
        tree = sandbox.parse(source, name=name)
        sandbox.check_tags(tree)
        code = sandbox.compile(tree, name=name, filename=name)
        template = Template.from_code(sandbox, code, sandbox.make_globals(None))
    except TemplateSyntaxError as exc:
        raise _problem(name, exc.lineno, _("The template cannot be read: %(words)s", words=exc.message)) from exc
    except RefusedTag as exc:
        raise _problem(name, exc.line, said_by(exc)) from exc
    except (TemplateError, RecursionError, OverflowError, ValueError, MemoryError) as exc:
        raise _problem(name, 1, _("The template cannot be read: %(why)s", why=_sentence(exc))) from exc
    try:
        return _collect(template, values)
    except Exception as exc:  # a template may raise anything, and it is for its author to mend
        raise _problem(name, _line_of(exc, template), _sentence(exc)) from exc


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


def _sentence(exc: BaseException) -> Said:
    if isinstance(exc, MemoryError):
        return _("The templates need more memory than they may have.")
    if isinstance(exc, RecursionError):
        return _("The template is nested too deeply.")
    said = said_by(exc)
    if said.text != WORDS:
        return said
    text = said.strip()[:300].rstrip(".")
    if not text:
        return _("The template failed with %(kind)s.", kind=type(exc).__name__)
    return verbatim(f"{text[0].upper()}{text[1:]}.")


def _problem(name: str, line: int, message: str) -> Rejected:
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
