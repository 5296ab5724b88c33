"""Bodies of chats, held to the examples in their makers' documents; none of them was sent to a live chat.

Where an example signs, its own program is written here once more, as the document has it, and must give the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.parse
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deployer.hooks.delivery import open_signed
from notifications.bodies import Parcel, request_for, why_not_taken

NOW = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
PARCEL = Parcel(
    number="7b0d6a9e-4a3f-4a52-9d53-0f8f7c1f2c11", kind="approval", at=NOW, project="sis-omm",
    order="K8S20261201083000CK", component="SIS-OMM-PROXY-GW", environment="prd",
    text="SIS-OMM-PROXY-GW 1201-0830·CK 等待 PRD 审批", detail="year-end", url="https://prism.example/orders/1/",
    link="在 Prism4k 中打开",
)  # fmt: skip


def body(form: str, secret: str = "", parcel: Parcel = PARCEL, url: str = "https://chat.example/send?key=1") -> Any:
    return json.loads(request_for(form, url, secret, parcel, NOW).body)


def test_wecom_takes_markdown() -> None:
    """``{"msgtype": "markdown", "markdown": {"content": …}}``, at most 4096 bytes."""
    found = body("wecom")
    assert found == {
        "msgtype": "markdown",
        "markdown": {"content": f"**{PARCEL.text}**\n> year-end\n[在 Prism4k 中打开](https://prism.example/orders/1/)"},
    }
    long = replace(PARCEL, text="测" * 3000, detail="试" * 3000)
    assert len(body("wecom", parcel=long)["markdown"]["content"].encode()) <= 4096


def test_dingtalk_takes_markdown_and_is_signed_in_the_address() -> None:
    """``sign`` is Base64 of HMAC-SHA256 over timestamp (ms), a line feed and the secret, keyed by the secret."""
    request = request_for("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=t", "SEC1", PARCEL, NOW)
    timestamp = str(SECONDS * 1000)
    string_to_sign = f"{timestamp}\nSEC1"
    code = hmac.new(b"SEC1", string_to_sign.encode(), digestmod=hashlib.sha256).digest()
    sign = urllib.parse.quote_plus(base64.b64encode(code))
    assert request.url == f"https://oapi.dingtalk.com/robot/send?access_token=t&timestamp={timestamp}&sign={sign}"
    found = json.loads(request.body)
    assert found.keys() == {"msgtype", "markdown"} and found["msgtype"] == "markdown"
    assert found["markdown"].keys() == {"title", "text"} and PARCEL.text in found["markdown"]["text"]
    unsigned = request_for("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=t", "", PARCEL, NOW)
    assert unsigned.url.endswith("access_token=t")


def test_feishu_takes_a_post_and_is_signed_in_the_body() -> None:
    """``sign`` is Base64 of HMAC-SHA256 over nothing, keyed by timestamp (s), a line feed and the secret."""
    found = body("feishu", secret="demo")
    key = f"{SECONDS}\ndemo"
    assert found["sign"] == base64.b64encode(hmac.new(key.encode(), b"", hashlib.sha256).digest()).decode()
    assert found["timestamp"] == str(SECONDS) and found["msg_type"] == "post"
    post = found["content"]["post"]["zh_cn"]
    assert post["title"] == PARCEL.text
    assert post["content"] == [
        [{"tag": "text", "text": "year-end"}],
        [{"tag": "a", "text": "在 Prism4k 中打开", "href": "https://prism.example/orders/1/"}],
    ]
    assert body("feishu").keys() == {"msg_type", "content"}, "without a secret it is not signed"
    long = replace(PARCEL, text="测" * 9000, detail="试" * 9000)
    assert len(request_for("feishu", "https://x.example", "", long, NOW).body) < 20_000, "their limit of a body"


def test_slack_takes_text_with_its_three_signs_escaped() -> None:
    found = body("slack", parcel=replace(PARCEL, text="a & b <!channel>", detail="x > y"))
    assert found == {
        "text": "*a &amp; b &lt;!channel&gt;*\n>x &gt; y\n<https://prism.example/orders/1/|在 Prism4k 中打开>"
    }


@pytest.mark.parametrize("form", ["wecom", "dingtalk", "feishu", "slack"])
def test_words_of_people_become_no_mention_no_link_and_no_line(form: str) -> None:
    evil = '<@all> <!here> [prize](https://evil.example)\n# big <at user_id="all">'
    said = json.dumps(body(form, parcel=replace(PARCEL, text=evil, detail=evil)), ensure_ascii=False)
    if form != "feishu":
        parts = ["<@all>", "<!here>", "\\n# big", *(["[prize]("] if form != "slack" else [])]
        assert [part for part in parts if part in said] == []
        return
    # Its text is in elements: what is a mention, or a link, is an element of that name.
    lines = body(form, parcel=replace(PARCEL, text=evil, detail=evil))["content"]["post"]["zh_cn"]["content"]
    assert [[part["tag"] for part in line] for line in lines] == [["text"], ["a"]]


def test_ours_is_signed_as_what_we_accept_ourselves() -> None:
    request = request_for("signed", "https://x.example/hook", "ours", PARCEL, NOW)
    _mark, at = open_signed("ours", request.headers, request.body)
    assert at == NOW and request.headers["X-Prism4k-Delivery"] == PARCEL.number
    assert json.loads(request.body) == {
        "delivery": PARCEL.number, "kind": "approval", "at": "2026-12-01T08:30:00+00:00", "project": "sis-omm",
        "order": PARCEL.order, "component": PARCEL.component, "environment": "prd", "text": PARCEL.text,
        "detail": "year-end", "url": PARCEL.url,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "answer", "said"),
    [
        ("wecom", b'{"errcode":0,"errmsg":"ok"}', ""),
        ("wecom", b'{"errcode":45009,"errmsg":"api freq out of limit"}', "45009 api freq out of limit"),
        ("dingtalk", b'{"errcode":310000,"errmsg":"sign not match"}', "310000 sign not match"),
        ("feishu", b'{"code":0,"msg":"success","data":{}}', ""),
        ("feishu", b'{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}',
         "19021 sign match fail or timestamp is not within one hour"),
        ("feishu", b"<html>a proxy", "<html>a proxy"),
        ("slack", b"ok", ""),
        ("signed", b"anything", ""),
    ],
)  # fmt: skip
def test_a_chat_refuses_with_a_status_of_success(form: str, answer: bytes, said: str) -> None:
    assert why_not_taken(form, answer) == said
