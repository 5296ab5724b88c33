"""The texts of a diagnosis, marked for translation: the engine holds them as plain English data.

``releases.views.shown.words`` translates ``deployer.verdict``'s texts by their English wording; the extraction of
msgids reads source code and so finds them here. A test holds the two equal.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

SENTENCES: tuple[str, ...] = (
    _("The image name %(image)s is not valid."),
    _("The image %(image)s does not exist in the registry."),
    _("The registry refused the cluster's credentials for the image %(image)s."),
    _("The image %(image)s cannot be pulled: %(message)s"),
    _("Container %(container)s cannot be set up: %(message)s"),
    _("The start command of container %(container)s could not be executed: %(message)s"),
    _(
        "Container %(container)s exits with code %(exit_code)s after %(lived_seconds)s s, again "
        "and again (%(restarts)s restarts)."
    ),
    _("Init container %(container)s fails with code %(exit_code)s (%(restarts)s restarts)."),
    _("Container %(container)s was killed for exceeding its memory limit of %(limit)s."),
    _("Container %(container)s is restarted because its liveness check fails: %(message)s"),
    _("Container %(container)s runs, but its readiness check %(check)s does not succeed: %(message)s"),
    _("No node can take the pod: %(message)s"),
    _("The pod cannot be set up on its node: %(message)s"),
    _("The pod has been getting ready on its node for %(seconds)s s."),
    _("Container %(container)s does not start (%(reason)s): %(message)s"),
    _("%(count)s pods were put off their nodes: %(message)s"),
    _("Quota %(quota)s is full: one more pod needs %(requested)s, used are %(used)s of %(limited)s."),
    _("Quota %(quota)s demands values that the pod does not have: %(message)s"),
    _("The namespace's limits do not allow this pod: %(message)s"),
    _("The namespace's security level does not allow this pod: %(message)s"),
    _("The pod's service account does not exist: %(message)s"),
    _("The cluster refuses to create the pod: %(message)s"),
    _("The cluster's deployment controller has not reacted for %(seconds)s s."),
    _("The rollout made no progress for too long: %(ready)s of %(wanted)s pods are ready."),
    _("The Deployment %(name)s was deleted outside the platform."),
)

NEXT_STEPS: tuple[str, ...] = (
    _("Correct the image in the deployment template."),
    _("Check in the registry whether the tag was removed; if so, build it again as a new order."),
    _("Ask the platform administrator to renew the registry's pull secret in this namespace."),
    _("Check that the nodes can reach the registry, then deploy again."),
    _("Add the missing configuration or Secret, then review and deploy again."),
    _("Check the command, the file and its permissions in the start script or image."),
    _("Read the last lines of the container's log below; roll back if the cause is in this order."),
    _("Read the log of the init container below."),
    _("Raise the memory limit in the allocation, or find what needs so much."),
    _("See whether the application hangs; otherwise give the liveness check more time."),
    _("Read the container's log; check path and port of the readiness check."),
    _("Lower the requests in the allocation, or ask the platform administrator for room."),
    _("Check the volumes and the configuration that the pod mounts."),
    _("Wait; a large image takes its time to be pulled."),
    _("Read the cluster's message; ask the platform administrator if it is not about the image."),
    _("Ask the platform administrator about the nodes; raise the memory request if they ran short of memory."),
    _("Lower replicas or the allocation, or ask the platform administrator to raise the quota."),
    _("Set requests and limits on every container of the deployment template."),
    _("Bring the allocation within the limits of the namespace."),
    _("Remove what the message names from the deployment template."),
    _("Create the service account, or take it out of the deployment template."),
    _("Read the cluster's message; ask the platform administrator."),
    _("Ask the platform administrator to check the cluster's controller manager."),
    _("Look at the pods below; roll back if they do not become ready."),
    _("Find out who deleted it, then deploy again."),
)
