import { dump } from 'js-yaml';
import type { Resource } from '../src/api/define-resource.ts';
import { GROUP } from '../src/api/group.ts';
import { toCrd } from '../src/api/to-crd.ts';

const HEADER = '# Generated from src/api by `npm run generate`; do not edit.\n';
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Template of the chart clawgym-crds for a kind: kept on uninstall, or every run would be deleted. */
export function crdTemplate(resource: Resource): string {
  const { metadata, ...rest } = toCrd(resource);
  const { apiVersion, kind, spec } = rest;
  const head = dump({ apiVersion, kind, metadata });
  const body = dump({ spec }, { lineWidth: 100, noRefs: true });
  return `${HEADER}${escaped(head)}${META}${escaped(body)}`;
}

const META = `  labels:
    {{- include "clawgym-crds.labels" . | nindent 4 }}
  {{- if .Values.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`;

/** Descriptions may hold what Helm takes for its own language. */
function escaped(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}

/**
 * ClusterRoles by which the usual roles of a namespace cover our kinds. `admin` covers all of the
 * group, status and finalizers too, so that an admin of a namespace can give the operator its Role;
 * `edit` may not write a status, which holds what was scored, nor what holds for the whole cluster.
 */
export function aggregatedRoles(resources: readonly Resource[]): string {
  const plurals = (wanted: readonly Resource[]): readonly string[] =>
    wanted.map(({ plural }) => plural).toSorted();
  const namespaced = plurals(resources.filter(({ scope }) => scope !== 'Cluster'));
  const reconciled = plurals(resources.filter((resource) => resource.reconciled !== false));
  const status = reconciled.map((kind) => `${kind}/status`);
  const roles = [
    aggregatedRole('admin', [rule(['*'], ['*'])]),
    aggregatedRole('edit', [rule(namespaced, WRITE)]),
    aggregatedRole('view', [rule([...plurals(resources), ...status], READ)]),
  ];
  return HEADER + roles.join('---\n');
}

function rule(resources: readonly string[], verbs: readonly string[]): object {
  return { apiGroups: [GROUP], resources, verbs };
}

function aggregatedRole(to: 'admin' | 'edit' | 'view', rules: readonly object[]): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: clawgym-${to}
  labels:
    rbac.authorization.k8s.io/aggregate-to-${to}: "true"
    {{- include "clawgym-crds.labels" . | nindent 4 }}
${dump({ rules })}`;
}
