"""Texts that are safe in a shell, a path, a URL and an image name."""

from __future__ import annotations

import pytest

from components.validators import (
    GrammarError,
    check_branch,
    check_node_label,
    check_package,
    git_address,
    plain_git_url,
    relative_directory,
    split_image,
)

pytestmark = pytest.mark.security("build-parameters")


@pytest.mark.parametrize("name", ["master", "feature/ABC-12_x", "release/1.0", "fix#3"])
def test_branches(name: str) -> None:
    assert check_branch(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-x",
        "--upload-pack=x",
        "a..b",
        "$(id)",
        "*",
        "${SECRET}",
        "a~1",
        "a\n",
        "x.lock",
        "x.lock/y",
        "a/",
        "/a",
        "a//b",
        "主干",
    ],
)
def test_no_branches(name: str) -> None:
    with pytest.raises(GrammarError):
        check_branch(name)


@pytest.mark.parametrize("name", ["app.war", "Dockerfile.war", "bootstart.sh.tgz", "my-Dockerfile", "image.json.gz"])
def test_packages(name: str) -> None:
    assert check_package(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("Dockerfile", "dockerfile", "DOCKERFILE", "bootstart.sh", "BootStart.sh", "image.json", "IMAGE.JSON"),
        *("Dockerfile.dockerignore", "dockerfile.ContainerIgnore", ".dockerignore"),
        *("a/Dockerfile", "./bootstart.sh", "Dockerfile\n", ""),
    ],
)
def test_packages_that_would_replace_a_file_of_the_build(name: str) -> None:
    with pytest.raises(GrammarError):
        check_package(name)


@pytest.mark.parametrize("label", ["built-in", "master", "Built-In", "MASTER", "a || b", "!a", "(a)", "a b", ""])
def test_no_node_labels(label: str) -> None:
    with pytest.raises(GrammarError):
        check_node_label(label)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("/", "."), ("", "."), (".", "."), ("target/x/", "target/x"), ("/a//b/", "a/b"), ("./a", "a")],
)
def test_directories(typed: str, sent: str) -> None:
    assert relative_directory(typed) == sent


@pytest.mark.parametrize("typed", ["..", "a/../b", "-x", "a/-b", "a b", "a;b", "a\nb", "目录"])
def test_no_directories(typed: str) -> None:
    with pytest.raises(GrammarError):
        relative_directory(typed)


@pytest.mark.parametrize(
    ("url", "host", "given"),
    [
        ("https://Git.example/a/b.git", "git.example", "https://Git.example/a/b.git"),
        ("https://git.example:443/a", "git.example", "https://git.example:443/a"),
        ("http://git.example:8080/a", "git.example:8080", "http://git.example:8080/a"),
        ("git@git.example:a/b.git", "git.example", "ssh://git.example/a/b.git"),
        ("ssh://git@git.example:2222/a", "git.example:2222", "ssh://git.example:2222/a"),
        ("http://[::1]:3000/a", "[::1]:3000", "http://[::1]:3000/a"),
    ],
)
def test_git_urls(url: str, host: str, given: str) -> None:
    assert git_address(url).host == host
    assert plain_git_url(url) == given


@pytest.mark.parametrize(
    "url",
    [
        "", "git.example/a", "file:///a", "ext::sh", "https://u:p@git.example/a", "ssh://u:p@git.example/a", "https:///a",
        "https://git.example", "https://git.example/a?x=1", "https://git.example/../a", "https://git.example/a b",
        "git@git.example:-a", "https://git.example:99999/a", "https://git.example/a\n",
        "https://git.example/a\nb", "https://git.\texample/a", "-https://x/a", "ssh://", "ssh://@",
    ],
)  # fmt: skip
def test_no_git_urls(url: str) -> None:
    with pytest.raises(GrammarError):
        git_address(url)


@pytest.mark.parametrize("text", ["base/tomcat 8.0", "base/tomcat:8.0", " base/tomcat   8.0 "])
def test_images(text: str) -> None:
    assert split_image(text) == ("base/tomcat", "8.0")


@pytest.mark.parametrize(
    "text", ["", "tomcat", "Base/tomcat:1", "a/b:", "a//b:1", "a:1:2", "a b c", "a" + "_" * 60 + "!:1"]
)
def test_no_images(text: str) -> None:
    with pytest.raises(GrammarError):
        split_image(text)
