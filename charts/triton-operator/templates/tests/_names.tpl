{{/* A namespace that the operator serves: the release's own, if it is one of them. */}}
{{- define "triton-operator.testNamespace" -}}
{{- if or (not .Values.namespaces) (has .Release.Namespace .Values.namespaces) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- first .Values.namespaces -}}
{{- end -}}
{{- end }}

{{/* Another component than the operator's, whose metrics Service must not find the test's pod. */}}
{{- define "triton-operator.testSelector" -}}
app.kubernetes.io/name: {{ include "triton-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end }}

{{- define "triton-operator.testLabels" -}}
{{ merge (include "triton-operator.testSelector" . | fromYaml) (include "triton-operator.labels" . | fromYaml) | toYaml }}
{{- end }}

{{/* Annotations of a hook; called with its weight. */}}
{{- define "triton-operator.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
