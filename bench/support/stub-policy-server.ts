/** What the stub answers the canary of the models of `claim-policy-pod.ts` with. */
export const STUB_IDS = [7, 9];

/**
 * A program for `node -e` with the wire of a policy server and no model: it wants the key, serves the name
 * that it is given, and says one word. A string, since it is the command of a container.
 */
export const STUB_POLICY_SERVER = `
const { createServer } = require('node:http');
const { readFileSync, readdirSync } = require('node:fs');
const { POLICY_KEY_FILE, POLICY_NAME, POLICY_MODEL, POLICY_HOST, POLICY_PORT } = process.env;
const key = readFileSync(POLICY_KEY_FILE, 'utf8').trim();
if (!readdirSync(POLICY_MODEL).includes('model.safetensors')) process.exit(2);
const choice = {
  index: 0, finish_reason: 'stop', token_ids: ${JSON.stringify(STUB_IDS)},
  message: { role: 'assistant', content: 'amber' },
};
const answer = {
  id: 'c', object: 'chat.completion', created: 0, model: POLICY_NAME, policy_version: 0,
  choices: [choice], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
};
createServer((request, response) => {
  request.resume().on('end', () => {
    const send = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (request.headers.authorization !== 'Bearer ' + key) return send(401, {});
    if (request.url === '/v1/models') return send(200, { data: [{ id: POLICY_NAME, policy_version: 0 }] });
    return send(200, answer);
  });
}).listen(Number(POLICY_PORT), POLICY_HOST);
process.on('SIGTERM', () => process.exit(0));
`;
