"""No secret in a log line, on no way."""

from __future__ import annotations

import json
import logging
import logging.config
from collections import OrderedDict

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation import redaction
from foundation.logs import logging_config
from foundation.redaction import MASK, redact, redact_value, register_secret

CANARY = "cAnArY-98f3a1"


@pytest.mark.security("secrets-that-leak")
@pytest.mark.parametrize(
    "text",
    [
        f"cloning https://robot:{CANARY}@git.example/app.git",
        f"Authorization: Bearer {CANARY}xxxxxxxxxxxx",
        f"Authorization: Basic {CANARY}",
        f"curl -H 'Authorization: token {CANARY}'",
        f"password={CANARY}",
        f'{{"password": "{CANARY}"}}',
        f"DB_PASSWORD: {CANARY}",
        f"GET /job?token={CANARY}&x=1",
        f"api_key = '{CANARY}'",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
        f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.c2lnbmF0dXJl",
        f"ghp_{'a' * 20}{CANARY.replace('-', '')}",
        f"Password：{CANARY}",
        f"密碼＝{CANARY}",
        f"口令是 {CANARY}",
        f"秘钥 {CANARY}",
        f"SECRET_KEY='{CANARY}'",
        f"DB_PASS: {CANARY}",
        f"'password' => '{CANARY}'",
        f'{{\\"password\\":\\"{CANARY}\\"}}',
        f"next?password%3D{CANARY}",
        f"//r.example/:_auth={CANARY}",
        f"npm config set //r.example/:_authToken {CANARY}",
        f'{{"auths": {{"h": {{"auth": "{CANARY.replace("-", "")}"}}}}}}',
        f"storePassword '{CANARY}'",
        f"machine h login robot password {CANARY}",
        f'<property name="db.password" value="{CANARY}"/>',
        f'<entry key="db.password">{CANARY}</entry>',
        f"git clone https://{CANARY}xxxx@git.example/app.git",
        f"curl -H 'Authorization: {CANARY}'",
        f"Set-Cookie: JSESSIONID={CANARY}; Path=/",
        f"X-JFrog-Art-Api: {CANARY}",
        f"mysqlimport -p{CANARY} shop",
        f"mongodump -u u -p {CANARY}",
        f"redis-cli -h h -a {CANARY} ping",
        f"sqlplus -S scott/{CANARY}@db",
        f"jdbc:oracle:thin:scott/{CANARY}@h:1521:x",
        f"docker login -p{CANARY} h",
        f"keytool -storepass {CANARY} -keypass {CANARY}",
        f"wget --http-password {CANARY} h",
        f"openssl rsa -passin pass:{CANARY}",
        f"openssl enc -aes-256-cbc -k {CANARY}",
        f"ldapsearch -x -D cn=admin -w {CANARY} -b dc=x",
        f"ldappasswd -D cn=admin -w{CANARY} -s {CANARY}",
        f"zip -r -P {CANARY} out.zip dist",
        f"unzip -P {CANARY} in.zip",
        f"7z a -p{CANARY} out.7z dist",
        f"rar a -hp{CANARY} out.rar dist",
        f"ssh-keygen -t ed25519 -N '{CANARY}' -f key",
        f"sqlcmd -S h -U sa -P {CANARY}",
        f"cqlsh -u u -p {CANARY} h",
        f"mvn sonar:sonar -Dsonar.login={CANARY}",
        f"smbclient //h/share -U robot%{CANARY}",
        f"lftp -u robot,{CANARY} sftp://h",
        f"rabbitmqctl add_user robot {CANARY}",
        f"htpasswd -bc file robot {CANARY}",
        f"kubectl create secret generic x --from-literal=user={CANARY}",
        f"user=robot pass={CANARY}",
        f'password="ab,{CANARY}"',
        f"password='a {CANARY}'",
        f'password="a\\"{CANARY}"',
        f'{{\\"password\\":\\"a, {CANARY}\\",\\"user\\":\\"x\\"}}',
        f"password=ab,{CANARY}",
        f"password=a&{CANARY}",
        f"password=a;{CANARY}",
        f"https://u:p@{CANARY}@host/x",
        f"\x1b[1mpassword\x1b[0m: \x1b[32m{CANARY}\x1b[0m",
        f'"password"\x1b[0m:\x1b[33m "a {CANARY}"\x1b[0m',
        f"password: !!binary {CANARY}",
        f'{{"name":"DB_PASSWORD","value":"{CANARY}"}}',
        f"【密码】{CANARY}",
        f"密码（{CANARY}）",
        f"密码\t{CANARY}",
        f"“密码”：“{CANARY}”",
        f"密码：「{CANARY}」",
        f"curl https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={CANARY}",
        f"curl https://open.feishu.cn/open-apis/bot/v2/hook/{CANARY}-1234",
        f"curl https://hooks.slack.com/services/T000/B000/{CANARY}",
        f"https://discord.com/api/webhooks/1234567890/{CANARY}",
        f"echo {CANARY} | docker login -u u --password-stdin h",
        f"echo '{CANARY}' | passwd --stdin root",
        f"echo 'root:{CANARY}' | chpasswd",
        f"printf '%s\\n' \"{CANARY}\" | sudo -S ls",
        f"passwd --stdin root <<< {CANARY}",
        f"docker login -u u --password-stdin h <<< '{CANARY}'",
        f"skopeo copy --dest-creds u:{CANARY} a b",
        f"buildah push --creds=u:{CANARY} a",
        f"http -a u:{CANARY} h/x",
        f"mc alias set m http://h AK {CANARY}",
        f"aws configure set aws_secret_access_key {CANARY}",
        f"The password is {CANARY}",
        f"Password for root is: {CANARY}",
        f"pass: {CANARY.replace('-', '')}",
        f"userPass={CANARY}",
        f"setProperty('db.password', '{CANARY}')",
        f"<password> {CANARY} </password>",
        f"Private-Lines: 2\n{CANARY.replace('-', '')}AAA\nBBBB\nPrivate-MAC: 0a",
        *(
            f"it is {shape}{'a' * 40}{CANARY.replace('-', '')} now"
            for shape in ("npm_", "pypi-", "hvs.", "dckr_pat_", "glrt-", "xoxb-", "sk_live_", "AIza", "LTAI", "AKID")
        ),
    ],
)
def test_known_shapes_are_masked(text: str) -> None:
    assert redact(redact(text)) == redact(text), "what is masked already stays"
    assert redact(f"{'x' * 5000}\n{text}\n").endswith(f"\n{redact(f'{text}{chr(10)}')}"), "long texts alike"
    assert CANARY not in redact(text) and CANARY.replace("-", "") not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Step 3/5: COPY --from=build /app /app",
        "image sha256:0f3a…, commit 3f2c9d1e5b7a8c6d4e2f1a0b9c8d7e6f5a4b3c2d",
        "https://git.example/app.git at main",
        "the token is missing",
        "token bucket: 4 of 8 used",
        "12:01:07 INFO  started in 3.2 s",
        "SyntaxError: Unexpected token 'export'",
        "密码是必填项，密码 invalid，密码为空",
        "tests pass: 1234, bypass=none",
        "tests: pass=120 fail=0, pass = 99.5% of 1234567",
        "zip -r out.zip dist; unzip -o in.zip; 7z x -y in.7z",
        "ssh-keygen -t ed25519 -f key; openssl version",
        "ldapsearch -x -b dc=example",
        "docker login -u robot --password-stdin harbor.example",
        "git push https://robot@git.example/app.git",
        "tool --no-password robot --token-file /run/token",
        "sqlplus -v; redis-cli ping; mysql -P 3306 shop",
        "Authorization: required",
        "<key name='token'>",
        "password is required, the token is expired; password is 8 to 64 characters",
        "echo done | tee log; echo 'sudo -S reads it'",
        "pass: test_of_login_2, pass: pkg/mod/v2",
        "密码（必填），密码（不少于8位）【密码】必填",
        "http -a; mc alias list; see https://host:8080/x and mail a@b",
        "name: DB_PASSWORD\nvalueFrom: ref",
        "['user', 'password', 'mail']",
        "Private-Lines: none",
    ],
)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.security("secrets-that-leak")
def test_registered_values_are_masked_wherever_they_stand() -> None:
    register_secret("p@ss with spaces")
    register_secret("abc")
    assert redact("tried p@ss with spaces, abc") == f"tried {MASK}, abc"


