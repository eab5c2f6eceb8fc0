import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { type Probe, SILENT_MS, zProbe } from './peer-protocol.ts';

/**
 * A program in a network namespace of its own: answers on the given TCP and UDP ports with the
 * caller's address, and tries to reach others when told. Ends with its standard input, and its
 * namespace with it. Arguments: ports, with commas.
 */
for (const port of (process.argv[2] ?? '').split(',').map(Number)) {
  createServer((socket) => {
    socket.on('error', () => undefined).end(socket.remoteAddress?.replace('::ffff:', '') ?? '');
  }).listen(port, '::');
  const udp = createSocket('udp4');
  udp.on('message', (_data, from) => udp.send(from.address, from.port, from.address)).bind(port);
}

function outcomeOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') return 'refused';
  return error.code === 'EHOSTUNREACH' ? 'forbidden' : `failed: ${error.code ?? error.message}`;
}

function tcp({ address, port }: Probe, done: (outcome: string) => void): void {
  let text = '';
  const socket = connect({ host: address, port });
  socket.setTimeout(SILENT_MS, () => {
    done('silent');
    socket.destroy();
  });
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
  });
  socket.on('end', () => done(text)).on('error', (error) => done(outcomeOf(error)));
}

function udp({ address, port }: Probe, done: (outcome: string) => void): void {
  const socket = createSocket('udp4');
  const end = (outcome: string) => {
    clearTimeout(timer);
    done(outcome);
    socket
      .removeAllListeners()
      .on('error', () => undefined)
      .close();
  };
  const timer = setTimeout(() => end('silent'), SILENT_MS);
  socket
    .on('message', (data) => end(data.toString()))
    .on('error', (error) => end(outcomeOf(error)));
  socket.connect(port, address, () => socket.send('?'));
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const probe = zProbe.parse(JSON.parse(line));
    (probe.protocol === 'tcp' ? tcp : udp)(probe, (outcome) => {
      process.stdout.write(`${JSON.stringify({ id: probe.id, outcome })}\n`);
    });
  })
  .on('close', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ id: 0, outcome: 'ready' })}\n`);
