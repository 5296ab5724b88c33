"""The documented set of causes: a sentence and a next step each, in English, to be translated where they are shown.

``SENTENCES[code] % diagnosis.values`` and ``NEXT_STEPS[code] % diagnosis.values`` always work: every diagnosis of a
code carries all names that its texts use (a test holds this).
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "image_name_invalid": "The image name %(image)s is not valid.",
    "image_missing": "The image %(image)s does not exist in the registry.",
    "image_refused": "The registry refused the cluster's credentials for the image %(image)s.",
    "image_pull_failed": "The image %(image)s cannot be pulled: %(message)s",
    "config_missing": "Container %(container)s cannot be set up: %(message)s",
    "start_failed": "The start command of container %(container)s could not be executed: %(message)s",
    "crash_loop": (
        "Container %(container)s exits with code %(exit_code)s after %(lived_seconds)s s, again and again "
        "(%(restarts)s restarts)."
    ),
    "init_failed": "Init container %(container)s fails with code %(exit_code)s (%(restarts)s restarts).",
    "out_of_memory": "Container %(container)s was killed for exceeding its memory limit of %(limit)s.",
    "liveness_failed": "Container %(container)s is restarted because its liveness check fails: %(message)s",
    "not_ready": "Container %(container)s runs, but its readiness check %(check)s does not succeed: %(message)s",
    "unschedulable": "No node can take the pod: %(message)s",
    "stuck_creating": "The pod cannot be set up on its node: %(message)s",
    "slow_start": "The pod has been getting ready on its node for %(seconds)s s.",
    "container_problem": "Container %(container)s does not start (%(reason)s): %(message)s",
    "evicted": "%(count)s pods were put off their nodes: %(message)s",
    "quota_exceeded": "Quota %(quota)s is full: one more pod needs %(requested)s, used are %(used)s of %(limited)s.",
    "quota_needs_resources": "Quota %(quota)s demands values that the pod does not have: %(message)s",
    "limit_range": "The namespace's limits do not allow this pod: %(message)s",
    "pod_security": "The namespace's security level does not allow this pod: %(message)s",
    "service_account_missing": "The pod's service account does not exist: %(message)s",
    "pod_refused": "The cluster refuses to create the pod: %(message)s",
    "controller_silent": "The cluster's deployment controller has not reacted for %(seconds)s s.",
    "deadline": "The rollout made no progress for too long: %(ready)s of %(wanted)s pods are ready.",
    "deleted_outside": "The Deployment %(name)s was deleted outside the platform.",
}

NEXT_STEPS: dict[str, str] = {
    "image_name_invalid": "Correct the image in the deployment template.",
    "image_missing": "Check in the registry whether the tag was removed; if so, build it again as a new order.",
    "image_refused": "Ask the platform administrator to renew the registry's pull secret in this namespace.",
    "image_pull_failed": "Check that the nodes can reach the registry, then deploy again.",
    "config_missing": "Add the missing configuration or Secret, then review and deploy again.",
    "start_failed": "Check the command, the file and its permissions in the start script or image.",
    "crash_loop": "Read the last lines of the container's log below; roll back if the cause is in this order.",
    "init_failed": "Read the log of the init container below.",
    "out_of_memory": "Raise the memory limit in the allocation, or find what needs so much.",
    "liveness_failed": "See whether the application hangs; otherwise give the liveness check more time.",
    "not_ready": "Read the container's log; check path and port of the readiness check.",
    "unschedulable": "Lower the requests in the allocation, or ask the platform administrator for room.",
    "stuck_creating": "Check the volumes and the configuration that the pod mounts.",
    "slow_start": "Wait; a large image takes its time to be pulled.",
    "container_problem": "Read the cluster's message; ask the platform administrator if it is not about the image.",
    "evicted": "Ask the platform administrator about the nodes; raise the memory request if they ran short of memory.",
    "quota_exceeded": "Lower replicas or the allocation, or ask the platform administrator to raise the quota.",
    "quota_needs_resources": "Set requests and limits on every container of the deployment template.",
    "limit_range": "Bring the allocation within the limits of the namespace.",
    "pod_security": "Remove what the message names from the deployment template.",
    "service_account_missing": "Create the service account, or take it out of the deployment template.",
    "pod_refused": "Read the cluster's message; ask the platform administrator.",
    "controller_silent": "Ask the platform administrator to check the cluster's controller manager.",
    "deadline": "Look at the pods below; roll back if they do not become ready.",
    "deleted_outside": "Find out who deleted it, then deploy again.",
}
