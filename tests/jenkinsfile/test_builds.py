"""The job and its stand-in build the same: files, package, image, image.json, order of stages, and how builds end."""

from __future__ import annotations

import json
import stat
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.repository import make_repository
from demo.world import SUBSYSTEMS, App
from deployer.interfaces import RenderRequest
from deployer.rendering import render_text
from tests.jenkinsfile.conftest import Built, Sides
from tests.jenkinsfile.groovy import ROOT, Ran
from tests.patience import at_most
from tests.sandbox.jenkins.parts import STAGES, RawServer, git

pytestmark = pytest.mark.jenkinsfile
APPS = {app.family.suffix: app for app in SUBSYSTEMS[0].apps[:2]}


@dataclass(frozen=True)
class Both:
    """One set of parameters, carried out twice. ``images``: what the registry had of each."""

    ran: Ran
    built: Built
    values: dict[str, str]
    images: tuple[dict[str, Any], ...] = ()


def image(values: dict[str, str]) -> dict[str, Any]:
    """What the registry has: layers, labels and configuration, without the time at which it was made."""
    base = f"http://{values['HARBOR_ADDRESS']}/v2/{values['SITE']}/{values['APP']}"
    with httpx.Client(timeout=60, verify=False) as http:
        answer = http.get(f"{base}/manifests/{values['DEPLOY_VERSION']}")
        answer.raise_for_status()
        manifest = answer.json()
        document = http.get(f"{base}/blobs/{manifest['config']['digest']}").json()
    layers = [layer["digest"] for layer in manifest["layers"]]
    return {"digest": answer.headers["Docker-Content-Digest"], "layers": layers, "config": document["config"]}


def carry_out(sides: Sides, **more: Any) -> Both:
    """Both, one after the other; they must end alike, in the same stage."""
    options = {name: more.pop(name) for name in ("tools", "names", "variables") if name in more}
    values = sides.parameters(**more)
    ran = sides.ran(values, **options)
    images = [image(values)] if ran.result == "SUCCESS" else []
    built = sides.built(values)
    shown = f"{ran.error}\n{ran.log}\n--- stand-in\n{built.log}"
    assert (ran.result, ran.stages) == (built.result, built.stages), shown
    if built.result == "SUCCESS":
        images.append(image(values))
    return Both(ran, built, values, tuple(images))


def facts_of(text: str) -> dict[str, Any]:
    """image.json but for the number of the build, the tool, and the digest, which has the time in it."""
    facts: dict[str, Any] = json.loads(text)
    return {name: value for name, value in facts.items() if name not in ("build_number", "builder", "digest")}


def content(package: Path, *, is_archive: bool) -> Any:
    """Of an archive its files: its times are those at which it was made."""
    if not is_archive:
        return package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        return sorted((entry.filename, entry.CRC) for entry in archive.infolist())


def check_same(sides: Sides, both: Both, *, is_archive: bool = False) -> None:
    """Files beside the Dockerfile with their modes, the image, and image.json."""
    ran, built, values = both.ran, both.built, both.values
    assert ran.result == "SUCCESS" and ran.stages == STAGES, f"{ran.error}\n{ran.log}"
    image_node = values["IMAGE_NODE"].strip()  # as Jenkins trims it
    has_two = bool(image_node)
    below = "" if has_two else values["DIR_BUILD_FILE"].strip().strip("/")
    folders = (
        ran.workspace(image_node or values["BUILD_NODE"]) / below,
        sides.workspace(of_image=has_two) / below,
    )
    for name in ("Dockerfile", "bootstart.sh", values["PACKAGE_NAME"]):
        first, second = (folder / name for folder in folders)
        is_zip = is_archive and name == values["PACKAGE_NAME"]
        assert content(first, is_archive=is_zip) == content(second, is_archive=is_zip), name
        assert stat.S_IMODE(first.stat().st_mode) == stat.S_IMODE(second.stat().st_mode), name
    assert (folders[0] / "Dockerfile").read_text() == values["DOCKERFILE_TEMPLATE"]
    assert (folders[0] / "bootstart.sh").read_text() == values["BOOTSTART_TEMPLATE"]
    by_job, by_stand_in = both.images
    assert by_job["config"] == by_stand_in["config"] and len(by_job["layers"]) == len(by_stand_in["layers"])
    assert is_archive or by_job["layers"] == by_stand_in["layers"]
    assert (ran.description, built.description) == (by_job["digest"], by_stand_in["digest"])
    written = (ran.folder / "archive" / "image.json").read_text()
    archived = sides.get(f"job/{values.get('JOB', 'PRISM_JENKINS_JOB')}/{built.number}/artifact/image.json").text
    assert ran.archived == built.artifacts == ["image.json"]
    assert json.loads(written)["digest"] == by_job["digest"] and json.loads(archived)["digest"] == by_stand_in["digest"]
    assert facts_of(written) == facts_of(archived) and len(facts_of(written)) == 5


