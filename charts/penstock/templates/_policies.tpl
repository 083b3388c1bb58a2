{{/* Parts of the network policies: lists of rules, or of peers. */}}

{{- define "penstock.namespaces" -}}
{{- range . }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* What every pod may do: ask for names, which OpenShift's pods answer at 5353, and keep its sidecar in touch. */}}
{{- define "penstock.basicEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
    - {port: 5353, protocol: UDP}
    - {port: 5353, protocol: TCP}
{{- if .Values.istio.enabled }}
- to:
    {{- include "penstock.namespaces" (list .Values.istio.namespace) | nindent 4 }}
  ports:
    - {port: 15012, protocol: TCP}
{{- end }}
{{- if .Values.linkerd.enabled }}
- to:
    {{- include "penstock.namespaces" (list .Values.linkerd.namespace) | nindent 4 }}
  ports:
    - {port: 8080, protocol: TCP}
    - {port: 8086, protocol: TCP}
    - {port: 8090, protocol: TCP}
{{- end }}
{{- end -}}

{{/* The API server is no pod: it is known by networks and ports alone. */}}
{{- define "penstock.apiServerEgress" -}}
{{- with .Values.networkPolicy.apiServer }}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- if .cidrs }}
  to:
    {{- range .cidrs }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where tests go: to the pods of the canaries, at any port. */}}
{{- define "penstock.testsEgress" -}}
- to:
    {{- if .Values.canaryNamespaces }}
    {{- include "penstock.namespaces" .Values.canaryNamespaces | nindent 4 }}
    {{- else }}
    - namespaceSelector: {}
    {{- end }}
{{- with .Values.networkPolicy.extraRunnerEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A port, and those by which a mesh brings what is meant for it. (root, port) */}}
{{- define "penstock.meshedPorts" -}}
- {port: {{ .port }}, protocol: TCP}
{{- if .root.Values.linkerd.enabled }}
- {port: 4143, protocol: TCP}
{{- end }}
{{- end -}}

{{/* Who may read figures, and at which ports. (root, port) */}}
{{- define "penstock.figuresIngress" -}}
- from:
    {{- include "penstock.namespaces" .root.Values.networkPolicy.prometheus | nindent 4 }}
  ports:
    {{- include "penstock.meshedPorts" . | nindent 4 }}
    {{- if .root.Values.istio.enabled }}
    - {port: 15020, protocol: TCP}
    {{- end }}
{{- end -}}
