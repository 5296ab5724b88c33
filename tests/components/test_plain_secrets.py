"""Secrets in plain sight: whole words and values decide."""

from __future__ import annotations

import pytest

from components.plain_secrets import holds_secret, is_secret, secret_lines

pytestmark = pytest.mark.security("secrets-that-leak")

SECRET = [
    ("REDIS_PWD", "x1"),
    ("PRIVATE_KEY", "abc"),
    ("spring.datasource.url", "jdbc:mysql://root:pw@h"),
    ("URL", "https://user:password@h/x"),
    ("A", "-----BEGIN RSA PRIVATE KEY-----\nabc"),
    ("A", "-----BEGIN PRIVATE KEY-----"),
    ("ID", "AKIAIOSFODNN7EXAMPLE"),
    ("DB_PASSWORD", "hunter2"),
    ("api_token", "hunter2"),
    ("clientSecret", "hunter2"),
    ("DB_PASSWORD_PRD", "x"),
    ("PASSWORD", "123456"),
    ("spring.datasource.password", "a"),
    ("X", "jdbc:mysql://h/db?user=root&password=pw"),
    ("X", "jdbc:oracle:thin:scott/tiger@//h"),
    ("JAVA_OPTS", "-Xmx1g -Dspring.datasource.password=x"),
    ("X", "Server=a;User Id=sa;Password=pw;"),
    ("X", "redis://:pw@h:6379/0"),
    ("API_KEY", "abc"),
    ("apiKey", "abc"),
    ("AWS_SECRET_ACCESS_KEY", "abc"),
    ("JWT_SECRET", "a"),
    ("DB_PASS", "x"),
    ("passwd", "x"),
    ("MYSQL_ROOT_PASSWORD", "root"),
    ("X", "mongodb://u:p@h/d"),
    ("H", "Authorization: Bearer abcdefghijklmnopqrstuvwxyz"),
    ("REDISPWD", "x"),
    ("dbPwd", "x"),
    ("ACCESSKEY", "x"),
    ("token", "abc"),
    ("GITHUB_TOKEN", "ghx"),
    ("X", "host=h password=secret123 dbname=x"),
    ("X", "--password=abc"),
    ("encryptionKey", "x"),
    ("X", "amqp://guest:guest@mq:5672/"),
    ("PASSWORD1", "x"),
    ("secret-key", "x"),
    ("SECRET.KEY", "x"),
]

HARMLESS = [
    ("TOKENIZERS_PARALLELISM", "false"),
    ("token.expireTime", "720"),
    ("PASSWORD_MIN_LENGTH", "8"),
    ("TOKEN_URL", "https://a/b"),
    ("SECRET_NAME", "db"),
    ("PASSWORD_FILE", "/run/secrets/x"),
    ("MAX_TOKENS", "4096"),
    ("PWD", "/app/x"),
    ("USE_TOKEN", "false"),
    ("DB_PASSWORD", "${PW}"),
    ("DB_PASSWORD", "$(PW)"),
    ("URL", "jdbc:mysql://h:3306/db"),
    ("URL", "jdbc:mysql://root:${PW}@h/db"),
    ("URL", "http://a:8080/x@y"),
    ("COMPASS_DIRECTION", "n"),
    ("BYPASS", "1"),
    ("PUBLIC_KEY", "abc"),
    ("CACHE_KEY", "x"),
    ("KEY", "x"),
    ("partition.key", "id"),
    ("secretary", "bob"),
    ("passenger.count", "3"),
    ("A", "-----BEGIN CERTIFICATE-----\nabc"),
    ("TOKEN_TTL", "3600"),
    ("JAVA_OPTS", "-Xmx1g -Dserver.port=8080"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"),
    ("git", "ssh://git@h:22/x.git"),
    ("KEYCLOAK_URL", "https://k"),
    ("TOKEN_HEADER", "X-Auth"),
    ("PASSWORD_POLICY", "strong"),
    ("PASSWORD", ""),
    ("email", "a:b@c"),
    ("kafka", "PLAINTEXT://a:9092,PLAINTEXT://b:9092"),
    ("X", "time=12:30@noon"),
    ("csrf.token.enabled", "true"),
    ("SECRETS_MANAGER_REGION", "cn-north-1"),
    ("token.expire-time", "720"),
    ("monkey", "x"),
    ("PASSTHROUGH", "x"),
    ("tokenizer", "bert"),
    ("PASSWORD_ENCODER", "bcrypt"),
    ("host", "sk-central-1.example.com"),
    ("task", "task-" + "a1" * 20),
]


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_secret_is_seen(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_what_only_sounds_like_one_passes(name: str, value: str) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    "value",
    [
        "ghp_" + "a1" * 18,
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abcdefgh_1",
        "LTAI" + "5t" * 8,
        "sk_live_" + "a1" * 12,
        "sk-proj-" + "a1" * 20,
        "sk-ant-api03-" + "a1" * 20,
        "SG." + "a1" * 11 + "." + "b2" * 20,
    ],
)
def test_a_token_is_known_by_its_form(value: str) -> None:
    assert holds_secret(value)


def test_lines_of_a_file_are_named() -> None:
    text = (
        "# password: in a comment\nspring:\n  datasource:\n    password: hunter2\n    url: jdbc:mysql://h/db\n"
        '  token:\n    expireTime: 720\npassword=\nkey: ${KEY}\n{"password": "abc",\nurl = jdbc:mysql://root:pw@h\n'
    )
    assert list(secret_lines(text)) == [4, 10, 11]