# ---------------------------------------------------------------- the demo's repositories
def demo_parameters(sides: Sides, app: App) -> dict[str, str]:
    """What the platform sends for a component of the demo."""
    repository = sides.site.repository.root / f"{app.service}.git"
    if not repository.exists():
        make_repository(repository, app)
    path, tag = app.family.base_image
    values = {
        "order": {"number": "K8S20180918055120CK", "commit": "a" * 40, "branch": "master"},
        "component": {
            "name": app.name,
            "slug": app.slug,
            "service": app.service,
            "project": "sis-omm",
            "package": app.package,
        },
        "base_image": f"{sides.site.registry}{path}:{tag}",
        "package": app.package,
    }
    names = {"Dockerfile": app.family.dockerfile, "bootstart.sh": app.family.bootstart}
    sources = {name: (ROOT / "yaml_templates" / file).read_text() for name, file in names.items()}
    texts = render_text(RenderRequest(templates=sources, values=values))
    return {
        "SITE": "sis-omm",
        "APP": app.slug,
        "GIT_URL": sides.site.git_url.replace("demo.git", repository.name),
        "BRANCH_TO_BUILD": "master",
        "GIT_COMMIT": git(repository, "rev-parse", "master"),
        "DIR_BUILD_FILE": ".",
        "BUILD_CMD": app.family.build_command,
        "BUILD_TARGET": app.artifact_directory.strip("/"),
        "PACKAGE_NAME": app.package,
        "DOCKERFILE_TEMPLATE": texts["Dockerfile"].text,
        "BOOTSTART_TEMPLATE": texts["bootstart.sh"].text,
        "BUILD_NODE": app.family.node_label,
    }


@pytest.mark.parametrize(("suffix", "image_node"), [(".pyz", "images"), (".war", "")])
def test_the_demo_is_built_alike(sides: Sides, suffix: str, image_node: str) -> None:
    """On one node and on two."""
    more = demo_parameters(sides, APPS[suffix])
    both = carry_out(sides, IMAGE_NODE=image_node, **more)
    check_same(sides, both, is_archive=True)
    assert both.ran.nodes == [both.values["BUILD_NODE"], *([image_node] if image_node else [])]
    labels = both.images[0]["config"]["Labels"]
    assert labels["io.prism4k.order"] == both.values["ORDER_NO"]
    assert labels["io.prism4k.trigger"] == both.values["TRIGGER_ID"]
    assert labels["org.opencontainers.image.revision"] == both.values["GIT_COMMIT"]
    assert labels["org.opencontainers.image.source"] == both.values["GIT_URL"]
    assert labels["org.opencontainers.image.version"] == both.values["DEPLOY_VERSION"]


def test_a_demo_branch_that_does_not_compile(sides: Sides) -> None:
    app = APPS[".pyz"]
    more = demo_parameters(sides, app)
    commit = git(sides.site.repository.root / f"{app.service}.git", "rev-parse", "fail-compile")
    both = carry_out(sides, **(more | {"BRANCH_TO_BUILD": "fail-compile", "GIT_COMMIT": commit}))
    assert both.ran.result == "FAILURE" and both.ran.stages == STAGES[:2]


