"""Both catalogues are whole: every msgid has its words, with the same values in them, in the words of the product."""

from __future__ import annotations

import gettext
import re
import struct

import pytest
from django.utils import translation
from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR

from tests.locale.barred import CHINESE, ENGLISH, Barred
from tests.locale.catalogues import LANGUAGES, Entry, path_of, read_po, used_keys

NAMED = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
VALUE = re.compile(r"%\(\w+\)[sd]|%[sd]")
FORMS = {"zh_Hans": 1, "en": 2}

NAMES = {
    "Orders": "发布单",
    "Components": "组件",
    "Home": "工作台",
    "Promotion": "环境流转",
    "Review": "部署核对",
    "Review and deploy": "核对并部署",
    "Rollout": "部署进度",
    "Roll back": "回滚",
    "Restart": "重启",
    "Scale": "扩缩容",
    "Snapshot": "部署快照",
    "Runtime": "运行态",
    "Configuration": "配置",
    "Base image": "基础镜像",
    "Approvals": "审批",
    "Approve": "通过",
    "Reject": "驳回",
    "Withdraw": "撤回",
    "Return": "打回",
    "Check": "检测",
    "Stop the build": "终止构建",
    "four eyes": "双人复核",
    "drift": "配置漂移",
    "Waiting": "等待中",
    "Running": "进行中",
    "Succeeded": "成功",
    "Failed": "失败",
    "Platform error": "平台异常",
    "Cancelled": "已取消",
    "blocked": "受阻",
    "live": "实时",
    "delayed": "延迟",
    "offline": "已断开",
    "Request number": "请求编号",
    "Next step": "建议操作",
    "Activity": "动态",
    "Order number": "发布单编号",
    "Branch": "编译分支",
    "User": "用户",
    "Last modified": "最近修改时间",
    "Actions": "操作",
    "Choose a project": "选择项目",
    "Choose a component": "选择组件",
    "Filter": "过滤",
    "Search": "搜索",
    "New K8S release order": "新建K8S发布单",
    "All K8S release orders": "K8S发布单列表",
    "Pods": "容器组 (Pod)",
    "Release id": "发布ID",
    "Build the release package": "构建程序发布包",
    "Start the build": "开始构建",
    "Component name": "APP组件名称",
    "Chinese name": "组件中文名称",
    "Jenkins job": "Jenkins任务名称",
    "Jenkins node": "Jenkins运行节点",
    "build directory": "编译命令目录",
    "Build command": "编译命令",
    "artifact directory": "软件目录",
    "package": "软件包",
    "BootStart file": "BootStart文件",
    "Deployment template": "部署模板文件",
    "Service template": "服务模板文件",
    "Replicas": "实例数量",
    "CPU (cores) lower / upper": "CPU(核) 下限/上限",
    "Memory (G) lower / upper": "内存(G) 下限/上限",
}
"""What stands on a screen and its one Chinese name."""


