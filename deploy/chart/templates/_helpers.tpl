{{- define "thwart.labels" -}}
app.kubernetes.io/name: thwart-admission
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "thwart.digest" -}}
{{- if not (regexMatch "^sha256:[0-9a-f]{64}$" (.Values.image.digest | default "")) }}
{{- fail "image.digest is not set: name the image that shall run, --set image.digest=sha256:…" }}
{{- end }}
{{- .Values.image.digest }}
{{- end }}

{{- define "thwart.authority" -}}
{{ .Values.authority.secret | default "thwart-admission-authority" }}
{{- end }}

{{- /* The authority that is there already, else a new one: made once, as every template is rendered from the same values. */}}
{{- define "thwart.made" -}}
{{- if not (hasKey .Values "_made") }}
{{- $old := lookup "v1" "Secret" .Release.Namespace "thwart-admission-authority" }}
{{- if $old }}
{{- $_ := set .Values "_made" (dict "certificate" (index $old.data "ca.crt") "key" (index $old.data "ca.key")) }}
{{- else }}
{{- $new := genCA "thwart admission" 3650 }}
{{- $_ := set .Values "_made" (dict "certificate" ($new.Cert | b64enc) "key" ($new.Key | b64enc)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "thwart.bundle" -}}
{{- if .Values.authority.secret }}
{{- required "authority.certificate is needed with authority.secret" .Values.authority.certificate | b64enc }}
{{- else }}
{{- include "thwart.made" . }}
{{- .Values._made.certificate }}
{{- end }}
{{- end }}

{{- define "thwart.webhook" -}}
admissionReviewVersions: [v1]
sideEffects: NoneOnDryRun
failurePolicy: {{ .Values.failurePolicy }}
timeoutSeconds: {{ .Values.timeoutSeconds }}
matchPolicy: Equivalent
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ concat (list .Release.Namespace "kube-system" "kube-public" "kube-node-lease") .Values.exemptNamespaces | toJson }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [deployments, replicasets, daemonsets, statefulsets]
    scope: Namespaced
  - apiGroups: [batch]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [jobs, cronjobs]
    scope: Namespaced
matchConditions:
  # what goes away must be able to, whatever it is
  - name: not-deleted
    expression: "!has(object.metadata.deletionTimestamp)"
  # a label or a finalizer must not wait for an answer
  - name: changed
    expression: >-
      request.operation == "CREATE" || !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec
{{- end }}