# ---------------------------------------------------------------- tools and credentials
@pytest.mark.parametrize("tool", ["docker", "buildah", "buildctl"])
def test_each_tool_makes_the_same_image(sides: Sides, tool: str) -> None:
    both = carry_out(sides, tools=tool, IMAGE_NODE="images")
    check_same(sides, both)
    assert json.loads((both.ran.folder / "archive" / "image.json").read_text())["builder"] == tool


def test_the_node_chooses_among_its_tools(sides: Sides) -> None:
    ran = sides.ran(sides.parameters(), tools="all", variables={"IMAGE_TOOL": "buildah"})
    assert json.loads((ran.folder / "archive" / "image.json").read_text())["builder"] == "buildah"
    ran = sides.ran(sides.parameters(), tools="all", variables={"IMAGE_TOOL": "make"})
    assert ran.result == "FAILURE" and "nothing to make images with" in ran.log


@pytest.mark.parametrize("tool", ["docker", "buildah"])
def test_only_the_node_of_images_signs_in(sides: Sides, tool: str) -> None:
    """The command finds neither the credentials nor, later, the file that they were written to."""
    secret = {"Harbor": ["robot$site-one", "pa ss'w\"ord"]}
    command = 'mkdir -p dist; { env; ls -A "$WORKSPACE@tmp" ~; } > dist/words.pkg'
    values = sides.parameters(IMAGE_NODE="images", BUILD_CMD=command)
    ran = sides.ran(values, tools=tool, registryCredentials="Harbor", credentials=secret)
    assert ran.result == "SUCCESS", f"{ran.error}\n{ran.log}"
    assert ran.credentials == [["Harbor", "images"]]
    seen = (ran.workspace("python") / "app" / "words.pkg").read_text()
    assert not any(word in seen for word in ("robot$", "REGISTRY_", "DOCKER_CONFIG", "\ndocker\n"))
    assert "signed in at" in ran.log
    assert not (ran.folder / "nodes" / "images" / "workspace" / "JOB@tmp" / "docker").exists()


def test_a_label_of_the_controller_is_refused_on_arrival(sides: Sides) -> None:
    for name in ("built-in", "master"):
        ran = sides.ran(sides.parameters(), names={"python": name})
        assert ran.stages == STAGES[:1] and "controller itself" in ran.error
        ran = sides.ran(sides.parameters(IMAGE_NODE="images"), names={"images": name})
        assert ran.stages == STAGES[:3] and "controller itself" in ran.error


# ---------------------------------------------------------------- folders and links
MAKE = "mkdir -p dist\ncp words.txt dist/words.pkg\n"
FAILING = {
    "build directory missing": ({"DIR_BUILD_FILE": "nowhere"}, 2),
    "build directory is a file": ({"DIR_BUILD_FILE": "app/words.txt"}, 2),
    "the command takes its directory away": ({"BUILD_CMD": 'rm -rf "$WORKSPACE/app"'}, 3),
    "the command makes its directory a link": (
        {"BUILD_CMD": 'cd /; rm -rf "$WORKSPACE/app"; ln -s /etc "$WORKSPACE/app"'},
        3,
    ),
    "the command makes the workspace a link": (
        {"BUILD_CMD": 'cd /; mv "$WORKSPACE" "$WORKSPACE-away"; ln -s "$WORKSPACE-away" "$WORKSPACE"'},
        3,
    ),
    "no package": ({"BUILD_CMD": "true"}, 3),
    "the package is a folder": ({"BUILD_CMD": "mkdir -p dist/words.pkg"}, 3),
    "dist leads out": ({"BUILD_CMD": "ln -s /etc dist", "PACKAGE_NAME": "hostname"}, 3),
    "dist leads up": ({"BUILD_CMD": f"{MAKE}ln -s ../../.. up", "BUILD_TARGET": "up"}, 3),
    "the package leads out": ({"BUILD_CMD": "mkdir dist; ln -s /etc/passwd dist/words.pkg"}, 3),
    "the package leads out over links": (
        {"BUILD_CMD": "mkdir -p dist a; ln -s /etc a/b; ln -s a/b c; ln -s ../c/passwd dist/words.pkg"},
        3,
    ),
    "the package leads nowhere": ({"BUILD_CMD": "mkdir dist; ln -s nothing dist/words.pkg"}, 3),
    "the package leads in a circle": ({"BUILD_CMD": "mkdir dist; ln -s words.pkg dist/words.pkg"}, 3),
    "a folder stands in its place": ({"BUILD_CMD": f"{MAKE}mkdir words.pkg"}, 3),
    "commit of another branch": ({"GIT_COMMIT": "other"}, 1),
    "no such commit": ({"GIT_COMMIT": "0" * 40}, 1),
    "no such branch": ({"BRANCH_TO_BUILD": "nothing"}, 1),
    "the command fails in a pipe": ({"BUILD_CMD": f"{MAKE}false | true\n"}, 2),
    "the Dockerfile is none": ({"DOCKERFILE_TEMPLATE": "NONSENSE\n"}, 4),
    "nobody is at the registry": ({"HARBOR_ADDRESS": "127.0.0.1:1"}, 5),
}


