{{/* Who may do what, by files/rights.yaml, which is written from the code's own table. */}}

{{/* Whether the service speaks to the API server: true or false. */}}
{{- define "penstock.asksCluster" -}}
{{- $runs := and (not .Values.runner.apart) (or .Values.jobs.enabled .Values.runner.rules) -}}
{{- if or (eq .Values.auth.mode "kubernetes") (ne .Values.auth.verifyHooks "off") .Values.prometheus.url $runs }}true{{ else }}false{{ end -}}
{{- end -}}

{{/* Give a component's account rules in each namespace of canaries, or in all. (root, component, suffix, rules) */}}
{{- define "penstock.grant" -}}
{{- $labels := include "penstock.labels" . -}}
{{- $account := include "penstock.account" . -}}
{{- $root := .root -}}
{{- $rules := .rules -}}
{{- $suffix := .suffix -}}
{{- range $namespace := .namespaces | default (list "") }}
{{- $name := include "penstock.clusterName" $root }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRole" "Role" (empty $namespace) }}
metadata:
  name: {{ $name }}-{{ $suffix }}
  {{- with $namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- $labels | nindent 4 }}
rules:
  {{- toYaml $rules | nindent 2 }}
---
{{- include "penstock.binding" (dict
  "root" $root "labels" $labels "name" (printf "%s-%s" $name $suffix) "namespace" $namespace "account" $account
) }}
{{- end }}
{{- end -}}

{{/* Bind a role to an account of this release. (root, labels, name, namespace, account, role: where it has another name) */}}
{{- define "penstock.binding" }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRoleBinding" "RoleBinding" (empty .namespace) }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- .labels | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "ClusterRole" "Role" (empty .namespace) }}
  name: {{ .role | default .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account | quote }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
