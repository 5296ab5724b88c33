"""Each Dockerfile instruction does what the Dockerfile reference says, or is refused with its line."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.packer import PackedImage, PackError, pack
from sandbox.packer.image import LayerWriter, assemble

Pack = Callable[..., PackedImage]


class FixedBase:
    """A base image at hand: user names, a link, a CMD."""

    def pull(self, reference: str, *, scratch: Path, log: Callable[[str], None]) -> PackedImage:
        writer = LayerWriter()
        writer.put_bytes("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:9999:9999::/app:/bin/sh\n")
        writer.put_bytes("etc/group", b"root:x:0:\nappgroup:x:8888:app\n")
        writer.put_directory("opt/real")
        writer.put_link("app", "/opt/real")
        config = {"Env": ["PATH=/bin", "JAVA=8"], "Cmd": ["base-cmd"], "Labels": {"layer": "base"}}
        document = {"architecture": "amd64", "os": "linux", "config": config, "history": [{"created_by": reference}]}
        return assemble(document, (writer.write(scratch),))


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "conf" / "deep").mkdir(parents=True)
    (folder / "app.pyz").write_text("program")
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    (folder / "conf" / "one.ini").write_text("1")
    (folder / "conf" / "deep" / "two.ini").write_text("2")
    (folder / "app.pyz").chmod(0o755)
    return folder


@pytest.fixture
def build(context: Path, tmp_path: Path) -> Pack:
    def build(text: str, **more: object) -> PackedImage:
        arguments = {"labels": {}, "log": lambda line: None, "pull": FixedBase(), **more}
        return pack(context=context, dockerfile=text, scratch=tmp_path / "scratch", **arguments)

    return build


def files(image: PackedImage, layer: int = -1) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(image.layers[layer].path) as archive:
        return {member.name: member for member in archive}


def content(image: PackedImage, name: str, layer: int = -1) -> bytes:
    with tarfile.open(image.layers[layer].path) as archive:
        return archive.extractfile(name).read()


def settings(image: PackedImage) -> dict:
    return image.document["config"]


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("COPY app.pyz /app.pyz", {"app.pyz"}),
        ("COPY app.pyz /srv/", {"srv", "srv/app.pyz"}),
        ("COPY app.pyz /srv/name", {"srv", "srv/name"}),
        ("COPY app.pyz a.txt /srv/", {"srv", "srv/app.pyz", "srv/a.txt"}),
        ("COPY *.txt /srv/", {"srv", "srv/a.txt", "srv/b.txt"}),
        ("COPY [^b].txt /srv/", {"srv", "srv/a.txt"}),
        ("COPY conf /srv", {"srv", "srv/one.ini", "srv/deep", "srv/deep/two.ini"}),
        ("COPY conf/*/*.ini /srv/", {"srv", "srv/two.ini"}),
        ('COPY ["a.txt", "/srv/with blank"]', {"srv", "srv/with blank"}),
        ("COPY app.pyz .", {"app.pyz"}),
        ("WORKDIR /w\nCOPY app.pyz .", {"w", "w/app.pyz"}),
        ("WORKDIR /w\nWORKDIR x\nCOPY app.pyz ../y/", {"w", "w/y", "w/y/app.pyz"}),
        ("WORKDIR /w\nCOPY app.pyz /w", {"w", "w/app.pyz"}),
    ],
)
def test_copy_puts_files_where_docker_does(build: Pack, line: str, places: set[str]) -> None:
    assert set(files(build(f"FROM scratch\n{line}"))) == places


def test_copy_follows_links_of_the_base_and_keeps_its_directories(build: Pack) -> None:
    image = build("FROM base\nCOPY app.pyz /app/")
    assert set(files(image)) == {"opt/real/app.pyz"}


@pytest.mark.parametrize(
    ("flag", "owner"),
    [("", (0, 0)), ("--chown=7:8", (7, 8)), ("--chown=7", (7, 7)), ("--chown=app:appgroup", (9999, 8888))],
)
def test_chown_by_number_and_by_the_images_names(build: Pack, flag: str, owner: tuple[int, int]) -> None:
    member = files(build(f"FROM base\nCOPY {flag} app.pyz /srv/"))["srv/app.pyz"]
    assert (member.uid, member.gid, member.mode) == (*owner, 0o755)


def test_chmod_sets_the_mode(build: Pack) -> None:
    assert files(build("FROM scratch\nCOPY --chmod=640 app.pyz /x"))["x"].mode == 0o640


def test_add_unpacks_archives_and_copies_the_rest(build: Pack, context: Path) -> None:
    with tarfile.open(context / "files.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("in/side")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"ok"))
    image = build("FROM scratch\nADD files.tar.gz /opt\nADD a.txt /opt/")
    assert content(image, "opt/in/side", 0) == b"ok"
    assert content(image, "opt/a.txt", 1) == b"a"


def test_links_inside_a_directory_stay_links(build: Pack, context: Path) -> None:
    (context / "conf" / "link").symlink_to("one.ini")
    member = files(build("FROM scratch\nCOPY conf /c"))["c/link"]
    assert (member.issym(), member.linkname) == (True, "one.ini")


@pytest.mark.parametrize(
    "line", ["COPY ../secret /x", "COPY conf/../../secret /x", "COPY leak /x", "ADD dir/secret /x"]
)
def test_nothing_outside_the_context_is_reached(build: Pack, context: Path, line: str) -> None:
    (context.parent / "secret").write_text("hidden")
    (context / "leak").symlink_to("../secret")
    (context / "dir").symlink_to("..")
    with pytest.raises(PackError, match=r"^line 2: .*outside the build context"):
        build(f"FROM scratch\n{line}")


@pytest.mark.parametrize("name", ["../../evil", "ok/../../evil"])
def test_archive_that_climbs_out_is_refused(build: Pack, context: Path, name: str) -> None:
    with tarfile.open(context / "evil.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(PackError, match=r"^line 2: .*leads outside"):
        build("FROM scratch\nADD evil.tar /opt")


def test_dockerignore_hides(build: Pack, context: Path) -> None:
    (context / ".dockerignore").write_text("# c\n**/*.ini\n!conf/one.ini\n*.txt\n")
    assert set(files(build("FROM scratch\nCOPY . /x/"))) == {
        "x", "x/.dockerignore", "x/app.pyz", "x/conf", "x/conf/deep", "x/conf/one.ini",
    }  # fmt: skip
    with pytest.raises(PackError, match="no such file"):
        build("FROM scratch\nCOPY a.txt /x")


def test_stages_hand_files_on(build: Pack) -> None:
    image = build(
        "FROM base AS one\nCOPY conf /srv/\n"
        "FROM scratch\nCOPY --from=one --chown=5 /srv/deep /d\nCOPY --from=0 /etc/pass* /"
    )
    assert (content(image, "d/two.ini", 0), files(image, 0)["d/two.ini"].uid) == (b"2", 5)
    assert b"app:x:9999" in content(image, "passwd", 1)
    assert len(image.layers) == 2


def test_stage_builds_on_a_stage_without_changing_it(build: Pack) -> None:
    image = build("FROM base AS one\nENV A=1\nFROM one AS two\nENV A=2\nFROM one\nCOPY a.txt /")
    assert "A=1" in settings(image)["Env"]
    assert len(image.layers) == 2


def test_variables_are_filled_in(build: Pack) -> None:
    text = """
