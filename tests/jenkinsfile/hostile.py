"""Parameter sets that somebody could send who means harm, or who slipped."""

from __future__ import annotations

from collections.abc import Iterator

ANYWHERE = (
    *(
        "",
        " ",
        "\n",
        "\t",
        "\u00a0",
        "\u3000",
        "a b",
        "a\nb",
        "a\r\nb",
        "x\u0000y",
        "x" * 300,
        "\u540d",
        "e\u0301",
        "\u2028x",
        "\u017f",
    ),
    *(
        "$(id)",
        "`id`",
        "${HOME}",
        "$$",
        "a;b",
        "a&&b",
        "a|b",
        "a>b",
        "<a>",
        "a'b",
        'a"b',
        "a\\b",
        "*",
        "!a",
        "%00",
        "a,b",
    ),
    *("..", "../x", "a/../b", "/etc/passwd", "~root", "-x", "--upload-pack=x", "-", "."),
)
"""Of these each short parameter gets every one that the job must refuse there."""

BY_NAME = {
    "BUILD_NODE": (
        *("built-in", "master", "Built-In", "MASTER", "(built-in)", "python || built-in", "python&&linux", "!python"),
        *("python->x", "python<->x", '"python"', "built-in\n", "python built-in", "built-in||python"),
    ),
    "IMAGE_NODE": ("built-in", "master", "BUILT-IN", "images || master", "!images", "(images)", "images images"),
    "PACKAGE_NAME": (
        *("Dockerfile", "dockerfile", "DOCKERFILE", "DockerFile\n", "bootstart.sh", "Bootstart.sh", "BOOTSTART.SH"),
        *("image.json", "Image.JSON", "Dockerfile.dockerignore", "Dockerfile.containerignore"),
        *(".dockerignore", "./Dockerfile", "a/Dockerfile"),
        *(
            "dist/bootstart.sh",
            "../Dockerfile",
            ".git",
            "..",
            "Dockerfile/",
            "Dockerfile/.",
            "\u212aaf",
            "boot\u017ftart.sh",
        ),
    ),
    "GIT_URL": (
        *("file:///etc", "ext::sh -c id", "git://host/a", "http://", "https://-oProxyCommand=x/a", "ssh://-x/a"),
        *("https://host/a\u00a0b", "https://host/$(id)", "https://host/a;id", "https://host/a b", 'https://h/"a'),
    ),
    "BRANCH_TO_BUILD": (
        *(
            "a..b",
            "a//b",
            "x.lock",
            "x.lock/y",
            "a/",
            ".a",
            "@{1}",
            "a@{u}",
            ":a",
            "+a",
            "a:b",
            "a~1",
            "a^",
            "a?",
            "a[b]",
        ),
        *("refs/heads/*:refs/heads/*", "a/.b", "/a"),
    ),
    "DIR_BUILD_FILE": ("a/..", "../../etc", "a/-x", "-C", "a//../..", "..a/../..", "a\\..\\b", "./.."),
    "BUILD_TARGET": ("a/..", "../../etc", "a/-x", "-t", "a//../..", "./../x"),
    "TRIGGER_ID": ("0" * 15, "0" * 65, "g" * 32, '0"}{' + "0" * 20),
    "GIT_COMMIT": ("0" * 39, "0" * 41, "HEAD", "main", "A" * 40, "g" * 40),
    "CLAIM_SECONDS": ("0", "-1", "1000", "1e3", "030", "1;id", "0x10"),
    "PLATFORM_URL": (
        "ftp://h",
        "http://h/$(id)",
        "http://h/ -o /tmp/x",
        "-K/etc/passwd",
        "http://h?a",
        "//h",
        "http://",
    ),
    "HARBOR_ADDRESS": ("h/evil", "h:port", "[x", "h:99999999", "user@h", "-h"),
    "SITE": ("A", "a/b", "a..b", "a_", "-a", "a___b"),
    "APP": ("A", "a/b", "a:b", "a@sha256:0", "_a"),
    "DEPLOY_VERSION": ("-a", ".a", "a:b", "a" * 129, "a@b"),
    "ORDER_NO": ('a","x":"', "a=b", "a" * 129),
    "BUILD_CMD": ("", " ", "\n\n", "\r\n", "\t", "true\u0000"),
    "DOCKERFILE_TEMPLATE": ("", " \n", "FROM scratch\u0000"),
    "BOOTSTART_TEMPLATE": ("", "\t\n", "#!/bin/sh\u0000"),
}


def hostile_sets(complete: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The parameter that is hostile, and a set that is complete but for it. No two are equal."""
    long_texts = ("BUILD_CMD", "DOCKERFILE_TEMPLATE", "BOOTSTART_TEMPLATE")
    for name in complete:
        shared = () if name in long_texts else ANYWHERE
        for value in dict.fromkeys((*BY_NAME.get(name, ()), *shared)):
            yield name, complete | {name: value}
    for name in complete:
        yield name, {other: value for other, value in complete.items() if other != name}
