"""Dockerfiles and scripts: what is rendered is what was written; signs that only look right are told at their line."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.errors import Rejected
from deployer.interfaces import RenderRequest
from deployer.rendering import comment_of_another_kind, render, render_text, straightened, why_unreadable

SCRIPTS = [
    "echo ${#}\necho kept\necho ${#}\n",
    "n=${#arr[@]}\n",
    "echo ${#name} ${#} {#a #} {##}\n",
    "# {# a comment of the shell #}\nx=1\n",
    "awk '{#x}' f\nfor i; do echo \"${i#a#}\"; done\n",
    "a=${x%%.*}; b=${y##*/}; c=${z%#}\n",
    "[ $# -eq 0 ] && exit\n#}\n",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_rendered_as_it_was_written(script: str) -> None:
    assert render_text(RenderRequest({"t": script}, {}))["t"].text == script
    assert why_unreadable(script, is_text=True) is None


def test_the_origin_of_lines_holds_beside_what_looks_like_a_comment() -> None:
    made = render_text(RenderRequest({"t": "a ${#}\n{% if x %}\nb {{ x }}\n{% endif %}\nc ${#}\n"}, {"x": 1}))["t"]
    assert [(line.template_line, line.text) for line in made.lines[:3]] == [(1, "a ${#}"), (3, "b 1"), (5, "c ${#}")]


@pytest.mark.parametrize("text", ["a: |\n  echo ${#}\n  echo x\n  echo ${#}\n", "a: ${#arr[@]}\n"])
def test_a_script_inside_of_yaml_loses_no_line_unseen(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        render(RenderRequest({"t": text}, {}))
    assert "begins a comment" in refusal.value.problems[0].message
    assert why_unreadable(text) is not None
    kept = text.replace("${#", "{{ '${#' }}")
    assert "${#" in str(render(RenderRequest({"t": kept}, {})).manifests[0]["a"])


def test_comments_of_yaml_templates_stay() -> None:
    assert render(RenderRequest({"t": "{# why #}\na: 1 {# and\nwhy #}\n"}, {})).manifests == ({"a": 1},)


def test_a_dockerfile_s_comment_begins_with_a_hash() -> None:
    found = comment_of_another_kind("FROM x\n{# why #}\n")
    assert found is not None
    assert found[0] == 2 and "begin the line with #" in found[1]
    assert comment_of_another_kind("FROM x\nRUN echo ${#x}\n") is None


LOOK_ALIKES = {
    "wide space": ("FROM\u3000{{ x }}\n", 1, "a space"),
    "wide indentation": ("FROM x\n\u3000\u3000COPY a b\n", 2, "a space"),
    "no-break space": ("FROM x\nCOPY\u00a0a b\n", 2, "a space"),
    "thin space": ("FROM x\nCOPY\u2009a b\n", 2, "a space"),
    "curly quotes": ("FROM x\nCMD [“sh”]\n", 2, '"'),
    "single curly quotes": ("FROM x\nENV A=‘b’\n", 2, "'"),
    "wide quotes": ("FROM x\nENV A=＂b＂\n", 2, '"'),
    "dash": ("FROM x\nCMD java –Xmx1g\n", 2, "-"),
    "wide equals": ("FROM x\nENV A＝b\n", 2, "="),
    "wide semicolon": ("a=1；b=2\n", 1, ";"),
    "wide dollar": ("echo ＄HOME\n", 1, "$"),
    "after a quoted one": ('echo "“好”" “x”\n', 1, '"'),
    "after a here-document": ("cat <<END\n“text”\nEND\necho “x”\n", 4, '"'),
}


@pytest.mark.parametrize("case", sorted(LOOK_ALIKES))
def test_a_sign_that_only_looks_right_is_told(case: str) -> None:
    text, line, meant = LOOK_ALIKES[case]
    found = why_unreadable(text, is_text=True)
    assert found is not None
    assert found[0] == line
    assert f"only looks like {meant}" in found[1]
    with pytest.raises(Rejected) as refusal:
        render_text(RenderRequest({"t": text}, {"x": "y"}))
    assert refusal.value.problems[0].path == f"t:{line}"


@pytest.mark.parametrize(
    "text",
    [
        "# 启动“理财”服务：见手册\nFROM x\n",
        'echo "启动“理财”服务，请稍候；完成"\n',
        "cat <<'END'\n“理财”　服务：好\nEND\necho done\n",
        'FROM x\nLABEL name="理财　网关"\n',
        "echo 完成 # 启动“好”\n",
    ],
)
def test_text_for_people_may_hold_any_sign(text: str) -> None:
    assert why_unreadable(text, is_text=True) is None


def test_a_byte_order_mark_is_taken_away() -> None:
    assert straightened("\ufeffFROM x\r\n") == "FROM x\n"
    assert render_text(RenderRequest({"t": "\ufeffFROM x\n"}, {}))["t"].text == "FROM x\n"
    assert render(RenderRequest({"t": "\ufeffa: 1\n"}, {})).manifests == ({"a": 1},)


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\u2066", "\u2060", "\ufeff", "\x07", "\x85"])
def test_signs_that_nobody_sees_are_refused(sign: str) -> None:
    for is_text in (True, False):
        found = why_unreadable(f"a: 1\nb: x{sign}y\n", is_text=is_text)
        assert found is not None
        assert found[0] == 2
        assert "invisible" in found[1]


HELM = [
    "name: {{ .Values.name }}\n",
    "name: {{ .Release.Name }}-x\n",
    "{{- if .Values.enabled }}\na: 1\n{{- end }}\n",
    'name: {{ include "chart.fullname" . }}\n',
    "a: 1\n{{- with .Values.annotations }}\nb: {{- toYaml . | nindent 4 }}\n{{- end }}\n",
    '{{- define "x" -}}\na\n{{- end -}}\n',
    "{{- range $key, $value := .Values.env }}\n{{- end }}\n",
    "image: {{ $.Values.image }}\n",
    "{{/* why */}}\na: 1\n",
]


@pytest.mark.parametrize("text", HELM)
def test_a_chart_of_helm_is_told_as_such(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        render(RenderRequest({"t": text}, {}))
    assert "Helm template" in refusal.value.problems[0].message
    found = why_unreadable(text)
    assert found is not None
    assert "Helm template" in found[1]


def test_braces_of_another_program_are_told_in_a_script() -> None:
    found = why_unreadable("docker inspect -f '{{ .State }}' x\n", is_text=True)
    assert found is not None
    assert "{% raw %}" in found[1]
    text = "docker inspect -f '{% raw %}{{ .State }}{% endraw %}' x\n"
    assert render_text(RenderRequest({"t": text}, {}))["t"].text == "docker inspect -f '{{ .State }}' x\n"


YAML: dict[str, tuple[str, int, str]] = {
    "file mode": ("defaultMode: 0644\n", 1, "write 420"),
    "file mode of yaml 1.2": ("defaultMode: 0o644\n", 1, "write 420"),
    "quoted file mode": ('items:\n  - {key: a, path: b, mode: "0755"}\n', 2, "write 493"),
    "octal elsewhere": ("id: 0644\n", 1, "420"),
    "curly quotes": ("a: “b”\n", 1, "curly quotes"),
    "wide space after the colon": ("a: 1\nb:\u3000c: 2\n", 2, "wide space"),
    "wide space before the value": ("a: \u3000b\n", 1, "wide space"),
}


@pytest.mark.security("yaml-tricks")
@pytest.mark.parametrize("case", sorted(YAML))
def test_yaml_that_says_something_else_is_told(case: str) -> None:
    text, line, words = YAML[case]
    with pytest.raises(Rejected) as refusal:
        render(RenderRequest({"t": text}, {}))
    assert refusal.value.problems[0].path == f"t:{line}"
    assert words in refusal.value.problems[0].message


@pytest.mark.parametrize(
    ("text", "value"),
    [("a: 0.5\n", 0.5), ("a: 1\n", 1), ('a: "“b”"\n', "“b”"), ("a: 理财“网关”\n", "理财“网关”"), ("a: 420\n", 420)],
)
def test_yaml_that_is_clear_is_taken(text: str, value: Any) -> None:
    assert render(RenderRequest({"t": text}, {})).manifests == ({"a": value},)
