/** One rich, valid object of each kind; tests change them one place at a time. */
export const DIGEST = '0123456789abcdef'.repeat(4);

type Json = Record<string, unknown>;

export function sampleClawTask(spec: Json = {}): Json {
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'ClawTask',
    metadata: { name: 'rename-photos', labels: { area: 'files' } },
    spec: {
      task: {
        id: 'Rename_photos.v2',
        instruction: {
          turns: [{ text: 'Rename the photos by date.' }, { text: 'Go on.', session: 'new' }],
        },
        workspace: {
          inputs: [
            { path: 'in/list.csv', text: 'a,b\n', mode: 'protected' },
            { path: 'in/photo.jpg', base64: 'aGVsbG8=', mode: 'editable', executable: false },
          ],
        },
        outputs: [{ path: 'out/list.csv', format: 'csv', numericTolerance: '0.01' }],
        verifier: {
          dialect: 'check-json',
          entry: 'check.py',
          files: [{ path: 'check.py', text: 'print("{}")' }],
          env: { LANG: 'C.UTF-8' },
        },
        rubric: [
          {
            name: 'tidy',
            text: 'The names are tidy.',
            anchors: { none: 'a', low: 'b', half: 'c', high: 'd', full: 'e' },
          },
        ],
        weights: { code: '0.6', rubric: '0.4' },
        solution: {
          files: [{ path: 'solve.sh', text: 'true', executable: true }],
          script: 'solve.sh',
        },
        environment: {
          network: 'none',
          limits: { memoryMiB: 512 },
          needs: ['pdf'],
          env: { A: '1' },
        },
        timeouts: { agentSeconds: 600 },
        category: 'files',
      },
      ...spec,
    },
  };
}

export function sampleRolloutBatch(spec: Json = {}): Json {
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'RolloutBatch',
    metadata: { name: 'nightly-pi' },
    spec: {
      tasks: { digest: DIGEST, taskIds: ['a', 'b'] },
      agent: { name: 'pi', version: '1.2.3', config: { thinking: 'low' } },
      model: {
        name: 'qwen3-4b',
        upstreamSecretRef: { name: 'lab-endpoint' },
        sampling: { temperature: '0.7', topP: '0.95', maxTokens: 4096, seed: 7 },
      },
      samples: 4,
      parallelism: 8,
      budgets: { turns: 40, tokens: 2_000_000, seconds: 600 },
      retries: { infraRetries: 3 },
      verification: { score: 'flat' },
      limits: { memoryMiB: 1024 },
      sandbox: {
        resources: { cpu: '500m', memory: '2Gi' },
        nodeSelector: { 'example.com/pool': 'sandbox' },
        tolerations: [
          { key: 'sandbox', value: 'yes', effect: 'NoSchedule' },
          { operator: 'Exists' },
        ],
        imagePullSecrets: [{ name: 'pull' }],
      },
      activeDeadlineSeconds: 7200,
      ttlSecondsAfterFinished: 0,
      managedBy: 'example.com/controller',
      ...spec,
    },
  };
}

export function sampleBenchRun(spec: Json = {}): Json {
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'BenchRun',
    metadata: { name: 'first-bench', namespace: 'lab' },
    spec: {
      tasks: {
        selector: {
          matchLabels: { area: 'files' },
          matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold'] }],
        },
      },
      arms: [
        { name: 'nop', agent: { name: 'nop' } },
        { name: 'cheat', agent: { name: 'cheat', family: 'plant-json' } },
        {
          name: 'pi',
          agent: { name: 'pi' },
          model: { name: 'm', recording: { path: 'model.jsonl' } },
          budgets: { turns: 10 },
        },
        { name: 'script', agent: { name: 'command', command: ['python3', 'agent.py'] } },
      ],
      attempts: 3,
      suspend: false,
      ...spec,
    },
  };
}

export function sampleSynthesisJob(spec: Json = {}): Json {
  const model = { name: 'm', upstreamSecretRef: { name: 'lab-endpoint' } };
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'SynthesisJob',
    metadata: { name: 'office-tasks', namespace: 'lab' },
    spec: {
      target: 24,
      seed: 7,
      routes: {
        personas: { weight: 3, count: 50, operations: 2 },
        skills: { supporting: 1, source: { configMap: { name: 'skills' } } },
      },
      models: { generator: model, judge: { ...model, name: 'other' } },
      rubric: 'none',
      gates: { lazyCeiling: '0.25' },
      novelty: { maxSimilarity: '0.6', against: [{ digest: DIGEST }] },
      budgets: { tokens: 2_000_000, records: 200 },
      parallelism: 4,
      suspend: false,
      ...spec,
    },
  };
}
