"""Put the Jenkinsfile's text into config.xml: ``python jenkins_job/embed.py`` after each change of it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent


def embed(config: str, jenkinsfile: str) -> str:
    """The config with this script in it; everything else stays as it is."""
    script = f"<script>{escape(jenkinsfile)}</script>"
    return re.sub(r"<script>.*</script>", lambda _: script, config, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    path = HERE / "config.xml"
    path.write_text(
        embed(path.read_text(encoding="utf-8"), (HERE / "Jenkinsfile").read_text(encoding="utf-8")), encoding="utf-8"
    )