ARG TAG=base
FROM ${TAG}
ARG TAG
ARG X=arg Y
ENV A=${X}-${Y:-none} B="two words" C='$X' D=\\$X E=${JAVA:+java$JAVA} F=${TAG}
ENV X=env
ENV G $X and more
WORKDIR /srv/$X
LABEL a="$X" b=c
USER ${UID:-9999}
EXPOSE ${PORT:-8080} 9000-9001/udp
"""
    image = build(text)
    environment = dict(entry.split("=", 1) for entry in settings(image)["Env"])
    assert {key: environment[key] for key in "ABCDEFG"} == {
        "A": "arg-none", "B": "two words", "C": "$X", "D": "$X", "E": "java8", "F": "base", "G": "env and more",
    }  # fmt: skip
    assert settings(image)["WorkingDir"] == "/srv/env"
    assert settings(image)["Labels"] == {"layer": "base", "a": "env", "b": "c"}
    assert settings(image)["User"] == "9999"
    assert set(settings(image)["ExposedPorts"]) == {"8080/tcp", "9000/udp", "9001/udp"}


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1c"])
def test_only_a_line_feed_ends_a_line(build: Pack, sign: str) -> None:
    """As Docker reads it."""
    image = build(f"FROM scratch\r\n# a comment{sign}NONSENSE\r\nLABEL a=b{sign}c\r\n")
    assert settings(image)["Labels"]["a"].startswith("b")


def test_commands_in_both_forms(build: Pack) -> None:
    image = build('FROM base\nSHELL ["/bin/bash", "-c"]\nENTRYPOINT run $A\nCMD ["x", "$A"]')
    assert settings(image)["Entrypoint"] == ["/bin/bash", "-c", "run $A"]
    assert settings(image)["Cmd"] == ["x", "$A"]
    assert settings(build("FROM base"))["Cmd"] == ["base-cmd"]
    assert "Cmd" not in settings(build('FROM base\nENTRYPOINT ["run"]'))


def test_the_rest_of_the_config(build: Pack) -> None:
    text = """FROM scratch
