import type { LookupFunction } from 'node:net';
import type { Clock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { FirstQuestionOptions } from '../../src/gateway/first-question.ts';
import { OpenAiUpstream } from '../../src/gateway/openai-upstream.ts';
import {
  type SecretReader,
  SecretUpstreams,
  UPSTREAM_SECRET_TYPE,
} from '../../src/server/upstreams/secret-upstreams.ts';
import { UpstreamQuestions } from '../../src/server/upstreams/upstream-questions.ts';
import { FAST_BACKOFF } from './gateway-fixture.ts';

/** Stands for this machine: a Secret may not name it. */
export const TEST_HOST = 'model.test';

/** No other name leads anywhere. */
const lookup: LookupFunction = (hostname, options, answer) => {
  if (hostname !== TEST_HOST) {
    const gone = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
    return answer(Object.assign(gone, { code: 'ENOTFOUND' }), '');
  }
  const own = { address: '127.0.0.1', family: 4 };
  if (options.all === true) return answer(null, [own]);
  return answer(null, own.address, own.family);
};

export interface QuestionsBed {
  readonly secrets: SecretReader;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly bounds?: Omit<FirstQuestionOptions, 'signal'>;
}

/** What a server asks, over real connections to servers of this machine. */
export function questionsOf({ secrets, ...shared }: QuestionsBed): UpstreamQuestions {
  const { clock, logger } = shared;
  const upstreams = new SecretUpstreams({
    ...{ secrets, clock, ownNames: new Set() },
    connect: (name, { baseUrl, apiKey }) =>
      new OpenAiUpstream({
        ...{ name, baseUrl, apiKey, clock, logger, lookup },
        ...{ random: () => 0, backoff: FAST_BACKOFF },
      }),
  });
  return new UpstreamQuestions({ ...shared, upstreams });
}

/** The address of a server of this machine as a Secret may name it. */
export function secretAddress(baseUrl: string): string {
  return baseUrl.replace('127.0.0.1', TEST_HOST);
}

/** A Secret in memory, which may change. */
export class OneSecret implements SecretReader {
  fields: Readonly<Record<string, string>> | undefined;
  reads = 0;

  constructor(fields?: Readonly<Record<string, string>>) {
    this.fields = fields;
  }

  get: SecretReader['get'] = async () => {
    this.reads += 1;
    return this.fields && { type: UPSTREAM_SECRET_TYPE, fields: this.fields };
  };
}
