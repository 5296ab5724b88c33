"""No secret of a build log is stored, wherever its pieces are cut."""

from __future__ import annotations

import time

import pytest

from foundation.log_mask import LogMask, mask_tail
from foundation.redaction import MASK, register_secret
from tests.patience import at_most

pytestmark = pytest.mark.security("secrets-that-leak")

SECRET = "cAnArY0123456789"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}AAAA\n{SECRET}BBBB\n\n{SECRET}CCCC\n-----END RSA PRIVATE KEY-----\n"
LINES = [
    f"before\n{KEY}after\n",
    f"密码={SECRET} ok\n",
    f"数据库密码：{SECRET}\n",
    f"mysql -h db -u root -p{SECRET} shop\n",
    f"mysqldump -p'{SECRET}' shop\n",
    f"docker login -u robot -p {SECRET} harbor.example\n",
    f"curl -fsS -u robot:{SECRET} https://x.example/\n",
    f"tool --password {SECRET} --other x\n",
    f"password:\n  {SECRET}\nnext\n",
    f"\x1b[31mpassword=\x1b[0m{SECRET}\n",
    f"password:\n\n  \n{SECRET}\nnext\n",
    f"token\n=\n{SECRET}\nnext\n",
    f"密码：\n\n{SECRET}\n",
    f"密码是：{SECRET}\n",
    f"mysql -h db \\\n  -u root \\\n  -p{SECRET} shop\n",
    f"docker login -u robot \\\n  -p {SECRET} harbor.example\n",
    f"curl -fsS -u \\\n  robot:{SECRET} https://x.example/\n",
    f"tool --password \\\n  {SECRET}\n",
    f"MYSQL_PWD={SECRET}\n",
    f"key passphrase: {SECRET}\n",
    f"<server>\n<password>{SECRET}</password>\n</server>\n",
    f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{SECRET}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\nafter\n",
    f"{KEY[:-1]}{KEY}after\n",
    f"PuTTY-User-Key-File-2: ssh-rsa PRIVATE KEY\nPrivate-Lines: 2\n{SECRET}A\n{SECRET}B\nPrivate-MAC: 0\nafter\n",
    f"password: |\n  {SECRET}\n",
    f"password: >-\n  {SECRET}\nuser: x\n",
    f"env:\n- name: DB_PASSWORD\n  value: {SECRET}\n",
    f'password="ab,{SECRET}"\n',
    f"password='a b {SECRET}'\n",
    f"password=abcd,{SECRET}\n",
    f"<password>\n  {SECRET}\n</password>\n",
]
OF_MORE_THAN_ONE_LINE = [text for text in LINES if text.count("\n") > 1]


@pytest.mark.parametrize("text", LINES)
def test_a_secret_is_masked_wherever_lines_come_apart(text: str) -> None:
    """Jenkins' pieces end with a line: cut behind every line, and stored between."""
    whole = LogMask().apply(text)
    assert SECRET not in whole and MASK in whole
    assert whole.count("\n") == text.count("\n"), "lines keep their numbers"
    lines = text.splitlines(keepends=True)
    for cut in range(1, len(lines)):
        mask = LogMask()
        first = mask.apply("".join(lines[:cut]))
        again = LogMask.read(mask.as_stored())
        found = first + again.apply("".join(lines[cut:]))
        assert found == whole, cut
        assert SECRET not in str(again.as_stored())
    assert whole.split("\n")[-1] == ""


@pytest.mark.parametrize("text", OF_MORE_THAN_ONE_LINE)
def test_lines_that_come_one_by_one_are_masked_as_they_are_together(text: str) -> None:
    mask = LogMask()
    assert "".join(mask.apply(line) for line in text.splitlines(keepends=True)) == LogMask().apply(text)


@pytest.mark.parametrize("text", [text for text in LINES if "KEY" not in text])
def test_of_a_line_that_is_cut_in_a_secret_only_its_beginning_is_seen(text: str) -> None:
    """A line of more than a megabyte comes in pieces."""
    for cut in range(1, len(text)):
        mask = LogMask()
        found = mask.apply(text[:cut]) + mask.apply(text[cut:])
        assert SECRET[6:] not in found, (cut, found)
        assert found.count("\n") == text.count("\n")


@pytest.mark.parametrize("text", [text for text in LINES if "KEY" in text])
def test_a_line_that_is_cut_in_the_mark_of_a_key_shows_nothing_of_it(text: str) -> None:
    """An answer of Jenkins ends after a megabyte."""
    whole = LogMask().apply(text)
    for cut in range(1, len(text)):
        for other in (cut, min(len(text), cut + 3)):
            mask, found = LogMask(), ""
            for piece in (text[:cut], text[cut:other], text[other:]):
                mask = LogMask.read(mask.as_stored())
                found += mask.apply(piece)
            assert SECRET[6:] not in found and SECRET[6:] not in str(mask.as_stored()), (cut, found)
            assert found.count("\n") == text.count("\n")
            assert found.split("\n")[-2] == whole.split("\n")[-2], "what follows the key is seen"


