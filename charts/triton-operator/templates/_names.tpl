{{- define "triton-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* Name of the release's objects: at most 50 characters, so that a suffix still fits into 63. */}}
{{- define "triton-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Cluster-scoped names carry the namespace: releases of one name in two namespaces must not collide. */}}
{{- define "triton-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "triton-operator.fullname" .) -}}
{{- end }}

{{- define "triton-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "triton-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* An image's reference, from `registry` instead of its own where that is not empty. */}}
{{- define "triton-operator.fromRegistry" -}}
{{- if .registry -}}
{{- $first := first (splitList "/" .image) -}}
{{- $hasOwn := and (contains "/" .image) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- printf "%s/%s" .registry (ternary (trimPrefix (printf "%s/" $first) .image) .image $hasOwn) -}}
{{- else -}}
{{- .image -}}
{{- end -}}
{{- end }}

{{- define "triton-operator.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- $repository := include "triton-operator.fromRegistry" (dict "registry" $registry "image" .Values.image.repository) -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" $repository .digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Triton's image for `cpu` or `gpu`; called with (list $ "cpu"). */}}
{{- define "triton-operator.tritonImage" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values.triton (index . 1)).image -}}
{{- include "triton-operator.fromRegistry" (dict "registry" $root.Values.global.imageRegistry "image" $image) -}}
{{- end }}

{{/* The ConfigMap in the release's namespace with the trust bundle; empty where there is none. */}}
{{- define "triton-operator.trustConfigMap" -}}
{{- $pem := trim .Values.trustBundle.pem -}}
{{- if and $pem .Values.trustBundle.configMap.name -}}
{{- fail "trustBundle.pem and trustBundle.configMap.name exclude each other: set one of them" -}}
{{- end -}}
{{- if $pem -}}
{{- printf "%s-trust" (include "triton-operator.fullname" .) -}}
{{- else -}}
{{- .Values.trustBundle.configMap.name -}}
{{- end -}}
{{- end }}

{{/* The volume with the trust bundle, as an item of a list. */}}
{{- define "triton-operator.trustVolume" -}}
- name: trust
  configMap:
    name: {{ include "triton-operator.trustConfigMap" . }}
    items:
      - key: {{ ternary "ca.crt" .Values.trustBundle.configMap.key (ne (trim .Values.trustBundle.pem) "") }}
        path: ca.crt
{{- end }}

{{/* Whether files for a Prometheus are mounted: its token, its authorities, its headers. */}}
{{- define "triton-operator.prometheusFiles" -}}
{{- with .Values.autoscaling.prometheus -}}
{{- $files := or .tokenSecret.name .caConfigMap.name .headersSecret.name -}}
{{- if and (not .url) (or $files .matchers) -}}
{{- fail "autoscaling.prometheus.url: is empty, so that nothing else about a Prometheus has an effect" -}}
{{- end -}}
{{- if ne (empty .headersSecret.name) (empty .headersSecret.keys) -}}
{{- fail "autoscaling.prometheus.headersSecret: needs name and keys, or none of them" -}}
{{- end -}}
{{- if $files -}}true{{- end -}}
{{- end -}}
{{- end }}

{{/* The component keeps the pods of an InferenceService that happens to be named like this release out. */}}
{{- define "triton-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "triton-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* The operator's own pods, as a NetworkPolicy names them. */}}
{{- define "triton-operator.ownPeer" -}}
{{- $namespace := dict "kubernetes.io/metadata.name" .Release.Namespace -}}
{{- $pods := include "triton-operator.selectorLabels" . | fromYaml -}}
{{- dict "namespaceSelector" (dict "matchLabels" $namespace) "podSelector" (dict "matchLabels" $pods) | toJson -}}
{{- end }}

{{- define "triton-operator.labels" -}}
{{ include "triton-operator.selectorLabels" . }}
app.kubernetes.io/part-of: triton-operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
