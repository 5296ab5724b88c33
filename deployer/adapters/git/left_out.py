"""What a plain checkout of a commit leaves out: folders of submodules, and files whose content Git LFS keeps."""

from __future__ import annotations

import re
import tempfile

from deployer.adapters.git.child import is_damage, run_git, translate
from deployer.adapters.git.online import run_online
from deployer.adapters.git.session import RepositoryUrl, offline_environment
from deployer.errors import Unavailable
from deployer.interfaces import SourceTarget
from deployer.messages import message as _

SECONDS = 20.0
_MOST_FILES = 20
_MOST_BYTES = 4 * 1024 * 1024
_LFS = re.compile(rb"^[ \t]*[^#\s][^\n]*[ \t]filter=lfs[ \t\r]*(?:[ \t][^\n]*)?$", re.MULTILINE)


def read_tree(listing: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths of submodules, and blobs of ``.gitattributes`` files, of ``git ls-tree -r -z``."""
    submodules, attributes = [], []
    for entry in listing.split(b"\0"):
        facts, _tab, path = entry.partition(b"\t")
        mode, _kind, blob = [*facts.split(b" "), b"", b""][:3]
        if mode == b"160000":
            submodules.append(path.decode(errors="replace"))
        elif path.rpartition(b"/")[2] == b".gitattributes" and mode.startswith(b"100"):
            attributes.append(blob.decode())
    return tuple(submodules), tuple(attributes[:_MOST_FILES])


def names_lfs(target: SourceTarget, url: RepositoryUrl, blobs: tuple[str, ...]) -> bool:
    """Does one of these ``.gitattributes`` hand files to Git LFS? Nothing of them is obeyed: they are read as text.

    The mirror has no contents; these few come into a repository that lives only as long as the question.
    """
    if not blobs:
        return False
    with tempfile.TemporaryDirectory(prefix="attributes-") as folder:
        place = f"--git-dir={folder}"
        offline = offline_environment()
        made = run_git(["init", "--quiet", "--bare", "--template=", folder], environment=offline, seconds=SECONDS)
        if made.code != 0:
            raise Unavailable(_("The platform cannot write to its folder for copies of Git repositories."))
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
        fetched = run_online(
            target, url, [place, *words, "--", url.text, *blobs], seconds=SECONDS, file_bytes=_MOST_BYTES
        )
        if fetched.code != 0 and not is_damage(fetched):
            raise translate(fetched, url.host)
        texts = (run_git([place, "cat-file", "blob", blob], environment=offline, seconds=SECONDS) for blob in blobs)
        return any(text.code == 0 and _LFS.search(text.output) for text in texts)
