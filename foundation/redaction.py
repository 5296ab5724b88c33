"""Takes secrets out of text before anybody sees it: our logs, stored errors and build logs go through here.

Two nets: values that this process has seen in clear (:func:`register_secret`, called by the encrypted field), and
shapes that secrets are known by. No settings and no Django here: log configuration imports it first.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any

MASK = "********"
_SHORTEST = 6
_REMEMBERED = 2000
_KEEP = rf"\g<keep>{MASK}"
_NOT_MASKED = r"(?!\*{8}(?:[\s'\"&,;，；。}{<]|\Z))"
"""What is masked already stays, but for a value of which a piece before had only the beginning."""

_COLOURS = r"(?:\x1b\[[0-9;:]*m)*+"
_QUOTE = r"(?P<quote>\\?['\"])?"
_VALUE = (
    # in quotes up to the same quote, or to the end of the line
    r"(?(quote)(?:(?!(?P=quote))(?:\\[^\n]|[^\n])){3,}"
    # without: an "&", "," or ";" belongs to it where no other name follows
    r"|(?!\*{8}(?:[\s'\"}{<，；。]|[&,;](?:[\s'\"]|[\w.-]{1,60}\s?[=:]|\Z)|\Z))"
    r"(?=(?:[^\s'\"&,;}{]|[&,;](?![\w.-]{1,60}\s?[=:])){4})"
    r"(?:[^\s'\"&,;}{]++|[&,;](?=[^\s'\"&,;}{])(?![\w.-]{1,60}\s?[=:]))+)"
)
"""Behind :data:`_QUOTE`, in the same pattern."""
_NAMES = "密码|密碼|口令|密钥|密鑰|金钥|金鑰|秘钥|私钥|私鑰|令牌|授权码"

_OPTIONS = (
    (r"mysql[a-z]*|mariadb(?:-[a-z]+)?|mongo[a-z]*|sshpass|cqlsh", r"-p ?"),
    (r"login", r"-p[ =]?"),
    (r"redis-cli", r"-a ?"),
    (r"ldap[a-z]+", r"-w ?"),
    (r"ldappasswd", r"-s ?"),
    (r"zip|unzip|sqlcmd|bcp|osql|isql|tsql", r"-P ?"),
    (r"7z[ar]?|rar|unrar", r"-h?p"),
    (r"ssh-keygen", r"-[NP] ?"),
    (r"openssl", r"-k "),
)
"""Commands, and the option behind which they take a secret."""

_lock = threading.Lock()
_values: OrderedDict[str, None] = OrderedDict()


def _option(commands: str, option: str) -> re.Pattern[str]:
    before = rf"(?P<keep>\b(?:{commands})\b(?:\\\n|[^\n|;&]){{0,200}}?\s{option}['\"]?)"
    return re.compile(before + _NOT_MASKED + r"[^\s'\"-][^\s'\"]{2,}")


_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host, and scheme://token@host
    (re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,200}:)[^\s/]{1,300}(?=@)", re.I), _KEEP),
    (re.compile(r"(?P<keep>\bhttps?://)(?=[^\s/:@]{0,200}\d)[^\s/:@]{16,300}(?=@)", re.I), _KEEP),
    (
        re.compile(
            r"(?P<keep>\bAuthorization['\"]?\s*[:=]\s*['\"]?(?:Basic|Bearer|Token|ApiKey|Digest)\s+)[^\s'\",]+", re.I
        ),
        _KEEP,
    ),
    (
        re.compile(r"(?P<keep>\bAuthorization['\"]?\s*[:=]\s*['\"]?)(?=[^\s'\",]{0,200}\d)[^\s'\",]{8,}", re.I),
        _KEEP,
    ),
    (re.compile(r"(?P<keep>\b(?:Set-)?Cookie:\s*[\w.-]{1,60}=)" + _NOT_MASKED + r"[^\s;'\"]{8,}", re.I), _KEEP),
    (re.compile(r"(?P<keep>\bX-JFrog-Art-Api:\s*)" + _NOT_MASKED + r"[^\s;'\"]{8,}", re.I), _KEEP),
    (re.compile(r"(?P<keep>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{16,}"), _KEEP),
    (
        re.compile(
            r"(?P<keep>\b[\w-]{0,40}(?:password|passwd|secret(?:[_-]?key)?|api[_-]?key|access[_-]?key|private[_-]?key|[_-]token|token"
            r"|(?:signing|encryption)[_-]?key|[_-]pass|_auth"
            # PWD and OLDPWD are folders.
            r"|passphrase|pwd(?!['\"]?\s*[=:]\s*['\"]?[/~$.]))"
            + _COLOURS
            + r"\\?['\"]?"
            + _COLOURS
            + r"\s*(?:=>|:=|[=:：＝]|%3D)\s*+"
            + _COLOURS
            # a block or a tag of YAML before the value
            + r"\s*(?:[|>][+-]?\d?[ \t]*\n\s*|!!?[a-z]{1,20}\s+)?+"
            + _QUOTE
            + ")"
            + _VALUE,
            re.I,
        ),
        _KEEP,
    ),
    (
        re.compile(
            rf"(?P<keep>(?:{_NAMES})[是为為]?{_COLOURS}['\"”’」]?\s*[=:：＝]\s*{_COLOURS}['\"“‘「]?)"
            + _NOT_MASKED
            + r"[^\s'\"“”‘’「」&,;，；。}{]{3,}"
        ),
        _KEEP,
    ),
    (
        re.compile(
            rf"(?P<keep>(?:{_NAMES})(?:[是为為] ?|[】\]] ?(?=[!-~]{{4}})|[ \t][ \t]{{0,20}}(?=[!-~]{{0,99}}\d)"
            r"|[（(](?=[!-~]{0,99}\d))['\"]?)" + _NOT_MASKED + r"[!-&*-~]{4,}"
        ),
        _KEEP,
    ),
    # in settings of Gradle, .netrc and .npmrc
    (
        re.compile(r"(?P<keep>\b\w{0,40}(?:password|passwd|passphrase)\s+['\"])" + _NOT_MASKED + r"[^\s'\"]{4,}", re.I),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>['\"][\w.-]{0,40}(?:password|passwd|passphrase|secret|token)['\"]\s*,\s*"
            + _QUOTE
            + ")"
            + r"(?=[^'\"\n]{0,99}\d)"
            + _VALUE,
            re.I,
        ),
        _KEEP,
    ),
    # "the password is …"
    (
        re.compile(
            r"(?P<keep>\b(?:password|passwd|passphrase|token|secret)(?: for \S{1,60})? is:?\s+['\"]?)"
            r"(?=[^\s'\"]{0,99}\d)(?=[^\s'\"]{0,99}[A-Za-z])[^\s'\"]{8,}",
            re.I,
        ),
        _KEEP,
    ),
    # an entry of a list of variables: name: DB_PASSWORD, value: …
    (
        re.compile(
            r"(?P<keep>\bname['\"]?\s*[:=]\s*['\"]?[\w.-]{0,60}(?:password|passwd|passphrase|secret|token|_pass|_key)['\"]?"
            r"\s*,?\s*['\"]?value['\"]?\s*[:=]\s*" + _QUOTE + ")" + _VALUE,
            re.I,
        ),
        _KEEP,
    ),
    (re.compile(r"(?P<keep>\blogin\s+\S{1,100}\s+password\s+)" + _NOT_MASKED + r"\S{3,}"), _KEEP),
    (re.compile(r"(?P<keep>_authToken\s+)" + _NOT_MASKED + r"[^\s'\"=]{8,}"), _KEEP),
    (re.compile(r"(?P<keep>\"auth\":\s*\")" + _NOT_MASKED + r"[A-Za-z0-9+/=]{8,}"), _KEEP),
    # options of commands, on one line or going on in the next behind a backslash: mysql -pSECRET,
    # docker login -p SECRET, curl -u name:SECRET, --password SECRET
    *((_option(commands, option), _KEEP) for commands, option in _OPTIONS),
    # where what comes before it in the same word or line says what it is
    (
        re.compile(
            r"(?P<keep>\b(?:smbclient\b(?:\\\n|[^\n|;&]){0,200}?\s-U ?['\"]?[^\s%'\"]{1,60}%"
            r"|lftp\b(?:\\\n|[^\n|;&]){0,200}?\s-u ?['\"]?[^\s,'\"]{1,60},"
            r"|rabbitmqctl (?:add_user|change_password) \S{1,60} ['\"]?"
            r"|htpasswd -\w{0,6}b\w{0,6} (?>(?:\S{1,200} )?\S{1,60} )['\"]?))" + _NOT_MASKED + r"[^\s'\"-][^\s'\"]{2,}"
        ),
        _KEEP,
    ),
    # what a command reads from its standard input
    (
        re.compile(
            r"(?P<keep>\b(?:echo|printf)\s+(?:-\w{1,3}\s+)?(?:['\"]?%s(?:\\n)?['\"]?\s+)?['\"]?)[^\s'\"|][^'\"|\n]{2,200}+"
            r"(?=['\"]?\s*(?:\||\n\+)[^\n|;&]{0,300}?"
            r"(?:--password-stdin|\bchpasswd\b|\bpasswd --stdin|\bsudo (?:-\w+ )*-S\b))"
        ),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>(?:--password-stdin|\bchpasswd|\bpasswd|\bsudo (?:-\w+ )*-S)\b[^\n|;&<]{0,200}<<<\s*['\"]?)"
            r"[^\s'\"][^'\"\n]{2,}"
        ),
        _KEEP,
    ),
    (re.compile(r"(?P<keep>--(?:src-|dest-)?creds[ =]['\"]?[^\s:'\"]{1,100}:)" + _NOT_MASKED + r"[^\s'\"]{3,}"), _KEEP),
    (
        re.compile(r"(?P<keep>\bhttps? (?:[^\n|;&]{0,200}?\s)?(?:-a|--auth)[ =]['\"]?[^\s:'\"]{1,100}:)[^\s'\"]{3,}"),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>\b(?:mc (?:alias set|config host add) \S{1,60} \S{1,200} \S{1,100}"
            r"|configure set \S{0,60}aws_(?:secret_access_key|session_token)) ['\"]?)" + _NOT_MASKED + r"[^\s'\"]{3,}"
        ),
        _KEEP,
    ),
    # addresses of chat robots: WeCom, Feishu, Slack, Teams, Discord
    (
        re.compile(
            r"(?P<keep>/(?:cgi-bin/webhook/send\?key=|open-apis/bot/(?:v2/)?hook/|webhookb2/|api/webhooks/)"
            r"|\bhooks\.slack\.com/(?:services|workflows|triggers)/)" + _NOT_MASKED + r"[\w@/.-]{8,}"
        ),
        _KEEP,
    ),
    (re.compile(r"(?P<keep>--from-literal[= ]['\"]?[\w.-]{1,100}=)" + _NOT_MASKED + r"[^\s'\"]{3,}"), _KEEP),
    (re.compile(r"(?P<keep>sonar\.login=)" + _NOT_MASKED + r"[^\s'\"]{3,}"), _KEEP),
    # pass=3 counts tests, and "pass: a_test_1" names one
    (
        re.compile(
            r"(?P<keep>(?:(?:\b|(?-i:(?<=[a-z0-9])(?=P)))pass['\"]?\s?=\s?"
            r"|(?-i:(?:^|[\s,{])['\"]?(?:\w{0,40}[a-z0-9]P|p)ass['\"]?: ?)(?![^\s'\"]{0,200}[_/.:]))['\"]?)"
            r"(?=[^\s'\"&,;]{0,99}[A-Za-z])(?=[^\s'\"&,;]{0,99}\d)[^\s'\"&,;]{6,}",
            re.I | re.M,
        ),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>\b(?:(?:sqlplus|sqlldr|expdp|impdp) (?:-\w+ ){0,3}|jdbc:oracle:\w{1,10}:)['\"]?"
            r"[^\s/@'\"-][^\s/@'\"]{0,60}/)" + _NOT_MASKED + r"[^\s/@'\"]{3,}(?=[@\s'\"]|\Z)",
        ),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>\bcurl\b(?:\\\n|[^\n|;&]){0,400}?\s(?:-u|--user)(?:[ =]|\s*\\\n\s*)?['\"]?[^\s:'\"]{1,100}:)"
            r"(?!//)[^\s'\"]{3,}"
        ),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>\s--?(?:(?!-?no-)[a-z-]{0,30}(?:password|passwd|passphrase|storepass|keypass|secret|token|api-key)"
            r"|pass)(?:\\\n|\s)+['\"]?)" + _NOT_MASKED + r"[^\s'\"-][^\s'\"]{3,}"
        ),
        _KEEP,
    ),
    (re.compile(r"(?P<keep>\s-pass(?:in|out)? ['\"]?pass:)" + _NOT_MASKED + r"[^\s'\"]{3,}"), _KEEP),
    # settings.xml of Maven and its like
    (
        re.compile(r"(?P<keep><[\w.-]{0,40}(?:password|passphrase|secret|token|privatekey)>\s*)[^<\s][^<\n]{2,}", re.I),
        _KEEP,
    ),
    (
        re.compile(
            r"(?P<keep>\b(?:name|key)=['\"][\w.-]{0,60}(?:password|passphrase|secret|token)['\"](?:\s+value=['\"]|>))"
            + _NOT_MASKED
            + r"[^<\s'\"]{3,}",
            re.I,
        ),
        _KEEP,
    ),
    # JSON Web Tokens (Kubernetes service accounts), then shapes of GitHub, GitLab, AWS, Slack, Stripe, Google, npm,
    # PyPI, Vault, Docker Hub, Aliyun, Tencent Cloud
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), MASK),
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|gl(?:pat|dt|rt|ptt|cbt|ft|soat)-[\w-]{16,}"
            r"|A[KS]IA[0-9A-Z]{16}|xox[abeprs]-[\w-]{10,}|[rs]k_live_\w{16,}|AIza[\w-]{35,}|npm_[A-Za-z0-9]{30,}"
            r"|pypi-[\w-]{32,}|hv[bs]\.[\w-]{20,}|dckr_pat_[\w-]{20,}|LTAI[A-Za-z0-9]{12,}|AKID[A-Za-z0-9]{16,})"
            r"(?![\w-])"
        ),
        MASK,
    ),
    # PuTTY's keys
    (
        re.compile(r"(?P<keep>\bPrivate-Lines: \d{1,3}\r?\n)(?:[A-Za-z0-9+/=]{1,80}(?:\r?\n|\Z))+"),
        r"\g<keep>" + MASK + "\n",
    ),
    (
        re.compile(r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.*?(?:-----END (?P=kind)-----|\Z)", re.S),
        MASK,
    ),
)
_NEEDS = (
    ("://",), ("://",), ("authorization",), ("authorization",), ("cookie:",), ("x-jfrog-art-api",), ("bearer", "basic"),
    ("passw", "passph", "pwd", "secret", "ikey", "skey", "ekey", "_key", "-key", "token", "_pass", "-pass", "gkey",
     "nkey", "_auth"),
    tuple(_NAMES.split("|")), tuple(_NAMES.split("|")),
    ("passw", "passph"), ("passw", "passph", "secret", "token"), ("passw", "passph", "token", "secret"),
    ("name:", "name=", 'name"', "name'"),
    ("login",), ("_authtoken",), ('"auth"',),
    ("mysql", "mariadb", "mongo", "sshpass", "cqlsh"), ("login",), ("redis-cli",), ("ldap",), ("ldap",),
    ("zip", "sqlcmd", "bcp", "osql", "isql", "tsql"), ("7z", "rar"), ("ssh-keygen",), ("openssl",),
    ("smbclient", "lftp", "rabbitmqctl", "htpasswd"), ("echo", "printf"),
    ("-stdin", "passwd", "sudo"), ("creds",), ("http ", "https "), ("mc alias", "mc config", "configure set"),
    ("/send?key=", "/hook/", "webhookb2", "/webhooks/", "hooks.slack"),
    ("--from-literal",), ("sonar.login",), ("pass=", "pass =", "pass:", "pass\"", "pass'"),
    ("sqlplus", "sqlldr", "expdp", "impdp", "jdbc:oracle:"), ("curl",),
    ("passw", "passph", "-pass", "storepass", "keypass", "secret", "token", "-key"), ("-pass",),
    ("passw", "passph", "secret", "token", "ekey"), ("passw", "passph", "secret", "token"),
    ("eyj",),
    ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-",
     "glsoat-", "akia", "asia", "xox", "k_live_", "aiza", "npm_", "pypi-", "hvb.", "hvs.", "dckr_pat_", "ltai", "akid"),
    ("private-lines",),
)  # fmt: skip
"""For each pattern but the last: a match has one of these words (``ikey``: of ``apikey``), in the line where it begins
or behind that line's break."""
_WORDS = frozenset(word for words in _NEEDS for word in words)
_LONG = 4096
_FOLDED = re.compile("[İıſ\u212a]|PRIVATE KEY|Private-Lines")
"""Letters that ``re.I`` takes for i, s and k, and the shapes that have no end in sight: such a text is read whole."""
_REACH = re.compile(r"[^\n]*(?:\n\s*[^\n]*){0,3}")
"""From a word to the end of what a match may take: white space in a pattern may be line breaks, three times at most."""
_WORD = re.compile("[A-Za-z_-]+")
_SECRET_NAMES = re.compile(r"(?:password|passwd|secret(?!_id\b)|token|private_key|api_?key|authorization|cookie)", re.I)