@pytest.mark.parametrize("case", FAILING)
def test_it_fails_in_the_same_stage(sides: Sides, case: str) -> None:
    changed, stages = FAILING[case]
    commits = {"other": sides.site.repository.other}
    changed = {name: commits.get(value, value) for name, value in changed.items()}
    both = carry_out(sides, **changed)
    assert both.ran.result == "FAILURE" and both.ran.stages == STAGES[:stages], f"{both.ran.error}\n{both.ran.log}"
    assert "the stand-in Jenkins itself failed" not in both.built.log, both.built.log


@pytest.fixture(scope="module")
def linked(sides: Sides) -> str:
    """A commit whose folder ``out`` is a link that leads out of every workspace."""
    work = sides.folder / "work"
    (sides.folder / "outside").mkdir()
    git(work, "checkout", "--quiet", "-b", "links", "main")
    (work / "out").symlink_to(sides.folder / "outside")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "A link out")
    git(work, "push", "--quiet", str(sides.site.repository.root / "demo.git"), "links")
    return git(work, "rev-parse", "links")


def test_no_command_runs_where_a_link_of_the_repository_leads(sides: Sides, linked: str) -> None:
    both = carry_out(sides, BRANCH_TO_BUILD="links", GIT_COMMIT=linked, DIR_BUILD_FILE="out", BUILD_CMD="touch here")
    assert both.ran.stages == STAGES[:2] and "leads out of the workspace" in both.ran.log
    assert not list((sides.folder / "outside").iterdir())


PASSING = {
    "in the root": {"DIR_BUILD_FILE": "/", "BUILD_CMD": "mkdir -p dist; cp app/words.txt dist/words.pkg"},
    "beside the Dockerfile already": {"BUILD_CMD": "cp words.txt words.pkg", "BUILD_TARGET": "."},
    "beside it already, by a link": {"BUILD_CMD": "ln -s words.txt words.pkg", "BUILD_TARGET": ""},
    "over links that stay inside": {
        "BUILD_CMD": "mkdir real; cp words.txt real/words; chmod 750 real/words; ln -s words real/words.pkg\n"
        'ln -s "$PWD/real" dist',
    },
    "others in their places": {
        "BUILD_CMD": f"{MAKE}ln -s /etc/passwd words.pkg; echo FROM evil > Dockerfile; mkdir bootstart.sh",
    },
    "links in their places": {
        "BUILD_CMD": f'{MAKE}ln -s "$PWD/words.txt" Dockerfile; ln -s "$PWD/words.txt" bootstart.sh',
    },
    "out and back, with two dots": {
        "BUILD_CMD": f'{MAKE}ln -s "$PWD" "$WORKSPACE@tmp/x"; ln -s "$WORKSPACE@tmp/x" out..x',
        "BUILD_TARGET": "out..x/dist",
    },
}


