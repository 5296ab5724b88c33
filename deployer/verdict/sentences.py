"""The documented set of causes: a sentence and a next step each, to be translated where they are shown.

``SENTENCES[code] % diagnosis.values`` and ``NEXT_STEPS[code] % diagnosis.values`` always work: every diagnosis of a
code carries all names that its texts use (a test holds this).
"""

from __future__ import annotations

from deployer.sentences import say as _

SENTENCES: dict[str, str] = {
    "image_name_invalid": _("The image name %(image)s is not valid."),
    "image_missing": _("The image %(image)s does not exist in the registry."),
    "image_refused": _("The registry refused the cluster's credentials for the image %(image)s."),
    "image_pull_failed": _("The image %(image)s cannot be pulled: %(message)s"),
    "config_missing": _("Container %(container)s cannot be set up: %(message)s"),
    "start_failed": _("The start command of container %(container)s could not be executed: %(message)s"),
    "crash_loop": _(
        "Container %(container)s exits with code %(exit_code)s after %(lived_seconds)s seconds, again and again "
        "(%(restarts)s restarts)."
    ),
    "init_failed": _("Init container %(container)s fails with code %(exit_code)s (%(restarts)s restarts)."),
    "out_of_memory": _("Container %(container)s was killed for exceeding its memory limit of %(limit)s."),
    "liveness_failed": _("Container %(container)s is restarted because its liveness check fails: %(message)s"),
    "not_ready": _("Container %(container)s runs, but its readiness check %(check)s fails: %(message)s"),
    "unschedulable": _("No node can take the pod: %(message)s"),
    "stuck_creating": _("The pod cannot be set up on its node: %(message)s"),
    "slow_start": _("The pod has been getting ready on its node for %(seconds)s seconds."),
    "container_problem": _("Container %(container)s does not start (%(reason)s): %(message)s"),
    "evicted": _("Pods were evicted from their nodes (%(count)s): %(message)s"),
    "quota_exceeded": _("Quota %(quota)s is full: one more pod needs %(requested)s; %(used)s of %(limited)s is used."),
    "quota_needs_resources": _("Quota %(quota)s asks for values that the pod does not set: %(message)s"),
    "limit_range": _("The namespace's limits do not allow this pod: %(message)s"),
    "pod_security": _("The namespace's security level does not allow this pod: %(message)s"),
    "service_account_missing": _("The pod's service account does not exist: %(message)s"),
    "pod_refused": _("The cluster refuses to create the pod: %(message)s"),
    "controller_silent": _("The cluster's deployment controller has not reacted for %(seconds)s seconds."),
    "deadline": _("The rollout made no progress for too long: %(ready)s of %(wanted)s pods are ready."),
    "deleted_outside": _("The Deployment %(name)s was deleted outside the platform."),
}

NEXT_STEPS: dict[str, str] = {
    "image_name_invalid": _("Correct the image in the deployment template."),
    "image_missing": _("Check in the registry whether the tag was removed; if so, build it again as a new order."),
    "image_refused": _("Ask the platform administrator to renew the registry's pull secret in this namespace."),
    "image_pull_failed": _("Check that the nodes can reach the registry, then deploy again."),
    "config_missing": _("Add the missing configuration or Secret, then review and deploy again."),
    "start_failed": _("Check the command, the file and its permissions in the start script or image."),
    "crash_loop": _("Read the last lines of the container's log; roll back if the cause is in this order."),
    "init_failed": _("Read the log of the init container."),
    "out_of_memory": _("Raise the memory limit in the allocation, or find what needs so much."),
    "liveness_failed": _("See whether the application hangs; otherwise give the liveness check more time."),
    "not_ready": _("Read the container's log; check path and port of the readiness check."),
    "unschedulable": _("Lower the requests in the allocation, or ask the platform administrator for room."),
    "stuck_creating": _("Check the volumes and the configuration that the pod mounts."),
    "slow_start": _("Wait: pulling a large image takes time."),
    "container_problem": _("Read the cluster's message; ask the platform administrator if it is not about the image."),
    "evicted": _(
        "Ask the platform administrator about the nodes; if they ran short of memory, raise the memory request."
    ),
    "quota_exceeded": _("Lower replicas or the allocation, or ask the platform administrator to raise the quota."),
    "quota_needs_resources": _("Set requests and limits on every container of the deployment template."),
    "limit_range": _("Bring the allocation within the limits of the namespace."),
    "pod_security": _("Remove what the message names from the deployment template."),
    "service_account_missing": _("Create the service account, or take it out of the deployment template."),
    "pod_refused": _("Read the cluster's message; ask the platform administrator."),
    "controller_silent": _("Ask the platform administrator to check the cluster's controller manager."),
    "deadline": _("Look at the pods below; roll back if they do not become ready."),
    "deleted_outside": _("Find out who deleted it, then deploy again."),
}
