{{/* Labels of a fleet's part, called with (list $ "hub"): a name of its own, or the operator's selectors would
match its pods too. */}}
{{- define "triton-operator.fleetSelectorLabels" -}}
app.kubernetes.io/name: {{ include "triton-operator.name" (index . 0) }}-{{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "triton-operator.fleetLabels" -}}
{{- $own := include "triton-operator.fleetSelectorLabels" . | fromYaml -}}
{{- $component := dict "app.kubernetes.io/component" (index . 1) -}}
{{- toYaml (merge $own $component (include "triton-operator.labels" (index . 0) | fromYaml)) -}}
{{- end }}

{{/* Name of the objects of a fleet's part, and of its cluster-wide ones; called with (list $ "hub"). */}}
{{- define "triton-operator.fleetName" -}}
{{- printf "%s-%s" (include "triton-operator.fullname" (index . 0)) (index . 1) -}}
{{- end }}

{{- define "triton-operator.fleetClusterName" -}}
{{- printf "%s-%s" (include "triton-operator.clusterName" (index . 0)) (index . 1) -}}
{{- end }}

{{/* The account of a fleet's part, and its rights in the whole cluster: (list $ "hub" RULES). */}}
{{- define "triton-operator.fleetAccount" -}}
{{- $root := index . 0 }}
{{- $part := list $root (index . 1) -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "triton-operator.fleetName" $part }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "triton-operator.fleetLabels" $part | nindent 4 }}
automountServiceAccountToken: false
{{- if $root.Values.rbac.create }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "triton-operator.fleetClusterName" $part }}
  labels:
    {{- include "triton-operator.fleetLabels" $part | nindent 4 }}
rules:
  {{- index . 2 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "triton-operator.fleetClusterName" $part }}
  labels:
    {{- include "triton-operator.fleetLabels" $part | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "triton-operator.fleetClusterName" $part }}
subjects:
  - kind: ServiceAccount
    name: {{ include "triton-operator.fleetName" $part }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
{{- end }}

{{/* The Deployment of a fleet's part: (list $ "hub" ARGS VOLUMES MOUNTS). One at a time: the old one is gone
before the new one starts. */}}
{{- define "triton-operator.fleetDeployment" -}}
{{- $root := index . 0 }}
{{- $part := list $root (index . 1) -}}
{{- /* The hub asks endpoints of clusters whether they answer; an agent asks its hub, whose kubeconfig says whom to trust. */}}
{{- $trust := and (eq (index . 1) "hub") (include "triton-operator.trustConfigMap" $root) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "triton-operator.fleetName" $part }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "triton-operator.fleetLabels" $part | nindent 4 }}
spec:
  replicas: 1
  strategy:
    type: Recreate
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      {{- include "triton-operator.fleetSelectorLabels" $part | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "triton-operator.fleetLabels" $part | nindent 8 }}
    spec:
      serviceAccountName: {{ include "triton-operator.fleetName" $part }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: 40
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        {{- with $root.Values.runAsUser }}
        runAsUser: {{ int64 . }}
        runAsGroup: {{ int64 . }}
        {{- end }}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ index . 1 }}
          image: {{ include "triton-operator.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [triton-operator]
          args:
            - {{ index . 1 }}
            - --log-format={{ $root.Values.logFormat }}
            {{- index . 2 | nindent 12 }}
          env:
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            {{- if $trust }}
            - name: SSL_CERT_FILE
              value: /trust/ca.crt
            {{- end }}
          {{- if eq (index . 1) "hub" }}
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          startupProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 20
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 3
          {{- end }}
          {{- with $root.Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          terminationMessagePolicy: FallbackToLogsOnError
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- if $trust }}
            - name: trust
              mountPath: /trust
              readOnly: true
            {{- end }}
            {{- with index . 4 }}
            {{- . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 16Mi
        {{- if $trust }}
        {{- include "triton-operator.trustVolume" $root | nindent 8 }}
        {{- end }}
        {{- with index . 3 }}
        {{- . | nindent 8 }}
        {{- end }}
{{- end }}
