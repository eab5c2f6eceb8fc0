import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  instruction,
  type Job,
  NOTES,
  note,
  noteOf,
  RECORDS,
  writtenFor,
} from '../../examples/full-circle/note-tasks.ts';
import { scriptedModels } from '../../examples/full-circle/scripted-models.ts';
import { CIRCLE, circleText } from '../../scripts/full-circle/circle-manifests.ts';
import { requireManifest } from '../../src/api/parse-manifest.ts';
import { runOrder } from '../../src/cli/manifest/run-order.ts';
import { parseDraft } from '../../src/synthesis/stages/draft.ts';

const FILES = readdirSync(CIRCLE).filter((name) => name.endsWith('.yaml'));
const BASE = 'a'.repeat(64);
const read = (name: string) => readFileSync(join(CIRCLE, name), 'utf8');
const JOBS: readonly Job[] = ['practice', 'exam'];

describe('the notes', () => {
  test('are all different, and those of the exam are none of the practice', () => {
    const all = Array.from({ length: NOTES }, (_, index) => instruction(note(index)));
    expect(new Set(all).size).toBe(NOTES);
    const used = JOBS.flatMap((job) =>
      Array.from({ length: RECORDS[job] }, (_, at) => instruction(noteOf(job, at + 1))),
    );
    expect(new Set(used).size).toBe(used.length);
  });

  test('make drafts that the synthesis can read', () => {
    for (const job of JOBS) {
      expect(parseDraft(writtenFor(job, 'draft', 1))).toMatchObject({ ok: true });
    }
  });
});

describe('the scripted models', () => {
  const asking = async (...prompts: readonly string[]) => {
    const server = scriptedModels().listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const answers: unknown[] = [];
      for (const content of prompts) {
        const body = JSON.stringify({ model: 'teacher', messages: [{ role: 'user', content }] });
        const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
          method: 'POST',
          body: content === '' ? '{' : body,
        });
        answers.push(await response.json());
      }
      return answers;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  test('the teacher is right once and mixes up once', async () => {
    const asked = noteOf('practice', 1);
    const said = await asking(instruction(asked), instruction(asked));
    const contents = said.map(
      (answer) => /content\\": \\"(\w+ \w+)/.exec(JSON.stringify(answer))?.[1],
    );
    expect(contents[0]).toBe(`${asked.act} ${asked.thing}`);
    expect(contents[1]).not.toBe(contents[0]);
    expect(contents[1]).toContain(asked.thing);
  });

  test('what is no request is refused', async () => {
    expect(await asking('')).toMatchObject([{ error: { type: 'invalid_request_error' } }]);
  });
});

describe('the manifests', () => {
  const settings = { seed: 100, base: BASE, sizes: { '20-sft.yaml': { maxSteps: 9 } } };

  test('stand in the order in which they are carried out', () => {
    const objects = FILES.flatMap((name) => requireManifest(read(name), name).objects);
    expect(runOrder(objects, () => false)).toEqual(objects);
  });

  test('get their seeds, their base and their sizes', () => {
    const texts = FILES.map((name) => circleText(name, read(name), settings));
    const [sft] = requireManifest(texts[FILES.indexOf('20-sft.yaml')] ?? '', 'sft').objects;
    expect(sft?.spec).toMatchObject({
      seed: 107,
      base: { artifact: `sha256:${BASE}` },
      hyper: { maxSteps: 9 },
    });
    expect(texts.join('')).not.toContain('0000000000');
  });

  test('a size that no field has is refused', () => {
    const sizes = { '20-sft.yaml': { steps: 9 } };
    expect(() => circleText('20-sft.yaml', read('20-sft.yaml'), { ...settings, sizes })).toThrow(
      '20-sft.yaml: steps stands there 0 times, expected once',
    );
  });
});
