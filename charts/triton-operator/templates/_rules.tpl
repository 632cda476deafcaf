{{/*
What the operator may do in the namespaces it serves. Exact verbs, no wildcards, and nothing about Secrets:
pods mount them by name. Server-side apply needs `patch`, and `create` where the object may not exist yet.
*/}}
{{- define "triton-operator.namespacedRules" -}}
# The services to reconcile. Their spec belongs to the user: it is never written. `get` tells one that
# was deleted unseen from one whose status could not be written.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices]
  verbs: [get, list, watch]
# What became of them: conditions, pools, addresses.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices/status]
  verbs: [patch]
# Children name their service as owner with blockOwnerDeletion. Clusters with the admission plug-in
# OwnerReferencesPermissionEnforcement (OpenShift) allow that only to whoever may set the owner's finalizers.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices/finalizers]
  verbs: [update]
# What an inspection found is kept here by digest, so that it is found out once.
- apiGroups: [serving.triton-operator.io]
  resources: [modelprofiles]
  verbs: [get, list, watch, create, patch]
# One Deployment per pool in use; those of pools no longer in the plan are deleted.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Replicas are written through the scale subresource and nowhere else.
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
# Model files are fetched and parsed by Jobs, never by the operator.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# config.pbtxt in a ConfigMap; a Service per pool, and one over all pools.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
# One replica at a time leaves a drained node, where there is more than one.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Who may connect to the pods, where networkPolicy.enabled; and what is left of it where it is not.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# How the Prometheus operator finds the pods' metrics, where it is installed. Not watched.
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, create, patch, delete]
# Routes of spec.ingress, where the Gateway API is installed. Not watched.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes, backendtlspolicies]
  verbs: [get, list, create, patch, delete]
# A pod tells why it does not start, and an inspection answers through its termination message. The least loaded
# are marked (`controller.kubernetes.io/pod-deletion-cost`) before replicas are removed: these go first. A label says
# which pods get no new requests until their queue is short; Services select by it.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
# Transitions of a service, as `kubectl describe` shows them; never changed. Those of others are listed for single
# pods and Jobs that do not go on: only they say that a Secret is missing or a probe fails.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
# An autoscaler of somebody else on our Deployment: the operator then leaves the replicas alone and says so.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
{{- end }}

{{/* What is needed beside them with only some namespaces: cluster-wide, as their Roles go with them. */}}
{{- define "triton-operator.existenceRules" -}}
# Whether a namespace that cannot be read any more is gone, and with it what was in it: 403 does not tell.
# Only these names, and no list of others.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: {{ toJson .Values.namespaces }}
  verbs: [get]
{{- end }}

{{/* What is cluster-scoped, and therefore needed in the namespaced mode too. */}}
{{- define "triton-operator.clusterRules" -}}
# Node pools as the administrator describes them.
- apiGroups: [serving.triton-operator.io]
  resources: [servingpools]
  verbs: [list, watch]
# How many nodes a pool has, and what they offer.
- apiGroups: [serving.triton-operator.io]
  resources: [servingpools/status]
  verbs: [patch]
# Which nodes belong to a pool, their labels, taints and allocatable resources.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}

{{/* Which of several pods leads is agreed on by one Lease, in the operator's own namespace. */}}
{{- define "triton-operator.leaseRules" -}}
{{- include "triton-operator.ownLeaseRules" (include "triton-operator.fullname" .) }}
{{- end }}

{{/* The Lease of that name, in the namespace where this is granted. */}}
{{- define "triton-operator.ownLeaseRules" -}}
# The name of what is created cannot be part of a right: whoever creates is not asked for it.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
# Renewed by the pod that leads, looked at by the others.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ . }}]
  verbs: [get, update]
{{- end }}

{{/* What a fleet's agent may do in its own cluster. At the hub it has other rights, in its mailbox alone. */}}
{{- define "triton-operator.agentRules" -}}
# What the hub asks for is applied, and what is not asked for any more is deleted. Of services that are not its
# own it reads those whose names it is to use.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices]
  verbs: [get, list, watch, create, patch, delete]
# Whether a service's namespace is there, so that a missing one is said to be missing.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# How many more replicas there is room for, which the hub places by.
- apiGroups: [""]
  resources: [nodes, pods]
  verbs: [list]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list]
{{- end }}

{{/* What a fleet's hub may do. It holds every right that it gives to agents: nobody can give others. */}}
{{- define "triton-operator.hubRules" -}}
# The clusters of the fleet, and how each is.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceclusters]
  verbs: [get, list, watch]
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceclusters/status]
  verbs: [patch]
# The services that are placed, and where.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices]
  verbs: [get, list, watch]
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceservices/status]
  verbs: [patch]
# A list of endpoints beside each of them, for clients; one of that name that is somebody else's is looked at, and
# left alone. It goes with its service.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
# What each cluster is asked for. The status is the agent's: the right is held to be given.
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceworks]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [serving.triton-operator.io]
  resources: [inferenceworks/status]
  verbs: [patch]
# A mailbox for each cluster: a namespace, and an account with rights in it and nowhere else. The hub makes
# everything by server-side apply, which has the name in its address: so `create` is limited to it too.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  resourceNames: [fleet-agent]
  verbs: [create, patch]
# An agent asks for tokens of its own account, which has this name in every mailbox: the right is held to be
# given.
- apiGroups: [""]
  resources: [serviceaccounts/token]
  resourceNames: [fleet-agent]
  verbs: [create]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  resourceNames: [fleet-agent]
  verbs: [create, patch]
# Heartbeats are Leases in mailboxes, read by their name; the rights to write them are held to be given.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [fleet-agent]
  verbs: [get, list, watch, create, patch]
# What an inventory says of a cluster that names its ClusterProfile, where that kind is installed.
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles]
  verbs: [get]
# For whoever reads where a service is placed, where that kind is installed. They go with the service, and those
# that are too many are deleted.
- apiGroups: [multicluster.x-k8s.io]
  resources: [placementdecisions]
  verbs: [get, create, patch, delete]
{{- if .Values.hub.dnsDomains }}
# Names of services, for external-dns. They go with the service, or when it asks for none any more.
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [get, create, patch, delete]
{{- end }}
{{- end }}