ORIGINAL = {
    ("heading", "New K8S release order"): "新建K8S发布单 (属于docker容器)",
    ("order form", "Project"): "子系统",
    ("order form", "Cancel"): "取消",
    ("build dialog", "Base image"): "基础Docker镜像",
    ("build dialog", "Jenkins job"): "Jenkins job名称",
}
"""What the original's screens call it where ours call the same thing otherwise elsewhere."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_msgid_has_its_words(language: str) -> None:
    entries = {entry.key: entry for entry in read_po(language)}
    used = used_keys()
    assert len(used) > 1000, "the extraction finds too little to prove anything"
    assert not {key: where for key, where in used.items() if key not in entries}, "run makemessages and translate"
    assert not [key for key in entries if key not in used], "nobody uses these any more: run makemessages"
    bare = [entry.key for entry in entries.values() if not _is_translated(entry, FORMS[language])]
    assert not bare, "these have no words yet"


def _is_translated(entry: Entry, forms: int) -> bool:
    wanted = forms if entry.plural else 1
    return len(entry.texts) == wanted and all(text.strip() for text in entry.texts.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fuzzy_obsolete_or_there_twice(language: str) -> None:
    text = path_of(language, "po").read_text(encoding="utf-8")
    entries = read_po(language)
    assert not [entry.key for entry in entries if entry.is_fuzzy]
    assert "#~" not in text
    keys = [entry.key for entry in entries]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_reads_what_the_catalogue_says(language: str) -> None:
    compiled = path_of(language, "mo")
    (count,) = struct.unpack("<I", compiled.read_bytes()[8:12])
    entries = read_po(language)
    assert count == len(entries) + 1, "run compilemessages"
    with compiled.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert not [entry.key for entry in entries if _compiled(compiled, entry) != entry.texts], "run compilemessages"


def _compiled(compiled: gettext.GNUTranslations, entry: Entry) -> dict[int, str]:
    """What the compiled catalogue says, by plural form; English says form 0 for one thing."""
    if not entry.plural:
        text = compiled.pgettext(entry.context, entry.msgid) if entry.context else compiled.gettext(entry.msgid)
        return {0: text}
    return {form: compiled.ngettext(entry.msgid, entry.plural, form + 1) for form in entry.texts}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_name_exactly_the_values_of_the_msgid(language: str) -> None:
    wrong = []
    for entry in read_po(language):
        last = max(entry.texts)
        for form, text in entry.texts.items():
            source = entry.plural if entry.plural and form == last else entry.msgid
            if sorted(set(VALUE.findall(text))) != sorted(set(VALUE.findall(source))):
                wrong.append((entry.msgid, text))
    assert not wrong


def said(language: str) -> list[str]:
    """Every text that the catalogue holds for readers of the language."""
    return [text for entry in read_po(language) for text in entry.texts.values()]


@pytest.mark.parametrize(("language", "barred"), [("en", ENGLISH), ("zh_Hans", CHINESE)])
def test_no_screen_says_a_barred_word(language: str, barred: tuple[Barred, ...]) -> None:
    texts = said(language)
    assert len(texts) > 1000
    found = [(one.pattern, text, one.instead, one.reason) for one in barred for text in texts if one.found_in(text)]
    assert found == []


def test_the_bar_holds_and_lets_through() -> None:
    by_pattern = {one.pattern: one for one in (*ENGLISH, *CHINESE)}
    assert len(by_pattern) == len(ENGLISH) + len(CHINESE)
    ticket = by_pattern[r"\btickets?\b"]
    assert ticket.found_in("Open a ticket.") and not ticket.found_in("No change ticket is needed.")
    own = by_pattern["联系管理员"]
    assert own.found_in("请联系管理员") and not own.found_in("请联系平台管理员")


LONGEST = {"en": 140, "zh_Hans": 60}
"""Characters of one sentence; a value counts as six."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_read_at_a_glance(language: str) -> None:
    pieces = [piece for text in said(language) for piece in parts_of(text)]
    assert [piece for piece in pieces if len(piece) > LONGEST[language]] == []
    texts = [NAMED.sub("xxxxxx", text) for text in said(language)]
    assert [text for text in texts if len(text) > 2.5 * LONGEST[language]] == []


def parts_of(text: str) -> list[str]:
    """The sentences of a text."""
    pieces = re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n", NAMED.sub("xxxxxx", text))
    return [piece.strip() for piece in pieces if piece.strip()]


def test_a_message_ends_alike_in_both_languages() -> None:
    """A full stop on one side alone is a sentence on one side alone."""
    uneven = [
        (entry.msgid, text)
        for entry in read_po("zh_Hans")
        for text in entry.texts.values()
        if entry.msgid.endswith((".", "?")) != text.endswith(("。", "？", "."))
    ]
    assert uneven == []


@pytest.mark.parametrize(("english", "chinese"), NAMES.items())
def test_one_thing_has_one_name(english: str, chinese: str) -> None:
    texts = {entry.context: entry.texts[0] for entry in read_po("zh_Hans") if entry.msgid == english}
    # Where a screen tells two meanings apart, the name is one of them.
    assert texts.get("", chinese) == chinese and chinese in texts.values()


@pytest.mark.parametrize(("place", "chinese"), ORIGINAL.items())
def test_screens_of_the_original_keep_its_words(place: tuple[str, str], chinese: str) -> None:
    assert [entry.texts[0] for entry in read_po("zh_Hans") if (entry.context, entry.msgid) == place] == [chinese]


def test_chinese_is_written_in_chinese() -> None:
    """Whole English sentences that somebody copied over would pass as translated."""
    plain = re.compile(r"[\u4e00-\u9fff]")
    long_texts = [entry for entry in read_po("zh_Hans") if len(NAMED.sub("", entry.msgid).split()) >= 3]
    assert len(long_texts) > 500
    assert not [entry.msgid for entry in long_texts if not all(plain.search(text) for text in entry.texts.values())]


def test_words_with_two_meanings_are_told_apart() -> None:
    texts = {entry.key: entry.texts[0] for entry in read_po("zh_Hans")}
    assert texts[("order", "withdrawn")] == "已作废"
    assert texts[("", "withdrawn")] == "已撤回"
    assert texts[("order form", "Branch")] == "代码分支"
    assert texts[("gate", "closed")] == "未通过"
    assert texts[("", "closed")] == "已关闭"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_ours_stands_in_for_a_month_or_a_day(language: str) -> None:
    """Django asks for their names without a context: an entry of ours would be printed in dates."""
    ours = {entry.msgid for entry in read_po(language) if not entry.context}
    with translation.override("en-us", deactivate=True):
        names = {str(name) for table in (MONTHS, WEEKDAYS, WEEKDAYS_ABBR) for name in table.values()}
    assert len(names) == 26
    assert not names & ours
