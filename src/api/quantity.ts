/** Powers of ten and of two that Kubernetes quantities end with. */
const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a quantity stands for: cores, bytes. NaN for text that api/fields.ts refuses. */
export function quantityValue(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.exec(text);
  if (match === null) return Number.NaN;
  return Number(match[1]) * (SUFFIXES[match[2] ?? ''] ?? Number.NaN);
}

/** Mebibytes, rounded up: a limit never falls below what was asked for. */
export function quantityMiB(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Math.max(1, Math.ceil(quantityValue(text) / 2 ** 20));
}

/** Thousandths of a core, rounded up. */
export function quantityMillis(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return Math.max(1, Math.ceil(Math.round(quantityValue(text) * 1e6) / 1e3));
}
