// Whether the server is ready, and whether its listener for people and operator answers under its
// name, with a certificate of the published authority, and lets nobody in without a token.
import { readFileSync } from 'node:fs';
import { get } from 'node:https';

const host = '{{ include "clawgym.server" . }}.{{ .Release.Namespace }}.svc';
const ready = await fetch(`http://${host}:9090/readyz`);
if (!ready.ok) throw new Error(`http://${host}:9090/readyz answers ${ready.status}`);
const ca = readFileSync('/var/run/clawgym/server/ca.crt');
const status = await new Promise((resolve, reject) => {
  get(`https://${host}:8444/operator/v1/info`, { ca, timeout: 10000 }, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  }).on('error', reject);
});
if (status !== 401) throw new Error(`https://${host}:8444 answers ${status} without a token: expected 401`);
console.log(`server ${host} is ready`);
