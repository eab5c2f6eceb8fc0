import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { loadDocument } from '../../api/kube-yaml.ts';
import { namespaceObjects } from './namespace-objects.ts';

const objects = namespaceObjects('runs', {
  namespace: 'clawgym',
  podLabels: { 'app.kubernetes.io/component': 'server' },
});

test('deny first, then the one way out: the sandbox port of the server, no DNS', () => {
  const golden = readFileSync(new URL('golden/network-policies.yaml', import.meta.url), 'utf8');
  expect(objects.networkPolicies).toStrictEqual(loadDocument(golden));
});

test('the account of sandbox pods mounts no token by itself', () => {
  expect(objects.serviceAccount).toMatchObject({
    metadata: { name: 'clawgym-sandbox', namespace: 'runs' },
    automountServiceAccountToken: false,
  });
});

test('every field exists', () => {
  for (const object of [objects.serviceAccount, ...objects.networkPolicies]) {
    expect(strictProblems(object)).toEqual([]);
  }
});
