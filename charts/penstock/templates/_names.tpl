{{/* How things are called. A component is server, runner or watchdog. */}}

{{- define "penstock.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "penstock.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "penstock.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "penstock.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of a component's objects: the service's own are called as the release is. (root, component) */}}
{{- define "penstock.componentName" -}}
{{- $name := include "penstock.fullname" .root -}}
{{- if eq .component "server" }}{{ $name }}{{ else }}{{ printf "%s-%s" $name .component }}{{ end -}}
{{- end -}}

{{/* The name of an object of the whole cluster: two releases of one name in two namespaces must not meet. */}}
{{- define "penstock.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "penstock.fullname" .) -}}
{{- end -}}

{{/* The labels by which the pods of a component are found. (root, component) */}}
{{- define "penstock.selector" -}}
app.kubernetes.io/name: {{ include "penstock.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The labels of an object. (root, component) */}}
{{- define "penstock.labels" -}}
{{- $own := include "penstock.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "penstock" -}}
{{- $_ := set $own "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- merge $own (.root.Values.commonLabels | default dict) | toYaml -}}
{{- end -}}

{{/* The account of a component; that of Argo's plugin has the name that Argo expects. (root, component) */}}
{{- define "penstock.account" -}}
{{- if eq .component "plugin" -}}
penstock-executor-plugin
{{- else -}}
{{- $values := get .root.Values .component -}}
{{- $own := include "penstock.componentName" (dict "root" .root "component" .component) -}}
{{- if eq .component "server" }}{{ $own = printf "%s-server" $own }}{{ end -}}
{{- $values.serviceAccount.name | default (ternary $own "default" $values.serviceAccount.create) -}}
{{- end -}}
{{- end -}}

{{- define "penstock.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Where the service is, as the pods of this release see it. */}}
{{- define "penstock.url" -}}
{{- printf "http://%s.%s" (include "penstock.fullname" .) .Release.Namespace -}}
{{- if ne (int .Values.service.port) 80 }}{{ printf ":%v" .Values.service.port }}{{ end -}}
{{- end -}}
