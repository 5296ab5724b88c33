"""Rendering: values stay values, lines know their origin, hostile templates are refused."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.errors import Rejected
from deployer.interfaces import Rendered, RenderRequest
from deployer.render_host import RenderHost
from deployer.rendering import render, render_text
from tests.patience import at_most


def rendered(template: str, **values: Any) -> Rendered:
    return render(RenderRequest({"t.yaml": template}, values))


def problem(template: str, **values: Any) -> tuple[str, str]:
    with pytest.raises(Rejected) as refusal:
        rendered(template, **values)
    found = refusal.value.problems[0]
    assert found.message
    return found.path, found.message


HOSTILE_VALUES = [
    "x\nkind: Secret",
    "true",
    "1e3",
    "0777",
    "1:30",
    "2026-11-20",
    "{{ config }}",
    "a: b",
    "- a",
    "'\"",
    "&a *a",
    "!!python/object:os.system",
    "---\na: 1",
    "# no comment",
    "",
    " ",
    "\t",
    "~",
    "null",
    "\u2028",
    "\x85",
    "😀 理财",
    "%{x}",
    "\\n",
    "|",
    "zq0000n0z",
]


@pytest.mark.security("template-escapes")
@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_a_value_is_the_same_text_wherever_it_is_printed(value: str) -> None:
    template = (
        "plain: {{ v }}\nquoted: \"{{ v }}\"\nsingle: '{{ v }}'\nblock: |\n  {{ v }}\nin: [{{ v }}]\n"
        "{{ v }}-key: 1\nyaml: {{ [v, {v: v}] | toyaml }}\njoined: {{ v }}:{{ v }}\n"
    )
    (manifest,) = rendered(template, v=value).manifests
    assert manifest == {
        "plain": value,
        "quoted": value,
        "single": value,
        "block": value + "\n",
        "in": [value],
        f"{value}-key": 1,
        "yaml": [value, {value: value}],
        "joined": f"{value}:{value}",
    }


@pytest.mark.security("template-escapes")
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
def test_any_text_survives(value: str) -> None:
    assert rendered("a: {{ v }}\nb: {{ {v: v} | toyaml }}\n", v=value).manifests == ({"a": value, "b": {value: value}},)


def test_numbers_and_truth_values_are_printed_as_such_and_quotes_make_text() -> None:
    (manifest,) = rendered(
        'n: {{ 3 }}\nt: {{ true }}\nz: {{ none }}\nq: "{{ 3 }}"\nl: {{ [1, true, none] | toyaml }}\n'
    ).manifests
    assert manifest == {"n": 3, "t": True, "z": None, "q": "3", "l": [1, True, None]}
    assert type(manifest["l"][0]) is int


def test_origins_hold_through_loops_conditions_comments_and_several_templates() -> None:
    first = (
        "# head\n{% if yes %}\nkind: A\n{% endif %}\n{# a\ncomment #}\nitems:\n"
        "{% for i in range(2) %}\n  - {{ i }}\n  - x\n{% endfor %}\n---\nkind: B\n"
    )
    second = "{%- set x = 1 -%}\n\nkind: C\nv: {{ x }}\n"
    result = render(RenderRequest({"first": first, "second": second}, {"yes": True}))
    assert [m["kind"] for m in result.manifests] == ["A", "B", "C"]
    assert [(line.template_line, line.text) for line in result.lines[0]] == [
        (3, "kind: A"),
        (7, "items:"),
        (9, "  - 0"),
        (10, "  - x"),
        (9, "  - 1"),
        (10, "  - x"),
    ]
    assert [(line.template, line.template_line) for line in result.lines[1]] == [("first", 13)]
    assert [(line.template, line.template_line) for line in result.lines[2]] == [("second", 3), ("second", 4)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a{n}: 1", "b{n}: {{{{ v }}}}", "# c", "", "c{n}: |\n  deep\n  er"]), min_size=1, max_size=12
    )
)
def test_without_conditions_each_line_comes_from_its_own_number(lines: list[str]) -> None:
    source = "start: 1\n" + "\n".join(line.format(n=n) for n, line in enumerate(lines)) + "\n"
    (shown,) = rendered(source, v="x").lines
    for number, line in enumerate(shown, start=1):
        assert line.template_line == number
        assert line.text == source.split("\n")[number - 1].replace("{{ v }}", "x")


def test_lines_show_values_on_one_line() -> None:
    (lines,) = rendered("a: {{ v }}\n", v="one\ntwo").lines
    assert [line.text for line in lines] == ["a: one\\ntwo"]


REFUSED_TEMPLATES = {
    "namespace": ("a: {{ namespace().__class__ }}\n", 1),
    "joiner": ("a: {{ joiner(',') }}\n", 1),
    "dict global": ("a: {{ dict(a=1) | toyaml }}\n", 1),
    "settings": ("a: {{ settings.SECRET_KEY }}\n", 1),
    "environment": ("a: {{ os.environ }}\n", 1),
    "builtins": ("a: {{ __builtins__ }}\n", 1),
    "loop's class": ("{% for x in [1] %}\na: {{ loop.__class__ }}\n{% endfor %}", 2),
    "generator's frame": ("a: {{ (l | map('string')).gi_frame }}\n", 1),
    "subclasses by item": ("a: {{ v['__class__']['__subclasses__']() }}\n", 1),
    "sort by attribute": ("a: {{ [v] | sort(attribute='__class__.__name__') | toyaml }}\n", 1),
    "group by attribute": ("a: {{ [v] | groupby('__class__') | list | toyaml }}\n", 1),
    "sum of attributes": ("a: {{ [v] | sum(attribute='__len__') }}\n", 1),
    "call block": ("{% call m() %}x{% endcall %}\n", 1),
    "block": ("a: 1\n{% block b %}x{% endblock %}\n", 2),
    "from import": ("{% from 'x' import y %}\n", 1),
    "unknown tag": ("a: 1\n{% do l.append(1) %}\n", 2),
    "debug tag": ("{% debug %}\n", 1),
    "translation": ("{% trans %}x{% endtrans %}\n", 1),
    "safe": ("a: {{ v | safe }}\n", 1),
    "pretty printer": ("a: {{ v | pprint }}\n", 1),
    "pop of a value": ("{{ l.pop() }}\n", 1),
    "update of a value": ("{{ {'a': 1}.update({}) }}\n", 1),
    "bytes": ("a: {{ v.encode() }}\n", 1),
    "expanded tag": ("a: !<tag:yaml.org,2002:str> x\n", 1),
    "set": ("a: !!set {b}\n", 1),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", 1),
    "hexadecimal": ("a: 0x10\n", 1),
    "not a number": ("a: .nan\n", 1),
    "off": ("a: off\n", 1),
    "capital true": ("a: True\n", 1),
    "time of day": ("a: 12:30:45\n", 1),
    "truth key": ("true: 1\n", 1),
    "date and time": ("a: 2026-11-20T10:00:00Z\n", 1),
    "alias as key": ("a: &k x\n", 1),
    "script's comment": ("a: ${#x}\n", 1),
    "chart": ("a: {{ .Values.x }}\n", 1),
    "undefined": ("a: 1\nb: {{ nope }}\n", 2),
    "undefined attribute": ("a: {{ v.x.y }}\n", 1),
    "class": ("a: {{ ''.__class__.__mro__ }}\n", 1),
    "globals": ("a: {{ range.__globals__ }}\n", 1),
    "init": ("a: {{ v.__init__ }}\n", 1),
    "format string": ("a: {{ '{0.__class__}'.format(v) }}\n", 1),
    "format map": ("a: {{ '{a.__class__}'.format_map({'a': v}) }}\n", 1),
    "attr filter": ("a: {{ v | attr('__class__') }}\n", 1),
    "map attribute": ("a: {{ [v] | map(attribute='__class__') | list | toyaml }}\n", 1),
    "lipsum": ("a: {{ lipsum.__globals__.os }}\n", 1),
    "cycler": ("a: {{ cycler('a') }}\n", 1),
    "self": ("a: {{ self.__init__ }}\n", 1),
    "include": ("a: 1\n{% include '/etc/passwd' %}\n", 2),
    "import": ("{% import 'x' as y %}\n", 1),
    "extends": ("{% extends 'x' %}\n", 1),
    "macro": ("{% macro m() %}x{% endmacro %}\n", 1),
    "block set": ("{% set x %}a{% endset %}\n", 1),
    "filter block": ("{% filter upper %}a{% endfilter %}\n", 1),
    "recursive loop": ("{% for x in [] recursive %}{% endfor %}\n", 1),
    "syntax": ("a: 1\nb: {{ v \n", 2),
    "unclosed": ("{% if v %}\na: 1\n", 2),
    "list printed": ("a: {{ [1] }}\n", 1),
    "float printed": ("a: {{ 1.5 }}\n", 1),
    "function printed": ("a: {{ range }}\n", 1),
    "division": ("a: 1\n\nb: {{ 1 // 0 }}\n", 3),
    "mutation": ("{{ l.append(1) }}\n", 1),
    "alias bomb": ("a: &x [1]\nb: [*x, *x]\n", 1),
    "alias": ("a: *x\n", 1),
    "merge": ("a:\n  <<: {b: 1}\n", 2),
    "duplicate": ("a: 1\nb: 2\na: 3\n", 3),
    "duplicate by value": ("a: 1\n{{ 'a' }}: 2\n", 2),
    "python object": ("a: !!python/object/apply:os.system ['x']\n", 1),
    "custom tag": ("a: !x 1\n", 1),
    "binary": ("a: !!binary aGk=\n", 1),
    "on": ("a: on\n", 1),
    "yes key": ("yes: 1\n", 1),
    "octal": ("a: 0777\n", 1),
    "date": ("a: 2026-11-20\n", 1),
    "base 60": ("a: 1:30\n", 1),
    "underscores": ("a: 1_000\n", 1),
    "infinity": ("a: .inf\n", 1),
    "overflow": ("a: 1e999\n", 1),
    "number key": ("1: a\n", 1),
    "null key": ("null: a\n", 1),
    "complex key": ("? [a]\n: 1\n", 1),
    "list document": ("- a\n", 1),
    "text document": ("just text\n", 1),
    "directive": ("%YAML 1.1\n---\na: 1\n", 1),
    "broken yaml": ("a: 1\nb: [1\n", 3),
    "tab": ("a:\n\tb: 1\n", 2),
    "deep": ("a: " + "[" * 60 + "]" * 60 + "\n", 1),
    "many nodes": ("a: [{% for i in range(30000) %}1,{% endfor %}]\n", 1),
    "many documents": ("{% for i in range(30) %}---\na: 1\n{% endfor %}", 2),
    "nul": ("a: \x00\n", 1),
    "invisible": ("a: 1\nb: \u202ex\u2028\n", 2),
}


def test_the_hostile_templates_are_many() -> None:
    assert len(REFUSED_TEMPLATES) >= 80


@pytest.mark.security("template-escapes", "yaml-tricks")
@pytest.mark.parametrize("case", sorted(REFUSED_TEMPLATES))
def test_hostile_templates_are_refused_at_their_line(case: str) -> None:
    template, line = REFUSED_TEMPLATES[case]
    path, message = problem(template, v="text", l=[1])
    assert path == f"t.yaml:{line}"
    assert str(message)[0].isupper() or str(message)[0] in "'“"


@pytest.mark.security("template-escapes")
@pytest.mark.parametrize("value", [1.5, object(), b"x", {1: 2}, "a\x00b", "\ud800", (1,), {"a": {"b": object()}}])
def test_only_plain_data_reaches_a_template(value: object) -> None:
    with pytest.raises(Rejected):
        rendered("a: 1\n", v=value)


def test_empty_documents_are_skipped_and_order_is_kept() -> None:
    result = rendered("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n")
    assert result.manifests == ({"a": 1}, {"b": 2})


def text_of(template: str, **values: Any) -> str:
    return render_text(RenderRequest({"t": template}, values))["t"].text


def test_text_templates_print_values_as_they_are() -> None:
    assert text_of("FROM {{ base }}\n# {{ n }} {{ true }}\n", base="a/b:1", n=3) == "FROM a/b:1\n# 3 true\n"
    assert text_of("x={{ p | shell }}\n", p="it's\n$(id)") == "x='it'\"'\"'s\n$(id)'\n"


@pytest.mark.security("template-escapes")
def test_a_value_cannot_add_an_instruction_to_a_dockerfile() -> None:
    with pytest.raises(Rejected) as refusal:
        text_of("FROM x\nCOPY {{ p }} /app/\n", p="a\nRUN id")
    assert refusal.value.problems[0].path == "t:2"


@pytest.fixture(scope="module")
def host() -> Iterator[RenderHost]:
    with RenderHost() as running:
        yield running


def ask(host: RenderHost, template: str, **values: Any) -> Rendered:
    return host.render(RenderRequest({"t": template}, values))


def test_the_host_gives_what_the_module_gives(host: RenderHost) -> None:
    template = "a: {{ v }}\n{% for i in l %}\nb{{ i }}: {{ i }}\n{% endfor %}\n"
    request = RenderRequest({"t": template}, {"v": "é\n😀", "l": [1, 2]})
    assert host.render(request) == render(request)
    request = RenderRequest({"t": "FROM {{ v }}\n"}, {"v": "x"})
    assert host.render_text(request) == render_text(request)


@pytest.mark.security("greedy-templates")
@pytest.mark.parametrize(
    "template",
    [
        "a: {{ 'x' * 10**10 }}\n",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(90000) %}a{{ i }}: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n{% endfor %}",
        "a: {{ 9**9**9 }}\n",
        "{% set x = [[0]*10**6]*10**6 %}{{ x|string|length }}",
        "a: {{ '%099999999999d' % 1 }}\n",
    ],
)
def test_greedy_templates_end_within_their_limits(host: RenderHost, template: str) -> None:
    started = time.monotonic()
    with pytest.raises(Rejected) as refusal:
        ask(host, template)
    assert refusal.value.problems
    assert time.monotonic() - started < at_most(8)
    assert ask(host, "a: 1\n").manifests == ({"a": 1},)


@pytest.mark.security("greedy-templates")
def test_a_killed_host_is_replaced(host: RenderHost) -> None:
    ask(host, "a: 1\n")
    process = host._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert ask(host, "a: 2\n").manifests == ({"a": 2},)


@pytest.mark.security("template-escapes")
def test_the_host_holds_no_secrets_and_no_descriptors(host: RenderHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-inherit")
    host.close()
    with Path("/etc/hostname").open() as kept:
        os.set_inheritable(kept.fileno(), True)
        ask(host, "a: 1\n")
        process = host._process
        assert process is not None
        base = Path(f"/proc/{process.pid}")
        assert b"do-not-inherit" not in (base / "environ").read_bytes()
        targets = [os.readlink(entry) for entry in (base / "fd").iterdir()]
    assert sorted(t.partition(":")[0] for t in targets) == ["/dev/null", "/dev/null", "/dev/null", "socket"]


def test_several_threads_share_one_host(host: RenderHost) -> None:
    answers: dict[int, Any] = {}

    def work(number: int) -> None:
        answers[number] = ask(host, "a: {{ n }}\n", n=number).manifests[0]["a"]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: n for n in range(8)}


def test_the_host_ends_when_its_client_closes() -> None:
    host = RenderHost()
    ask(host, "a: 1\n")
    process = host._process
    host.close()
    assert process is not None
    assert process.poll() is not None
