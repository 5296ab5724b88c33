"""The bar of the first minute names the package that is being fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import install


def test_the_bar_names_the_package_and_not_the_line_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = tmp_path / "bin" / "python"
    pip.parent.mkdir()
    pip.write_text("#!/bin/sh\necho 'Collecting django==5.2 (from -r requirements.lock (line 470))'\n")
    pip.chmod(0o755)
    lock = tmp_path / "some.lock"
    lock.write_text("django==5.2 --hash=sha256:00\n")
    drawn: list[str] = []
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "draw", lambda _done, _total, what: drawn.append(what))
    assert install.run_pip(lock) == 0
    assert drawn == ["django==5.2"]
