"""The documented set of causes: a message and a next step each, still without parameters.

The values of a diagnosis are the parameters: every diagnosis of a code carries all names that its texts use (a test
holds this).
"""

from __future__ import annotations

from collections.abc import Mapping

from deployer import entry
from deployer.messages import Message
from deployer.messages import message as _

MESSAGES: dict[str, Message] = {
    "image_name_invalid": _("The image name %(image)s is not valid."),
    "image_never_pulled": _("The image %(image)s is not on the node, and the pod forbids pulling it."),
    "image_missing": _("The image %(image)s does not exist in the registry."),
    "image_refused": _("The registry refused the cluster's credentials for the image %(image)s."),
    "image_pull_failed": _("The image %(image)s cannot be pulled: %(message)s"),
    "wrong_architecture": _("The image %(image)s does not fit the CPU architecture of the node: %(message)s"),
    "config_missing": _("Container %(container)s cannot be set up: %(message)s"),
    "runs_as_root": _("The image %(image)s would run as root, or may: the pod forbids it. %(message)s"),
    "start_failed": _("The start command of container %(container)s could not be executed: %(message)s"),
    "crash_loop": _(
        "Container %(container)s exits with code %(exit_code)s after %(lived_seconds)s s, again and again "
        "(restarts: %(restarts)s)."
    ),
    "killed": _(
        "Container %(container)s is killed from outside (exit code %(exit_code)s) after %(lived_seconds)s s, "
        "again and again (restarts: %(restarts)s)."
    ),
    "init_failed": _("Init container %(container)s fails with code %(exit_code)s (restarts: %(restarts)s)."),
    "out_of_memory": _("Container %(container)s was killed for exceeding its memory limit of %(limit)s."),
    "liveness_failed": _("Container %(container)s is restarted because its liveness check fails: %(message)s"),
    "startup_failed": _(
        "Container %(container)s is killed because its start-up check %(check)s does not succeed within %(seconds)s "
        "seconds: %(message)s"
    ),
    "starting": _("Container %(container)s runs, but its start-up check %(check)s does not succeed yet: %(message)s"),
    "not_ready": _("Container %(container)s runs, but its readiness check %(check)s fails: %(message)s"),
    "init_running": _("Init container %(container)s has been running for %(seconds)s seconds."),
    "readiness_gate": _("The containers are ready, but a readiness gate of the pod is not: %(message)s"),
    "scheduling_gated": _("The pod may not be given to a node before its scheduling gates %(gates)s are lifted."),
    "unschedulable": _("No node can take the pod: %(message)s"),
    "stuck_creating": _("The pod cannot be set up on its node: %(message)s"),
    "slow_start": _("The pod has been getting ready on its node for %(seconds)s seconds."),
    "container_problem": _("Container %(container)s does not start (%(reason)s): %(message)s"),
    "evicted": _("Pods were evicted from their nodes (%(count)s): %(message)s"),
    "node_refused": _("Nodes gave pods back (%(count)s, %(reason)s): %(message)s"),
    "node_silent": _("The node %(node)s has said nothing of the pod for %(seconds)s seconds: it may be down."),
    "quota_exceeded": _("Quota %(quota)s is full: one more pod needs %(requested)s; %(used)s of %(limited)s is used."),
    "quota_needs_resources": _("Quota %(quota)s asks for values that the pod does not set: %(message)s"),
    "limit_range": _("The namespace's limits do not allow this pod: %(message)s"),
    "pod_security": _("The namespace's security level does not allow this pod: %(message)s"),
    "service_account_missing": _("The pod's service account does not exist: %(message)s"),
    "pod_refused": _("The cluster refuses to create the pod: %(message)s"),
    "pod_delayed": _("The cluster could not create the pod and tries again: %(message)s"),
    "webhook_silent": _("The cluster's webhook %(webhook)s does not answer, so no pod is created: %(message)s"),
    "controller_silent": _("The cluster's deployment controller has not reacted for %(seconds)s seconds."),
    "deadline": _("The rollout made no progress for too long: %(ready)s of %(wanted)s pods are ready."),
    "paused": _("The Deployment %(name)s is paused: no pod of this order starts before it is resumed."),
    "deleted_outside": _("The Deployment %(name)s was deleted outside the platform."),
    "changed_outside": _("Changed outside the platform by %(manager)s at %(at)s: %(fields)s"),
    "undone_outside": _(
        "Rolled back outside the platform by %(manager)s at %(at)s: what deployment %(number)s applied runs again."
    ),
    **entry.MESSAGES,
}