@pytest.mark.security("secrets-that-leak")
@pytest.mark.parametrize("word", ["secret", "password", "Authorization"])
def test_a_known_value_that_is_a_word_of_a_shape_hides_no_shape(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_values", OrderedDict())
    register_secret(word)
    for text in (f"aws_secret_access_key={CANARY}", f"password={CANARY}", f"Authorization: Bearer {CANARY}xxxxxx"):
        assert CANARY not in redact(text)
    assert redact(f"it is {word}.") == f"it is {MASK}."


@pytest.mark.security("secrets-that-leak")
def test_nested_values_lose_their_secrets() -> None:
    found = redact_value({"token": CANARY, "list": [f"password={CANARY}", 1, None], "deep": {"client_secret": CANARY}})
    assert CANARY not in json.dumps(found)
    assert redact_value({"secret_id": 5, "state": "queued", "token": ""}) == {
        "secret_id": 5,
        "state": "queued",
        "token": "",
    }


@pytest.mark.security("secrets-that-leak")
def test_every_way_of_logging_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logging.config.dictConfig(logging_config(level="INFO", as_json=True))
        logging.getLogger("plain").info("sent %s to %s", f"password={CANARY}", "jenkins")
        structlog.get_logger("fancy").warning("refused", token=CANARY, why=f"token={CANARY}")
        try:
            raise RuntimeError(f"https://u:{CANARY}@host refused")
        except RuntimeError:
            logging.getLogger("plain").exception("it raised")
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == [f"sent password={MASK} to jenkins", "refused", "it raised"]
    assert "Traceback" in lines[2]["exception"]
    assert CANARY not in json.dumps(lines)


@pytest.mark.security("forged-lines")
@pytest.mark.parametrize("as_json", [False, True])
def test_what_somebody_sent_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    """Nor does a terminal obey it; a traceback keeps its lines, away from the margin."""
    forged = "x\r\n2026-12-01T02:00:00Z [info     ] forged\u2028\x1b]0;title\x07\x1b[2J\x9b1m"
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logging.config.dictConfig(logging_config(level="INFO", as_json=as_json))
        logging.getLogger("plain").warning("Not Found: %s", forged)
        structlog.get_logger("fancy").warning(forged, path=forged, several=[forged])
        try:
            raise RuntimeError(forged)
        except RuntimeError:
            logging.getLogger("plain").exception("it raised")
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level
    written = capsys.readouterr().err
    assert written.count("forged") > 3
    assert not [line for line in written.split("\n") if line.startswith("2026-12-01T02:00:00Z")]
    assert not set(written) & {"\r", "\x1b", "\x07", "\x9b", "\u2028"}
    if as_json:
        assert [json.loads(line)["level"] for line in written.splitlines()] == ["warning", "warning", "error"]
    else:
        assert [line for line in written.split("\n") if line and line[0] not in " T2"] == []
        assert written.count("[warning  ]") == 2 and "    RuntimeError: x\\r\n" in written


PIECES = [
    "password", "=", ":", " ", "\n", "\n\n", "\r\n", "'", CANARY, "https://", "u:", "@host", "Authorization", "Bearer ",
    "Basic ", "token", "api-key", "ACCESS_KEY", "密码", "：", "mysql", "mysqldump -p", " -p ", "docker login", "curl",
    " -u ", "--pass", "-", "eyJ", "a" * 20 + ".", "ghp_", "AKIA", "&", "|", ",", "x", "ſecret", "TOKEN", "\x1b[31m",
    "zip -P ", "sonar.login=", "pass=", "a1", "lftp -u u,",
    "ı", MASK, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "line of a log\n", "\u2028", "\x0b",
]  # fmt: skip


@pytest.mark.security("secrets-that-leak")
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_a_long_text_is_masked_as_a_short_one(text: str) -> None:
    """Only around words that a shape needs, and with the same end."""
    long = f"{'line of a log' * 3}\n" * 200
    assert redaction._by_words(text) == redaction._by_shape(text) or redaction._FOLDED.search(text)
    assert redact(f"{long}{text}\n{long}") == redaction._by_shape(f"{long}{text}\n{long}")


def test_patterns_run_over_what_may_be_secret_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build writes megabytes a second, and all patterns over all of them take as long as they came."""
    seen: list[int] = []
    by_need = redaction._by_need

    def counting(text: str, low: str) -> str:
        seen.append(len(text))
        return by_need(text, low)

    monkeypatch.setattr(redaction, "_by_need", counting)
    line = "compiling src/part_0000001.py into build/lib/service\n"
    assert redact(f"{line * 10_000}password={CANARY}\n{line * 10_000}").count(MASK) == 1
    assert 0 < sum(seen) < 10 * len(line)
    assert len(redaction._NEEDS) == len(redaction._PATTERNS) - 1
