import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { isRecord, parseJson } from '../../base/brand.ts';
import type { TrainingProgress } from '../../protocol/training-api.ts';

/** Beside the status: asked first; true where the request is theirs. */
export type LoopbackRoute = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface StatusServerOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly told: (progress: TrainingProgress) => void;
  readonly routes?: readonly LoopbackRoute[];
}

const MAX_BODY = 256 * 1024;

/**
 * Takes the status of a trainer on 127.0.0.1, by the protocol of Kubeflow Trainer: a POST to whatever
 * path. What it says are claims of the workload; what cannot be read is dropped.
 */
export async function startStatusServer(
  options: StatusServerOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    if (options.routes?.some((route) => route(request, response)) === true) return;
    void takeStatus(request, options.told).then(
      (status) => response.writeHead(status).end('{}'),
      () => response.destroy(),
    );
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(options.port, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function takeStatus(
  request: IncomingMessage,
  told: StatusServerOptions['told'],
): Promise<number> {
  if (request.method !== 'POST') return 404;
  const chunks: Buffer[] = [];
  let size = 0;
  const body: AsyncIterable<unknown> = request;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_BODY) return 413;
    chunks.push(chunk);
  }
  const progress = progressOf(Buffer.concat(chunks).toString('utf8'));
  if (progress === undefined) return 400;
  told(progress);
  return 200;
}

const zStatus = z.looseObject({
  trainerStatus: z.looseObject({
    progressPercentage: z.number().nullish(),
    metrics: z.array(z.looseObject({ name: z.string(), value: z.unknown() })).nullish(),
  }),
});

/** Undefined where the text is no status. */
export function progressOf(text: string): TrainingProgress | undefined {
  const parsed = zStatus.safeParse(json(text));
  if (!parsed.success) return undefined;
  const { metrics, progressPercentage } = parsed.data.trainerStatus;
  const named = new Map((metrics ?? []).map(({ name, value }) => [name, Number(value)]));
  const number = (name: string): number | undefined => {
    const value = named.get(name);
    return value !== undefined && Number.isFinite(value) ? value : undefined;
  };
  const whole = (name: string): number | undefined => {
    const value = number(name);
    return value === undefined || value < 0 ? undefined : Math.round(value);
  };
  const totalSteps = whole('total_steps');
  const share =
    totalSteps === undefined || typeof progressPercentage !== 'number'
      ? undefined
      : Math.round((totalSteps * progressPercentage) / 100);
  return present({
    step: whole('step') ?? whole('global_step') ?? share,
    totalSteps,
    loss: number('loss'),
    reward: number('reward'),
    tokens: whole('num_tokens'),
  });
}

function json(text: string): unknown {
  try {
    const value = parseJson(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Without what is not known: it must not hide what was told before. */
export function present(progress: TrainingProgress): TrainingProgress {
  return Object.fromEntries(Object.entries(progress).filter(([, value]) => value !== undefined));
}
