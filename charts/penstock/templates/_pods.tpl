{{/* What the pods of all components have alike. */}}

{{/* The metadata of a pod. (root, component, annotations: what the chart itself says) */}}
{{- define "penstock.podMetadata" -}}
{{- $values := get .root.Values .component -}}
labels:
  {{- merge (include "penstock.labels" . | fromYaml) ($values.podLabels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) ($values.podAnnotations | default dict) .annotations (include "penstock.meshAnnotations" . | fromYaml) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a mesh wants to be told by the pods; Istio's agent hands out the figures that it finds by them. */}}
{{- define "penstock.meshAnnotations" -}}
{{- if .root.Values.istio.enabled }}
proxy.istio.io/config: '{"holdApplicationUntilProxyStarts": true}'
{{- with get (dict "server" "8080" "watchdog" "8081") .component }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ . | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
{{- if .root.Values.linkerd.enabled }}
linkerd.io/inject: enabled
{{- end }}
{{- end -}}

{{/* The spec of a pod but for its containers and volumes. (root, component, replicas, token: whether it speaks to the API server) */}}
{{- define "penstock.pod" -}}
{{- $values := get .root.Values .component -}}
serviceAccountName: {{ include "penstock.account" . | quote }}
automountServiceAccountToken: {{ .token }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
securityContext:
  {{- $values.podSecurityContext | default .root.Values.podSecurityContext | toYaml | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else if gt (int .replicas) 1 }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "penstock.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- with $values.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the container of a component has. (root, component, env: the chart's own variables, mounts) */}}
{{- define "penstock.container" -}}
{{- $values := get .root.Values .component -}}
image: {{ include "penstock.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- $values.securityContext | default .root.Values.securityContext | toYaml | nindent 2 }}
env:
  {{- concat (list (dict "name" "HOME" "value" "/tmp")) .env ($values.extraEnv | default list) | toYaml | nindent 2 }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
volumeMounts:
  {{- concat (list (dict "name" "tmp" "mountPath" "/tmp")) .mounts ($values.extraVolumeMounts | default list) | toYaml | nindent 2 }}
{{- end -}}

{{/* A variable whose value is in a Secret: (name, secret) with secret.existingSecret and secret.key, or none. */}}
{{- define "penstock.secretVariable" -}}
{{- with .secret.existingSecret }}
- name: {{ $.name }}
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: {{ $.secret.key | quote }}
{{- end }}
{{- end -}}

{{/* A volume with one key of a Secret: (name, secret) with secret.existingSecret and secret.key. */}}
{{- define "penstock.secretVolume" -}}
- name: {{ .name }}
  secret:
    secretName: {{ .secret.existingSecret | quote }}
    items:
      - key: {{ .secret.key | quote }}
        path: {{ .name }}
{{- end -}}

{{- define "penstock.catalogName" -}}
{{- if .Values.catalog.existingConfigMap -}}
{{- .Values.catalog.existingConfigMap -}}
{{- else if .Values.catalog.inline -}}
{{- printf "%s-catalog" (include "penstock.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* The catalog's volume, where there is a catalog. The service and its runners see it at the same path. */}}
{{- define "penstock.catalogVolume" -}}
{{- with include "penstock.catalogName" . }}
- name: catalog
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "penstock.catalogMount" -}}
{{- if include "penstock.catalogName" . }}
- name: catalog
  mountPath: /etc/penstock/catalog
  readOnly: true
{{- end }}
{{- end -}}