@pytest.mark.parametrize("line", ["-----BEGIN RSA PRIV", "a -- b -", "-----BEGIN CERTIFICATE----", "--E", "---- END "])
def test_what_looks_like_the_mark_of_a_key_stays(line: str) -> None:
    mask = LogMask()
    assert mask.apply(line) + mask.apply("es\nnext\n") == f"{line}es\nnext\n"


def test_a_long_token_is_masked_behind_the_cut_of_its_line() -> None:
    token = f"eyJ{'hbGciOi' * 30}.eyJ{'pc3Mi' * 200}{SECRET}.{'c2ln' * 40}"
    for cut in (100, 700, 1200):
        mask = LogMask()
        found = mask.apply(f"token is {token[:cut]}") + mask.apply(f"{token[cut:]} ok\n")
        assert SECRET not in found and found.endswith(f"{MASK} ok\n")


def test_a_secret_of_several_lines_takes_nothing_from_what_else_is_masked() -> None:
    known = "a first line of it\nand\na last line of it"
    register_secret(known)
    masked = LogMask().apply(f"one\n{known}\npassword:\n  {SECRET}\n")
    assert SECRET not in masked and "first line" not in masked and masked.count("\n") == 6


@pytest.mark.parametrize(
    "marks", ["-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_line_of_nothing_but_marks_costs_little(marks: str) -> None:
    began = time.monotonic()
    assert "BEGIN" not in LogMask().apply(marks * 20_000 + "\n")
    assert time.monotonic() - began < at_most(2)


def test_a_key_in_the_middle_leaves_what_is_around_it() -> None:
    lines = LogMask().apply(f"one\nkey: {KEY}two\n").split("\n")
    assert lines[0] == "one" and lines[1].startswith("key: ") and lines[-2] == "two"


def test_a_beginning_without_an_end_does_not_mask_for_ever() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + "AAAA\n" * 500 + "BUILD SUCCESS\n"
    masked = LogMask().apply(text)
    assert masked.endswith("BUILD SUCCESS\n") and masked.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("\x1b[8mha:////4AbC==\x1b[0m[Pipeline] sh\n", "[Pipeline] sh\n"),
        ("\x1b[8mha:////4AbC\nnext\n", "\nnext\n"),
        ("\x1b]0;title\x07plain\n", "plain\n"),
        ("\x1b]52;c;c2VjcmV0\x1b\\plain\n", "plain\n"),
        ("\x1b]8;;http://x\nplain\n", "\nplain\n"),
        ("\x1b[2K\x1b[1Gdone\x1b[?25h\n", "done\n"),
        ("a\x00b\x08c\x7fd\n", "abcd\n"),
        ("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
        ("tab\tstays\n", "tab\tstays\n"),
        ("\x1b[\n2Jplain\n", "[\n2Jplain\n"),
        ("\x1b[\x002Jplain\n", "[2Jplain\n"),
        ("\x1b[31\nplain\n", "[31\nplain\n"),
        ("\x1b\x1b[2J[2Jplain\n", "[2Jplain\n"),
        ("\x9b2Jplain\x9d0;title\x9c\n", "2Jplain0;title\n"),
    ],
)
def test_notes_and_control_sequences_are_not_stored(raw: str, stored: str) -> None:
    assert LogMask().apply(raw) == stored


@pytest.mark.parametrize(
    "text",
    [
        "mkdir -p target/classes\n",
        "docker run -p 8080:80 nginx\n",
        "the password is missing\n",
        "curl -u https://example.org/\n",
        "mysql --protocol=tcp -h db\n",
        "+ npm login --registry https://r.example\n",
        "密码不正确\n",
        "PWD=/root/build OLDPWD=/root\n",
        "cd $PWD\n",
        "<password></password>\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    assert LogMask().apply(text) == text


def test_the_end_of_a_log_may_begin_in_the_middle_of_a_key() -> None:
    tail = KEY.split("\n", 2)[2] + "after\nerror\n"
    shown = mask_tail(tail)
    assert SECRET not in shown and shown.endswith("\nafter\nerror\n")
    assert shown.count("\n") == tail.count("\n")
    whole = f"before\n{KEY}after\n"
    assert mask_tail(whole) == LogMask().apply(whole) and mask_tail(whole).startswith("before\n")
    assert mask_tail(tail + KEY).count(MASK) == tail.split("after")[0].count("\n") + LogMask().apply(KEY).count(MASK)
    assert mask_tail("") == ""
