import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { sha256 } from '../../../src/base/digest.ts';
import type { SynthesisRecords } from '../../../src/store/synthesis-records.ts';
import { type RecordData, zRecordData } from '../../../src/synthesis/record.ts';

const label = (id: string) => ({ id, name: `name of ${id}`, group: 'work' });
const skill = (id: string) => ({ id, description: `does ${id}`, body: '' });
const SAMPLES: Readonly<Record<'persona' | 'skill', RecordData['sample']>> = {
  persona: {
    route: 'persona',
    persona: { id: 'nurse', text: 'A nurse on a night shift.' },
    category: label('email'),
    operations: [label('sort')],
  },
  skill: {
    route: 'skill',
    primary: skill('csv-cleaning'),
    supporting: [skill('charts')],
    category: label('data'),
  },
};
const DRAFT = {
  title: 'Sort the rota',
  instruction: 'Sort rota.csv\nby date.',
  files: [],
  outputs: ['sorted.csv'],
  expected: [],
  difficulty: 2,
};

/** Of a job that is planned: record 1 accepted, 2 rejected by the gates, 3 open at its trial. */
export async function writeRecords(store: SynthesisRecords, job: string): Promise<void> {
  const add = async (number: number, stage: string, data: object): Promise<void> => {
    const endedAt = stage === 'trial' ? undefined : 9;
    const text = canonicalJson(zRecordData.parse(data));
    await store.addSynthesisRecord({ job, number, revision: 0, stage, data: text, endedAt });
  };
  await add(1, 'accepted', {
    ...{ sample: SAMPLES.persona, draft: DRAFT, task: sha256('the task') },
    calls: [`${job}/1/draft`, `${job}/1/verifier`],
    files: [{ path: 'rota.csv', text: 'date\n' }],
    verifier: [{ path: 'check.py', text: 'print("{}")\n' }],
    gates: [{ gate: 'nop', reason: 'Passed', message: '' }],
  });
  const message = 'the lazy agent earned 0.8';
  await add(2, 'rejected', {
    ...{ sample: SAMPLES.skill, draft: { ...DRAFT, title: 'Two\u001b[31mlines' } },
    repairs: ['make the verifier stricter'],
    rejection: { stage: 'gates', reason: 'LazyAboveCeiling', message },
  });
  await add(3, 'trial', { sample: SAMPLES.persona });
  for (const [at, name] of ['draft', 'verifier'].entries()) {
    await store.addSynthesisCall({
      ...{ callId: `${job}/1/${name}`, job, number: 1, stage: name, role: 'generator' },
      ...{ model: 'lab', request: sha256(`asked ${name} ${job}`), status: 200 },
      response: sha256(`answered ${name} ${job}`),
      ...{ inputTokens: 30, outputTokens: 7, startedAt: at * 1000, endedAt: at * 1000 + 2500 },
    });
  }
}
