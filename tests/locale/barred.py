"""Words that no screen of the product says, each with the reason: data for the tests beside it.

``instead`` is the word that the product has for it, or what to write. ``but`` are texts in which it is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Barred:
    """A pattern (a regular expression, whole words in English) and what stands in its place."""

    pattern: str
    instead: str
    reason: str
    but: str = ""

    def found_in(self, text: str) -> bool:
        """True when the text says it, other than where it is right."""
        rest = re.sub(self.but, "", text) if self.but else text
        return re.search(self.pattern, rest, re.IGNORECASE) is not None


_TELLS_NOTHING = "it says neither what happened nor what to do"
_ONE_NAME = "one thing has one name"

ENGLISH = (
    Barred(
        r"\btickets?\b",
        "release order",
        "an order is ours; the change ticket is the ITSM's",
        but=r"[Cc]hange tickets?|%\(ticket\)s",
    ),
    Barred(r"\bdeploy(ment)? pool\b", "release order", _ONE_NAME),
    Barred(r"\bwork items?\b", "release order", _ONE_NAME),
    Barred(r"\brooms?\b", "capacity, quota", _ONE_NAME),
    Barred(r"\bcode review\b", "review", "a review here looks at manifests, not at code"),
    Barred(r"\bpull request\b", "order", "there is none: an order carries a commit"),
    Barred(r"\bpipelines?\b", "build, stages", "there is one Jenkins job, and a train has waves"),
    Barred(r"\bhotfix\b", "order", _ONE_NAME),
    Barred(r"\brevert(ed|s)?\b", "roll back", _ONE_NAME),
    Barred(r"\bpromotion request\b", "promotion", _ONE_NAME),
    Barred(r"\bsub-?systems? name\b", "project", _ONE_NAME),
    Barred(r"\b(white|black)list", "allowed, refused", "plain words for what it does"),
    Barred(r"\bunknown error\b", "what happened and what to do", _TELLS_NOTHING),
    Barred(r"\bsomething went wrong\b", "what happened and what to do", _TELLS_NOTHING),
    Barred(r"\ban error (has )?occurred\b", "what happened and what to do", _TELLS_NOTHING),
    Barred(r"\binvalid (input|data|request|value)\b", "which value would fit", _TELLS_NOTHING),
    Barred(r"\btry again later\b", "when: in a few seconds, when it is back", "later is no time"),
    Barred(
        r"\bcontact (your|the) (system )?administrator\b",
        "who: the platform administrator, a named person",
        "nobody knows who that is",
    ),
    Barred(r"\boops\b|\bwhoops\b|\buh-oh\b|\bhooray\b|\bawesome\b", "what happened", "people work here at night"),
    Barred(r"\bsorry\b|\bapologi[sz]e\b|\bunfortunately\b", "what happened", "regret is no information"),
    Barred(r"\bplease\b", "the verb alone", "short, verb first"),
    Barred(r"\bsuccessfully\b", "the past tense alone", "what was not done is never said to be done"),
    Barred(r"\bfailed to\b|\bunable to\b|\bwas unable\b", "cannot, did not", "the subject and a plain verb"),
    Barred(r"\billegal\b|\bfatal\b|\bpanic\b|\bbogus\b", "what does not fit", "no drama and no blame"),
    Barred(r"\byou (must not|forgot|failed)\b", "what is missing", "no blame"),
    Barred(r"\bwhoever\b", "people who, the person who", "names who is meant"),
    Barred(r"\blook(ed)? (now|again|at (it|all)|at yet)\b", "read, refresh, open", "states are read, pages refreshed"),
    Barred(r"\bclick here\b", "what the link leads to", "a link is read without its surroundings"),
    Barred(r"!(\s|$)", "a full stop", "calm"),
)

CHINESE = (
    Barred("工单|提单|单据", "发布单", _ONE_NAME),
    Barred("发布池|部署池", "发布单", _ONE_NAME),
    Barred("上线|投产", "部署", _ONE_NAME),
    Barred("线上", "当前运行：线上 reads as production", _ONE_NAME),
    Barred("审查|评审", "部署核对", "审查 is code review"),
    Barred("锁定", "占用", "a tester holds; 锁定 is a lock by a run"),
    Barred("退回", "打回", _ONE_NAME),
    Barred("回退", "回滚", _ONE_NAME),
    Barred("伸缩(?!规则)|弹性", "扩缩容", _ONE_NAME),
    Barred("晋级|晋升|推进到", "环境流转", _ONE_NAME),
    Barred("四眼", "双人复核", _ONE_NAME),
    Barred("发布进度|滚动更新", "部署进度", "滚动更新 is the strategy RollingUpdate alone"),
    Barred("预检", "部署核对", _ONE_NAME),
    Barred("流水线", "构建, 阶段", "there is one Jenkins job"),
    Barred("拒绝审批|审批拒绝", "驳回", _ONE_NAME),
    Barred("撤销", "撤回, 吊销", _ONE_NAME),
    Barred("租户", "组织", _ONE_NAME),
    Barred("制品", "镜像, 软件包", _ONE_NAME),
    Barred("未知错误|未知异常", "what happened and what to do", _TELLS_NOTHING),
    Barred("出错了|出错啦|系统错误|系统异常|服务器开小差", "what happened and what to do", _TELLS_NOTHING),
    Barred("操作成功|操作失败|提交成功|保存成功", "已保存, 已…", "say what was done"),
    Barred("请稍后再试", "什么时候: 几秒后, 恢复后", "later is no time"),
    Barred("系统繁忙|网络异常|网络错误", "who does not answer", _TELLS_NOTHING),
    Barred("参数错误|参数非法|输入有误|格式错误", "which value would fit", _TELLS_NOTHING),
    Barred("联系管理员", "平台管理员, 项目管理员", "nobody knows who that is", but="联系平台管理员|联系项目管理员"),
    Barred("非法|致命", "what does not fit", "no drama and no blame"),
    Barred("抱歉|对不起|哎呀|不好意思", "what happened", "regret is no information"),
    Barred("您", "你", "one form of address throughout"),
    Barred("！", "。", "calm"),
    Barred("成功地|进行了[^。]{0,6}操作", "the verb alone", "officialese"),
    Barred(r"[\u4e00-\u9fff][,;:?!]|[,;?!][\u4e00-\u9fff]", "，；：？", "Chinese has its own punctuation",
           but=r"主机:端口|^是,否$"),
    Barred(r"[\u4e00-\u9fff]\.(\s|$)", "。", "Chinese has its own punctuation"),
    Barred(r"\.\.\.|。。", "…", "one sign for what goes on"),
)  # fmt: skip