@pytest.mark.parametrize(
    ("case", "image_node"),
    [*((case, "") for case in PASSING), ("over links that stay inside", "images"), ("in the root", "images")],
)
def test_it_builds_the_same(sides: Sides, case: str, image_node: str) -> None:
    before = subprocess.run(["stat", "--format=%Y %s", "/etc/passwd"], capture_output=True, check=True).stdout
    both = carry_out(sides, IMAGE_NODE=image_node, **PASSING[case])
    check_same(sides, both)
    assert subprocess.run(["stat", "--format=%Y %s", "/etc/passwd"], capture_output=True, check=True).stdout == before


def test_the_reviewed_files_are_written_anew_for_the_image(sides: Sides) -> None:
    """What still runs of the command may write on the first node, but not on the second."""
    changer = '(while sleep 0.05; do echo "FROM evil" > Dockerfile; done) > /dev/null 2>&1 &\n'
    values = sides.parameters(IMAGE_NODE="images", BUILD_CMD=f'{MAKE}{changer}echo $! > "$HOME/changer"\n')
    ran = sides.ran(values)
    subprocess.run(["kill", (ran.folder / "nodes/python/home/changer").read_text().strip()], check=True)
    assert ran.result == "SUCCESS", ran.log
    assert (ran.workspace("images") / "Dockerfile").read_text() == values["DOCKERFILE_TEMPLATE"]


# ---------------------------------------------------------------- the claim
@pytest.mark.parametrize(
    ("status", "result"), [(409, "NOT_BUILT"), (404, "FAILURE"), (302, "FAILURE"), (503, "FAILURE")]
)
def test_a_claim_that_is_not_given(sides: Sides, monkeypatch: pytest.MonkeyPatch, status: int, result: str) -> None:
    monkeypatch.setattr(sides.site.platform, "status_of", lambda _: status)
    both = carry_out(sides, CLAIM_SECONDS="2")
    assert both.ran.result == result and both.ran.stages == STAGES[:1]


def test_no_answer_holds_a_claim_longer_than_it_may_wait(sides: Sides) -> None:
    """One that says nothing, and one that comes sign by sign: CLAIM_SECONDS is for all attempts together."""

    def silent(_connection: Any, _request: bytes) -> None:
        time.sleep(30)  # longer than a claim may wait

    def trickles(connection: Any, _request: bytes) -> None:
        for sign in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"x" * 60:
            connection.sendall(bytes([sign]))
            time.sleep(0.5)  # slow is what this server is

    for behave in (silent, trickles):
        server = RawServer(behave)
        try:
            for side in (sides.ran, sides.built):
                started = time.monotonic()
                done = side(sides.parameters(PLATFORM_URL=server.url.rstrip("/"), CLAIM_SECONDS="2"))
                took = time.monotonic() - started
                assert done.result == "FAILURE" and done.stages == STAGES[:1]
                assert 1.5 < took < at_most(6), took
        finally:
            server.close()


def test_the_claim_and_the_report_are_the_same(sides: Sides) -> None:
    both = carry_out(sides)
    calls = sides.site.platform.of(both.values["TRIGGER_ID"])
    assert [hook for hook, _ in calls] == ["claim", "report"] * 2
    (_, claim), (_, report), (_, claim_2), (_, report_2) = calls
    assert claim.keys() == claim_2.keys() and report.keys() == report_2.keys()
    assert (claim["trigger_id"], claim["build_number"]) == (both.values["TRIGGER_ID"], 1)
    assert report["digest"] == both.images[0]["digest"] and report_2["digest"] == both.images[1]["digest"]


def test_the_folder_for_temporary_files_is_the_nodes(sides: Sides) -> None:
    """``pwd(tmp: true)`` inside of ``dir`` means another one, which would lie in the repository."""
    ran = sides.ran(sides.parameters())
    assert not list(Path(ran.workspace("python")).rglob("*@tmp"))
