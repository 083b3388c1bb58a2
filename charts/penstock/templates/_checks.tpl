{{/* What no schema can say: values that do not go together. Each message names them and the way out. */}}

{{- define "penstock.check" -}}
{{- $values := .Values -}}
{{- if and (gt (int $values.replicaCount) 1) (not $values.postgresql.existingSecret) -}}
{{- fail (printf "replicaCount: %v replicas cannot share a SQLite file; name a Secret with a PostgreSQL URL in postgresql.existingSecret, or set replicaCount: 1" $values.replicaCount) -}}
{{- end -}}
{{- if and (gt (int $values.replicaCount) 1) $values.prometheus.url -}}
{{- fail "prometheus.url: the judge keeps its cases in the folder of one service; set replicaCount: 1, or leave prometheus.url out" -}}
{{- end -}}
{{- if and (eq $values.auth.mode "tokens") (not $values.auth.tokens.existingSecret) -}}
{{- fail "auth.mode: tokens needs auth.tokens.existingSecret; make the file with: penstock token NAME --file tokens, and the Secret with: kubectl create secret generic NAME --from-file tokens" -}}
{{- end -}}
{{- if and $values.runner.apart (not (has $values.auth.mode (list "kubernetes" "tokens"))) -}}
{{- fail (printf "runner.apart: a runner apart needs a token, which auth.mode %s does not know; set auth.mode to kubernetes or tokens, or runner.apart: false" $values.auth.mode) -}}
{{- end -}}
{{- if and $values.runner.apart (eq $values.auth.mode "tokens") (not $values.runner.token.existingSecret) -}}
{{- fail "runner.token.existingSecret: with auth.mode tokens the runner needs one; make it with: penstock token runner --scopes runner --file tokens" -}}
{{- end -}}
{{- if and (index $values.settings "proxy-user-header") (not (index $values.settings "proxy-from")) -}}
{{- fail (printf "settings.proxy-user-header: %s from anybody? name the networks of the proxies in settings.proxy-from" (index $values.settings "proxy-user-header")) -}}
{{- end -}}
{{- if and $values.catalog.existingConfigMap (or $values.catalog.inline $values.catalog.files) -}}
{{- fail "catalog: inline and files stand in a ConfigMap of the chart; leave them out, or catalog.existingConfigMap" -}}
{{- end -}}
{{- if and $values.catalog.files (not $values.catalog.inline) -}}
{{- fail "catalog.files: files lie beside a catalog; give one in catalog.inline" -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) -}}
{{- fail "ingress.host: name the host under which browsers find the pages" -}}
{{- end -}}
{{- if and $values.argo.plugin.enabled (not $values.canaryNamespaces) -}}
{{- fail "argo.plugin.enabled: the plugin's account stands in the namespaces of the workflows; name them in canaryNamespaces" -}}
{{- end -}}
{{- if and $values.istio.enabled $values.linkerd.enabled -}}
{{- fail "istio.enabled and linkerd.enabled: a pod is in one mesh; leave one of them out" -}}
{{- end -}}
{{- end -}}
