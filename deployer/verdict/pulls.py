"""Why an image cannot be pulled: by the kubelet's reason, and by the structure of the runtime's message.

The message is a chain of causes, ``outer: inner: cause``, full of names that people chose: images, hosts, addresses.
Names are taken out first, and a link of the chain counts only as a whole, so that an image called ``denied:404`` says
nothing. Texts: containerd 1.7 and 2 (``remotes/docker``), CRI-O and containers/image, cri-dockerd, and the error codes
of the OCI distribution specification (``denied``, ``unauthorized``, ``manifest unknown``, ``name unknown``).
"""

from __future__ import annotations

import re

from deployer.verdict.cases import Case, Finding

IMAGE_PULL_PATIENCE_SECONDS = 60
SURE_SECONDS = 10
"""The kubelet's first back-off: the registry gave the same answer twice."""

BAD_NAME = "InvalidImageName"
NEVER_PULL = "ErrImageNeverPull"
PULL_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "ImageInspectError",
)
# These say themselves that it is not about the name or the credentials.
_TOLD_BY_REASON = ("RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError")

_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|(?<!\w)'[^']*'|`[^`]*`|“[^”]*”")
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://\S+?(?=:?(?:\s|$))", re.I)
_NAME = re.compile(r"[^\s:]*[/@][^\s]*?(?=:?(?:\s|$))")
_CODE = re.compile(r"\bcode = (?P<code>[A-Za-z]+)\b")

_PLATFORM = re.compile(
    r"no match for platform in manifest.*"
    r"|no matching manifest for .*"
    r"|no image found in (?:manifest list|image index) for architecture.*"
    r"|image operating system.* cannot be used on this platform.*"
    r"|(?:choosing|no) .*image .*for (?:platform|architecture).*"
    r"|.*does not match the (?:specified|detected|requested) (?:host )?platform.*"
    r"|exec format error",
    re.I,
)
_CREDENTIALS = re.compile(
    r"(?:pull |requested )?access(?: to the (?:requested )?resource)?(?: for)?(?: is)? (?:denied|not authorized)\b.*"
    r"|denied|unauthorized|unauthorized to access .*|authorization failed|insufficient_scope"
    r"|authentication (?:is )?required|(?:invalid|incorrect) username.*|no basic auth credentials"
    r"|.*\b(?:401 unauthorized|403 forbidden)",
    re.I,
)
_MISSING = re.compile(
    r"(?:the )?(?:manifest|artifact|image|tag|repository|resource)?(?: for)? ?(?:was )?not found"
    r"|manifest(?:[_ ])unknown.*|name[_ ]unknown.*|repository name not known to registry"
    r"|(?:the )?(?:specified |requested )?(?:tag|image|repository|manifest)(?: with name)? .*does not exist.*"
    r"|(?:the )?(?:specified |requested )?(?:tag|image|repository|manifest) does not exist.*"
    r"|.*\b404 not found",
    re.I,
)
_BY_CODE = {"NotFound": "image_missing", "Unauthenticated": "image_refused", "PermissionDenied": "image_refused"}


def pull_failed(case: Case, reason: str, message: str) -> Finding:
    """The finding for one of :data:`PULL_REASONS`."""
    # Older kubelets say only “Back-off pulling image” in the status; the event of another container's image does not
    # count.
    told = case.event("Failed", text=f'Failed to pull image "{case.image}"')
    evidence = (message, told.message if told else "")
    code = "image_pull_failed" if reason in _TOLD_BY_REASON else _code(evidence, case.image)
    words = max(evidence, key=len) or reason
    if code == "image_pull_failed":
        is_late = case.age >= IMAGE_PULL_PATIENCE_SECONDS
        return case.found(code, is_fatal=is_late, evidence=evidence, image=case.image, message=words)
    is_sure = reason == "ImagePullBackOff" or case.age >= SURE_SECONDS
    return case.found(code, is_fatal=is_sure, evidence=evidence, image=case.image, message=words)


def _code(texts: tuple[str, ...], image: str) -> str:
    """The first text that names a cause decides: the status speaks of now, an event of the last attempt."""
    for text in texts:
        found = _chain(text, image)
        for code, pattern in (
            ("wrong_architecture", _PLATFORM),
            ("image_refused", _CREDENTIALS),
            ("image_missing", _MISSING),
        ):
            if any(pattern.fullmatch(link) for link in found):
                return code
        if (told := _CODE.search(_QUOTED.sub(" ", text))) and told["code"] in _BY_CODE:
            return _BY_CODE[told["code"]]
    return "image_pull_failed"


def _chain(text: str, image: str) -> list[str]:
    """The links of the message without names: ``["failed to pull and unpack image", …, "not found"]``."""
    bare = text
    if re.search(r"[:/@]", image):
        bare = bare.replace(image, " ")
    for names in (_QUOTED, _LINK, _NAME):
        bare = names.sub(" ", bare)
    return [" ".join(link.split()).rstrip(".") for link in re.split(r":(?=\s|$)|,\s|\n", bare)]