NEXT_STEPS: dict[str, Message] = {
    "image_name_invalid": _("Correct the image in the deployment template."),
    "image_never_pulled": _("Set imagePullPolicy to IfNotPresent in the deployment template, or leave it out."),
    "image_missing": _("Check in the registry whether the tag was removed; if so, build it again as a new order."),
    "image_refused": _("Ask the platform administrator to renew the registry's pull secret in this namespace."),
    "image_pull_failed": _("Check that the nodes can reach the registry, then deploy again."),
    "wrong_architecture": _(
        "Build the image for the architecture of the nodes; a script also needs a first line such as #!/bin/sh."
    ),
    "config_missing": _("Add the missing configuration or Secret, then review and deploy again."),
    "runs_as_root": _(
        "Write USER with a number above 0 into the Dockerfile, or runAsUser into the deployment template."
    ),
    "start_failed": _("Check the command, the file and its permissions in the start script or image."),
    "crash_loop": _("Read the last lines of the container's log; roll back if the cause is in this order."),
    "killed": _("See in the cluster's events who ended it: a health check, the node, or a signal of its own."),
    "init_failed": _("Read the log of the init container."),
    "out_of_memory": _("Raise the memory limit in the allocation, or find what needs so much."),
    "liveness_failed": _("See whether the application hangs; otherwise give the liveness check more time."),
    "startup_failed": _("Read the container's log; give the start-up check more time if the application needs it."),
    "starting": _("Wait: it fails only when the start-up check has had its time."),
    "init_running": _("Read the log of the init container: the others start when it has ended."),
    "readiness_gate": _("Ask who set the gate (a load balancer or mesh controller): it reports the pod as ready."),
    "scheduling_gated": _("Ask who set the gates: a quota or queue controller lifts them."),
    "not_ready": _("Read the container's log; check path and port of the readiness check."),
    "unschedulable": _("Lower the requests in the allocation, or ask the platform administrator for capacity."),
    "stuck_creating": _("Check the volumes and the configuration that the pod mounts."),
    "slow_start": _("Wait: pulling a large image takes time."),
    "container_problem": _("Read the cluster's message; ask the platform administrator if it is not about the image."),
    "evicted": _(
        "Ask the platform administrator about the nodes; if they ran short of memory, raise the memory request."
    ),
    "node_refused": _("Ask the platform administrator about the node; lower the requests if it is too full for them."),
    "node_silent": _("Ask the platform administrator about the node."),
    "quota_exceeded": _("Lower replicas or the allocation, or ask the platform administrator to raise the quota."),
    "quota_needs_resources": _("Set requests and limits on every container of the deployment template."),
    "limit_range": _("Bring the allocation within the limits of the namespace."),
    "pod_security": _("Remove what the message names from the deployment template."),
    "service_account_missing": _("Create the service account, or take it out of the deployment template."),
    "pod_refused": _("Read the cluster's message; ask the platform administrator."),
    "pod_delayed": _("Wait, or ask the platform administrator what the message is about."),
    "webhook_silent": _("Ask the platform administrator to check the webhook, then deploy again."),
    "controller_silent": _("Ask the platform administrator to check the cluster's controller manager."),
    "deadline": _("Look at the pods below; roll back if they do not become ready."),
    "paused": _("Run kubectl rollout resume deployment/%(name)s -n %(namespace)s."),
    "deleted_outside": _("Find out who deleted it, then deploy again."),
    "changed_outside": _("Find out why it was changed, take it into the templates if it is right, then deploy again."),
    "undone_outside": _("Find out why it was rolled back, then deploy again or roll back here."),
    **entry.NEXT_STEPS,
}


def cause_message(code: str, values: Mapping[str, object]) -> Message:
    """What is wrong, with the values of a diagnosis; an empty message for a code that is not in the set."""
    return Message(MESSAGES[code].text if code in MESSAGES else "", values)


def next_step_message(code: str, values: Mapping[str, object]) -> Message:
    """What to do about it, with the values of a diagnosis; an empty message for a code that is not in the set."""
    return Message(NEXT_STEPS[code].text if code in NEXT_STEPS else "", values)
