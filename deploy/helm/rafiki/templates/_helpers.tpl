{{/* Names and labels. */}}
{{- define "rafiki.name" -}}
{{ printf "%s-%s" .Release.Name .component | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rafiki.selector" -}}
app.kubernetes.io/name: rafiki
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "rafiki.labels" -}}
{{ include "rafiki.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "rafiki.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{/* What every pod is refused: root, new privileges, a writable image. */}}
{{- define "rafiki.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "rafiki.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* One secret of the operator's Secret as a variable. */}}
{{- define "rafiki.secret" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: {{ .name }}}}
{{- end }}

{{- define "rafiki.settings" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}