MAINTAINER Prism
VOLUME /data /log
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f http://localhost/
"""
    image = build(text)
    assert image.document["author"] == "Prism"
    assert set(settings(image)["Volumes"]) == {"/data", "/log"}
    assert settings(image)["StopSignal"] == "SIGTERM"
    assert settings(image)["Healthcheck"] == {
        "Test": ["CMD-SHELL", "curl -f http://localhost/"], "Interval": 90 * 10**9, "Retries": 3,
    }  # fmt: skip


def test_labels_of_the_caller_win_and_history_matches_layers(build: Pack) -> None:
    image = build("FROM base\nLABEL order=mine\nCOPY a.txt /\nUSER 1", labels={"order": "K8S1"})
    assert image.labels == {"layer": "base", "order": "K8S1"}
    history = image.document["history"]
    assert len([line for line in history if not line.get("empty_layer")]) == len(image.layers) == 2
    assert image.document["rootfs"]["diff_ids"] == [layer.diff_id for layer in image.layers]


def test_equal_files_give_equal_bytes_with_any_times(build: Pack, context: Path) -> None:
    first = build("FROM base\nCOPY . /x/", created="2026-01-01T00:00:00Z")
    os.utime(context / "a.txt", (1, 1))
    assert build("FROM base\nCOPY . /x/", created="2026-01-01T00:00:00Z").digest == first.digest
    (context / "a.txt").write_text("changed")
    assert build("FROM base\nCOPY . /x/", created="2026-01-01T00:00:00Z").digest != first.digest


def test_log_reads_like_a_build(build: Pack) -> None:
    lines: list[str] = []
    image = build("FROM scratch\n# note\nCOPY \\\n  app.pyz /app/\nUSER 9", log=lines.append)
    assert lines[:3] == ["STEP 1/3: FROM scratch", "STEP 2/3: COPY   app.pyz /app/", "STEP 3/3: USER 9"]
    assert lines[-1] == f"Successfully built {image.config_digest[7:19]}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM scratch\nRUN make", "line 2: RUN needs buildah: start with BUILDER=buildah"),
        ("FROM scratch\n\nONBUILD COPY a /", "line 3: ONBUILD needs buildah"),
        ("FROM scratch\nCOPY missing /x", "line 2: COPY missing: no such file in the build context"),
        ("FROM scratch\nCOPY a.txt b.txt /x", "line 2: several sources need a directory"),
        ("FROM scratch\nCOPY a.txt", "line 2: COPY needs a source and a destination"),
        ("FROM scratch\nCOPY --from=nowhere /a /b", "line 2: COPY --from=nowhere names no earlier stage"),
        ("FROM scratch\nCOPY --parents a.txt /b", "line 2: COPY --parents needs buildah"),
        ("FROM scratch\nCOPY --chown=who a.txt /b", "line 2: --chown names who"),
        ("FROM scratch\nADD https://example.org/x /y", "line 2: ADD of a remote address needs buildah"),
        ("FROM scratch\nCOPY <<EOF /x\nhi\nEOF", "line 2: COPY with a here-document needs buildah"),
        ("FROM scratch\nCOPPY a /b", "line 2: COPPY is not a Dockerfile instruction"),
        ("FROM scratch\nUSER", "line 2: USER needs an argument"),
        ("FROM scratch\nENV A", "line 2: A has no value"),
        ("FROM scratch\nENV A='x", "line 2: a single quote is never closed"),
        ("FROM scratch\nLABEL a=b c", "line 2: 'c' is not name=value"),
        ("FROM scratch\nLABEL a=${b", "line 2: a variable must be written"),
        ("FROM scratch\nEXPOSE 70000", "line 2: EXPOSE 70000"),
        ("FROM scratch\nCOPY conf /x\nCOPY a.txt /x/deep", None),
        ("FROM scratch AS", "line 1: FROM is written"),
        ("FROM --platform=linux/arm64 scratch", "line 1: FROM --platform"),
        ("USER 1\nFROM scratch", "line 1: USER stands before the first FROM"),
        ("# only a comment", "the Dockerfile has no FROM instruction"),
    ],
)
def test_what_cannot_be_done_is_one_message_with_its_line(build: Pack, text: str, message: str | None) -> None:
    if message is None:
        assert set(files(build(text))) == {"x/deep/a.txt"}
        return
    with pytest.raises(PackError) as caught:
        build(text)
    assert str(caught.value).startswith(message)
