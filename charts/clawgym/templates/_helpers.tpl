{{/* Name that all objects start with. */}}
{{- define "clawgym.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "clawgym" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-clawgym" (.Release.Name | trunc 32 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "clawgym.server" -}}{{ include "clawgym.fullname" . }}-server{{- end -}}
{{- define "clawgym.operator" -}}{{ include "clawgym.fullname" . }}-operator{{- end -}}

{{/* Labels by which pods of a component are found: (list $ "server"). They never change. */}}
{{- define "clawgym.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: clawgym
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of a component's pods: another version of the chart alone restarts nothing. */}}
{{- define "clawgym.podLabels" -}}
{{ include "clawgym.selector" . }}
app.kubernetes.io/part-of: clawgym
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* All labels of a component's objects: (list $ "server"). */}}
{{- define "clawgym.labels" -}}
{{- $root := index . 0 -}}
{{ include "clawgym.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: clawgym
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Reference of an image: (list $ "server"). */}}
{{- define "clawgym.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- $registry := $root.Values.image.registry | trimSuffix "/" -}}
{{- $name := ternary $image.repository (printf "%s/%s" $registry $image.repository) (eq $registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (coalesce $image.tag $root.Values.image.tag $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Namespaces with runs, as a YAML list. */}}
{{- define "clawgym.namespaces" -}}
{{- toYaml (.Values.namespaces | default (list .Release.Namespace) | sortAlpha) -}}
{{- end -}}

{{/* Pod fields that both programs share: (list $ values). */}}
{{- define "clawgym.placement" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with index . 1 }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Security of a pod under the profile "restricted". */}}
{{- define "clawgym.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
fsGroup: 65534
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "clawgym.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* Probes of the operations listener. A busy program is never restarted for it: five minutes. */}}
{{- define "clawgym.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: ops
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 90
readinessProbe:
  httpGet:
    path: /readyz
    port: ops
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet:
    path: /healthz
    port: ops
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 15
{{- end -}}
