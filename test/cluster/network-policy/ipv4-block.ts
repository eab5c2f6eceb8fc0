/** An IPv4 block in its normal form: host bits are zero. */
export interface Ipv4Block {
  readonly first: number;
  readonly bits: number;
}

/** Undefined where the text is no IPv4 block. */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (found === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = found.slice(1).map(Number);
  if ([a, b, c, d].some((byte) => byte > 255) || bits > 32) return undefined;
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - bits);
  return { first: address - (address % size), bits };
}

export function blockText({ first, bits }: Ipv4Block): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join('.')}/${bits}`;
}

export function contains(outer: Ipv4Block, inner: Ipv4Block): boolean {
  const size = 2 ** (32 - outer.bits);
  return inner.bits >= outer.bits && inner.first >= outer.first && inner.first < outer.first + size;
}

/** Loose on purpose: the API server has checked the form, this tells the families apart. */
export function isIpv6Block(text: string): boolean {
  return /^[0-9a-f:.]+\/\d{1,3}$/i.test(text) && text.includes(':');
}
