"""A bare watch of all Deployments: ``python -m bench.bare_watch URL CA_FILE``.

Prints ``namespace name seconds`` (of the epoch) when one is complete as ``kubectl rollout status`` calls it. The token
comes by KUBERNETES_TOKEN.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from typing import Any

import httpx

WATCH_SECONDS = 600


def is_complete(found: dict[str, Any]) -> bool:
    """Source: ``kubectl/pkg/polymorphichelpers/rollout_status.go``."""
    status, wanted = found.get("status") or {}, found["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= found["metadata"]["generation"] and counts == [wanted] * 3


def main(url: str, ca_file: str) -> None:
    """From the first list on, until the process is ended."""
    headers = {"Authorization": f"Bearer {os.environ['KUBERNETES_TOKEN']}"}
    path, known = "/apis/apps/v1/deployments", set()
    with httpx.Client(
        base_url=url, verify=ssl.create_default_context(cafile=ca_file), headers=headers, trust_env=False, timeout=None
    ) as client:
        version = client.get(path).raise_for_status().json()["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        with client.stream("GET", path, params=query) as answer:
            print("ready", flush=True)
            for line in answer.iter_lines():
                now, found = time.time(), json.loads(line)["object"]
                metadata = found["metadata"]
                key = metadata["namespace"], metadata["name"], metadata["generation"]
                if is_complete(found) and key not in known:
                    known.add(key)
                    print(*key[:2], now, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