def register_secret(value: str) -> None:
    """Remembers a secret in clear for this process, so that :func:`redact` masks it; short values are ignored."""
    if len(value) < _SHORTEST:
        return
    with _lock:
        # Without the first and last line of a PEM: masked, they would hide other keys' shape from the second net.
        lines = (line.strip() for line in value.splitlines())
        for part in {value, *(line for line in lines if len(line) >= 16 and not line.startswith("-----"))}:
            _values[part] = None
            _values.move_to_end(part)
        while len(_values) > _REMEMBERED:
            _values.popitem(last=False)


def redact(text: str) -> str:
    """The text with every registered value and every known shape of a secret replaced by asterisks."""
    with _lock:
        known = [value for value in _values if value in text]
    # A value that is a word may be a word of a shape, too: "password" is somebody's password. Masked first, it would
    # hide the shape; another value first, for a shape may end within it.
    words = [value for value in known if _WORD.fullmatch(value)]
    text = _without(text, [value for value in known if value not in words])
    text = _by_shape(text) if len(text) < _LONG or _FOLDED.search(text) else _by_words(text)
    return _without(text, words)


def _without(text: str, values: list[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def _by_shape(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _by_words(text: str) -> str:
    """The same for megabytes a second: patterns are tried only around a word without which none of them matches."""
    low, parts, done = text.lower(), [], 0
    start, end = 0, 0
    for at in sorted({at for word in _WORDS for at in _lines_with(low, word)}):
        if at > end:
            parts += [text[done:start], _by_need(text[start:end], low[start:end])]
            done, start = end, at
        reach = _REACH.match(text, at + 1 if text[at] == "\n" else at)
        assert reach is not None
        end = reach.end()
    return "".join([*parts, text[done:start], _by_need(text[start:end], low[start:end]), text[end:]])


def _by_need(text: str, low: str) -> str:
    for (pattern, replacement), words in zip(_PATTERNS, _NEEDS, strict=False):
        if any(word in low for word in words):
            text = pattern.sub(replacement, text)
    return text


def _lines_with(low: str, word: str) -> Iterator[int]:
    """Where the lines begin that have the word, from the line break before them on."""
    at = low.find(word)
    while at >= 0:
        yield max(0, low.rfind("\n", 0, at))
        line_end = low.find("\n", at)
        at = low.find(word, line_end) if line_end >= 0 else -1


def redact_value(value: Any) -> Any:
    """The same for nested lists, tuples and dicts; a key that names a secret loses its whole value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(key, str) and item and _SECRET_NAMES.search(key) else redact_value(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(redact_value(item) for item in value) if type(value) in (list, tuple) else redact(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def redaction_processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor; must come after tracebacks were formatted and before the renderer."""
    return {key: value if key.startswith("_") else _entry(key, value) for key, value in event.items()}


def _entry(key: str, value: Any) -> Any:
    return MASK if value and _SECRET_NAMES.search(key) else redact_value(value)
