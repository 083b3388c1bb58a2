{{/* Who may do what, by files/rights.yaml, which is written from the code's own table. */}}

{{/* Whether the service speaks to the API server: true or false. */}}
{{- define "penstock.server.asksCluster" -}}
{{- $reviews := eq .Values.auth.mode "kubernetes" -}}
{{- $reads := ne .Values.auth.verifyHooks "off" -}}
{{- $runs := and (not .Values.runner.apart) (or .Values.jobs.enabled .Values.runner.rules) -}}
{{- ternary "true" "false" (or $reviews $reads (ne .Values.prometheus.url "") (not (not $runs))) -}}
{{- end -}}
