"""Sign-in and home speak the reader's language."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import World

SIGN_IN = {
    "en": ['<html lang="en"', "Sign in", "User name", "Password", "Skip to the content"],
    "zh-hans": ['<html lang="zh-Hans"', "登录", "用户名", "密码", "跳到正文"],
}
HOME = {
    "en": ["Home", "New K8S release order", "Nothing to deploy", "Nothing to approve", "What runs where"],
    "zh-hans": ["工作台", "新建K8S发布单", "无待部署", "无待审批", "各环境运行情况", "选择项目", "组件"],
}


@pytest.mark.django_db
@pytest.mark.parametrize("language", SIGN_IN)
def test_sign_in_follows_the_browser(client: Client, language: str) -> None:
    page = client.get(reverse("accounts:sign-in"), headers={"accept-language": language}).content.decode()
    assert [words for words in SIGN_IN[language] if words not in page] == []
    other = "en" if language != "en" else "zh-hans"
    assert SIGN_IN[other][2] not in page


@pytest.mark.parametrize("language", HOME)
def test_home_follows_the_person(client: Client, world: World, language: str) -> None:
    person = world.dana
    person.language = language
    person.save()
    client.force_login(person)
    page = client.get(reverse("desk:home")).content.decode()
    assert [words for words in HOME[language] if words not in page] == []
    other = "en" if language != "en" else "zh-hans"
    assert HOME[other][1] not in page


def test_a_refusal_is_told_in_the_language_of_the_person(client: Client, world: World) -> None:
    person = world.dana
    person.language = "zh-hans"
    person.save()
    client.force_login(person)
    page = client.get("/orders/K8S20180918055120ZZ/")
    assert page.status_code == 404
    assert "没有这个发布单，或你无权查看。" in page.content.decode()
