import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Credential } from './pki.ts';

const TIMEOUT_MS = 2000;

/**
 * Asks the API server for one path; the status, or undefined where it does not answer. For the
 * set-up of a cluster only: everything else goes through kubectl or the client of the runtime.
 */
export function probe(
  url: string,
  authority: string,
  client: Credential,
): Promise<number | undefined> {
  const agent = new Agent({ keepAlive: false });
  return new Promise((resolve) => {
    const options = {
      agent,
      ca: readFileSync(authority),
      cert: readFileSync(client.certificate),
      key: readFileSync(client.key),
      timeout: TIMEOUT_MS,
    };
    const asked = request(url, options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}
