{{/* What the operator does in a namespace with runs. Beside our own kinds nothing that `admin` lacks. */}}
{{- define "clawgym.operatorRules" -}}
- apiGroups: [clawgym.io]
  resources: [benchruns, clawtasks, rolloutbatches, synthesisjobs, trainingruns, trainingruntimes]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
- apiGroups: [clawgym.io]
  resources: [benchruns/status, clawtasks/status, rolloutbatches/status, synthesisjobs/status, trainingruns/status]
  verbs: [get, update, patch]
# Children block the deletion of their owner.
- apiGroups: [clawgym.io]
  resources: [benchruns/finalizers, clawtasks/finalizers, rolloutbatches/finalizers, synthesisjobs/finalizers, trainingruns/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
# Creates: dry runs that ask whether the namespace enforces `restricted`, the probe of its network, and
# the pod that reads tasks from a volume.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete, deletecollection]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
# A NodePort service that the probe of the network should try; by which trainers of several nodes find
# each other.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, create]
# Whether the volume that a run names is there.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Why a Job could make no pod stands in its events alone.
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [get, list, watch]
{{- end -}}

{{/* Who is asking: the server looks at the pod that a token names. */}}
{{- define "clawgym.serverRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
{{- end -}}

{{/* Upstream Secrets, by name: no list, no watch. */}}
{{- define "clawgym.upstreamRules" -}}
- apiGroups: [""]
  resources: [secrets]
  {{- with .Values.server.upstreamSecrets }}
  resourceNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  verbs: [get]
{{- end -}}
