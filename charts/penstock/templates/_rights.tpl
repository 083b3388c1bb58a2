{{/* Who may do what, by files/rights.yaml, which is written from the code's own table. */}}

{{/* Whether the service speaks to the API server: true or false. */}}
{{- define "penstock.asksCluster" -}}
{{- $runs := and (not .Values.runner.apart) (or .Values.jobs.enabled .Values.runner.rules) -}}
{{- if or (eq .Values.auth.mode "kubernetes") (ne .Values.auth.verifyHooks "off") .Values.prometheus.url $runs }}true{{ else }}false{{ end -}}
{{- end -}}

{{/* What a release needs in the namespace of its canary, by the providers that are named. */}}
{{- define "penstock.releaseRules" -}}
{{- $rights := (.Files.Get "files/rights.yaml" | fromYaml).release -}}
{{- $rules := $rights.always -}}
{{- if .Values.releases.secrets }}{{ $rules = concat $rules $rights.secrets }}{{ end -}}
{{- range .Values.releases.providers }}{{ $rules = concat $rules (get $rights.providers . | default list) }}{{ end -}}
{{- $rules | uniq | toYaml -}}
{{- end -}}

{{/* What it needs besides of objects that lie in no namespace. */}}
{{- define "penstock.releaseClusterRules" -}}
{{- $rights := (.Files.Get "files/rights.yaml" | fromYaml).release -}}
{{- $rules := list -}}
{{- range .Values.releases.providers }}{{ $rules = concat $rules (get $rights.clusterProviders . | default list) }}{{ end -}}
{{- $rules | uniq | toYaml -}}
{{- end -}}

{{/* Give a component's account rules in each namespace of canaries, or in all. (root, component, suffix, rules,
     namespaces; home: the namespace of the account where it is not the release's) */}}
{{- define "penstock.grant" -}}
{{- $root := .root -}}
{{- $labels := include "penstock.labels" . -}}
{{- $account := include "penstock.account" . -}}
{{- $name := printf "%s-%s" (include "penstock.clusterName" $root) .suffix -}}
{{- $given := . -}}
{{- range $namespace := .namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRole" "Role" (empty $namespace) }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- $labels | nindent 4 }}
rules:
  {{- toYaml $given.rules | nindent 2 }}
---
{{- $home := $given.home | default $root.Release.Namespace }}
{{- include "penstock.binding" (dict
  "root" $root "labels" $labels "name" $name "namespace" $namespace "account" $account "home" $home
) }}
{{- end }}
{{- end -}}

{{/* Bind a role to an account. (root, labels, name, namespace, account, home; role: where it has another name) */}}
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
    namespace: {{ .home | default .root.Release.Namespace | quote }}
{{- end -}}
