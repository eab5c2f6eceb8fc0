import { expect, it } from 'vitest';
import { UploadAllowance } from './upload-allowance.ts';

const asked = (bytes: number) => ({ asked: bytes, wholeEnd: 100 });
const stored = (size: number) => async () => ({ size });

it('lets a pod upload the ends of four tries, and no byte more, whatever the others do', async () => {
  const uploads = new UploadAllowance();
  for (let part = 0; part < 4; part += 1) await uploads.within('pod', asked(100), stored(100));
  await expect(uploads.within('pod', asked(1), stored(1))).rejects.toMatchObject({
    code: 'TooLarge',
    message: expect.stringContaining('at most 400 bytes together: 400 are there') as unknown,
  });
  expect(await uploads.within('other', asked(100), stored(100))).toEqual({ size: 100 });
});

it('counts what was stored, not what was announced, and nothing of what failed', async () => {
  const uploads = new UploadAllowance();
  for (let part = 0; part < 50; part += 1) await uploads.within('pod', asked(100), stored(1));
  const broken = async (): Promise<{ size: number }> => Promise.reject(new Error('broken off'));
  for (let part = 0; part < 50; part += 1) {
    await expect(uploads.within('pod', asked(100), broken)).rejects.toThrow('broken off');
  }
  expect(await uploads.within('pod', asked(350), stored(350))).toEqual({ size: 350 });
});

it('counts uploads that are under way', async () => {
  const uploads = new UploadAllowance();
  const { promise, resolve } = Promise.withResolvers<{ size: number }>();
  const running = [1, 2, 3, 4].map(() => uploads.within('pod', asked(100), () => promise));
  await expect(uploads.within('pod', asked(1), stored(1))).rejects.toMatchObject({
    code: 'TooLarge',
  });
  resolve({ size: 0 });
  await Promise.all(running);
  expect(await uploads.within('pod', asked(400), stored(400))).toEqual({ size: 400 });
});
