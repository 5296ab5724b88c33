"""Why well-known kinds and fields are not allowed, for the person who wrote them."""

from __future__ import annotations

from deployer.messages import Message
from deployer.messages import message as _

_NO_OTHER_WORKLOAD = _("A component is one Deployment: the platform follows, scales and rolls back nothing else.")
_NOT_BY_TEMPLATE = _("Only administrators of the cluster make it.")
_BY_PLATFORM = _("The platform makes it for the space.")

WHY_NOT_KIND: dict[str, Message] = {
    **dict.fromkeys(("StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"), _NO_OTHER_WORKLOAD),
    **dict.fromkeys(("Job", "CronJob"), _NO_OTHER_WORKLOAD),
    **dict.fromkeys(("DeploymentConfig", "Rollout"), _("Write a Deployment of apps/v1 instead.")),
    "Secret": _("Make the Secret in the namespace, and name it and its key in the component's configuration."),
    "SealedSecret": _("Make the Secret in the namespace, and name it and its key in the component's configuration."),
    "ExternalSecret": _("Make the Secret in the namespace, and name it and its key in the component's configuration."),
    "List": _("Write each of its items as a document of its own, with --- between them."),
    **dict.fromkeys(("Namespace", "ResourceQuota", "LimitRange"), _BY_PLATFORM),
    **dict.fromkeys(
        (
            *("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount", "NetworkPolicy"),
            *("PersistentVolume", "StorageClass", "PriorityClass", "RuntimeClass", "CustomResourceDefinition"),
            *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService", "Node", "Endpoints"),
            *("EndpointSlice", "PodSecurityPolicy", "IngressClass"),
        ),
        _NOT_BY_TEMPLATE,
    ),
    "ServiceMonitor": _("Annotations prometheus.io/scrape, port and path on the pods tell Prometheus the same."),
    "PodMonitor": _("Annotations prometheus.io/scrape, port and path on the pods tell Prometheus the same."),
    "Kustomization": _("Write out what kustomize would make."),
    **dict.fromkeys(("Gateway", "HTTPRoute", "VirtualService", "Route"), _("Write an Ingress instead.")),
}

_HOST = _("it reaches out of the pod into its node")
_RIGHTS = _("it changes what the container may do on its node")
_SCHEDULER = _("which node a pod runs on, and before whom, is for the cluster to decide")
_SERVER = _("the cluster writes it itself, as in what kubectl get -o yaml prints: leave it out")
_DNS = _("it gives names of the network another meaning for this pod")
_ADDRESS = _("the cluster chooses addresses, and nobody may take another's")

WHY_NOT_FIELD: dict[str, Message] = {
    **dict.fromkeys(("hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostPort", "hostIP", "hostPath"), _HOST),
    **dict.fromkeys(
        ("procMount", "sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions", "supplementalGroupsPolicy"),
        _RIGHTS,
    ),
    "add": _("capabilities may only be dropped"),
    "shareProcessNamespace": _("the containers of a pod could read each other's memory and environment"),
    **dict.fromkeys(
        ("nodeName", "priorityClassName", "priority", "preemptionPolicy", "schedulerName", "runtimeClassName"),
        _SCHEDULER,
    ),
    **dict.fromkeys(("dnsConfig", "hostAliases"), _DNS),
    **dict.fromkeys(("externalIPs", "loadBalancerIP", "clusterIPs", "externalName"), _ADDRESS),
    "loadBalancerSourceRanges": _("only administrators of the cluster open it to the outside"),
    "serviceAccount": _("it is the old name of serviceAccountName"),
    **dict.fromkeys(
        (
            *("status", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"),
            *("ownerReferences", "finalizers", "deletionTimestamp", "deletionGracePeriodSeconds"),
        ),
        _SERVER,
    ),
    "generateName": _("an object needs the same name at every deployment: write name"),
    "paused": _("a paused Deployment never comes to an end"),
    "matchExpressions": _("write matchLabels"),
    "ephemeralContainers": _("the cluster takes them only for debugging a pod that runs"),
    "volumeDevices": _("devices of the node are not given to pods"),
    **dict.fromkeys(
        (
            *(
                "nfs",
                "csi",
                "iscsi",
                "rbd",
                "cephfs",
                "glusterfs",
                "vsphereVolume",
                "ephemeral",
                "flexVolume",
                "cinder",
            ),
            *("awsElasticBlockStore", "gcePersistentDisk", "azureDisk", "azureFile", "fc", "gitRepo", "portworxVolume"),
        ),
        _("a pod reaches storage by a volume claim"),
    ),
    **dict.fromkeys(
        ("nvidia.com/gpu", "amd.com/gpu"), _("allocations have CPU and memory only: devices of nodes are not given out")
    ),
    "serviceAccountToken": _("a pod may not have a token for the cluster's API"),
    "immutable": _("the platform names each content of a ConfigMap differently already"),
    "defaultBackend": _("it would answer for every host"),
    **dict.fromkeys(("claims", "resourceClaims"), _("devices of the node are not given to pods")),
    **dict.fromkeys(("volumeName", "dataSource", "dataSourceRef"), _("a claim may not take another's volume or data")),
}
