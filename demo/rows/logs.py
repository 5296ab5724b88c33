"""What Jenkins wrote while the demo's builds ran: the shape of a real log, stage after stage."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from releases.logs.storage import append_log
from releases.models import Build, LogChunk


def keep_log(build: Build, commit: str) -> None:
    """Store the log of a build that has ended, each stage's lines as of when the stage began."""
    ending = "SUCCESS" if build.digest else "FAILURE"
    pieces = [_head(build)] + [_stage(str(stage["name"]), build, commit) for stage in build.stages]
    pieces.append(_foot(build.stages[-1].get("message", ""), ending))
    with transaction.atomic():
        for place, lines in enumerate(pieces):
            fields = append_log(build, "".join(f"{line}\n" for line in lines))
            Build.objects.filter(pk=build.pk).update(**fields, log_offset=fields["log_index"]["bytes"])
            for name, value in fields.items():
                setattr(build, name, value)
            # The newest chunk: this piece is shorter than one.
            newest = LogChunk.objects.filter(build=build).order_by("-offset")[:1]
            LogChunk.objects.filter(pk__in=list(newest.values_list("pk", flat=True))).update(at=_began(build, place))


def _began(build: Build, place: int) -> datetime | None:
    if build.started_at is None:
        return None
    before = build.stages[: max(0, place - 1)]
    return build.started_at + timedelta(milliseconds=sum(int(stage["duration_ms"]) for stage in before))


def _head(build: Build) -> list[str]:
    return [
        f"Started by user {build.started_by.username}",
        "[Pipeline] Start of Pipeline",
        "[Pipeline] node",
        f"Running on built-in in /var/jenkins/workspace/{build.job}",
        "[Pipeline] {",
    ]


def _foot(message: str, ending: str) -> list[str]:
    lines = ["[Pipeline] }", "[Pipeline] // node", "[Pipeline] End of Pipeline"]
    return [*lines, *([f"ERROR: {message}"] if message else []), f"Finished: {ending}"]


def _stage(name: str, build: Build, commit: str) -> list[str]:
    is_bad = not build.digest and name == "Build"
    inside = {
        "Prepare Git Code": [
            "[Pipeline] checkout",
            "The recommended git tool is: NONE",
            f" > git fetch --no-tags --force -- {build.order.component.slug}.git",
            f"Checking out Revision {commit} (detached)",
        ],
        "Build": ["[Pipeline] sh", "+ make package", *_compiled(is_bad)],
        "Get Dockerfile & Bootstart.sh": ["[Pipeline] writeFile", "the package is beside the Dockerfile"],
        "DockerBuild": [
            "[Pipeline] sh",
            "+ docker build --tag $IMAGE .",
            *(f"Step {step}/6 : {what}" for step, what in enumerate(_STEPS, 1)),
            "warning: the base image is 7 months old, think of a newer one",
            "Successfully tagged image",
        ],
        "DockerPush": [
            "[Pipeline] sh",
            "+ docker push $IMAGE",
            "5f70bf18a086: Layer already exists",
            f"pushed {build.digest}",
        ],
    }  # fmt: skip
    return ["[Pipeline] stage", f"[Pipeline] {{ ({name})", *inside.get(name, []), "[Pipeline] }", "[Pipeline] // stage"]


_STEPS = ("FROM base/middleware/python:3.11", "ENV APP_HOME=/app", "COPY app.pyz /app/", "USER 9999", "EXPOSE 8080",
          'ENTRYPOINT ["/app/bootstart.sh"]')  # fmt: skip


def _compiled(is_bad: bool) -> list[str]:
    lines = [f"python -m compileall -q src/module_{number:02}.py" for number in range(1, 41)]
    lines.insert(17, "src/module_17.py:8: DeprecationWarning: invalid escape sequence '\\d'")
    if not is_bad:
        return [*lines, "....", "Ran 4 tests in 0.001s", "\x1b[32mOK\x1b[0m"]
    return [
        *lines[:30],
        "Traceback (most recent call last):",
        '  File "src/module_31.py", line 42',
        "    return total +",
        "                 ^",
        "\x1b[1;31mSyntaxError: invalid syntax\x1b[0m",
        "make: *** [Makefile:24: package] Error 1",
    ]
