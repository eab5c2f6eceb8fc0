import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { KeyedCertificate } from './certificates.ts';

/** What the certificate Secret holds. */
export interface TlsMaterial {
  /** Signs serving certificates. */
  readonly authority: KeyedCertificate;
  /** Published before it signs anything, so that pods made from now on trust it. */
  readonly next: KeyedCertificate | undefined;
  /** Certificates of the authority before, still trusted while it lives. */
  readonly old: readonly string[];
  readonly serving: KeyedCertificate;
}

/** Keys of the Secret; the operator mounts the first one only. */
const FIELDS = {
  bundle: 'ca.crt',
  authorityKey: 'ca.key',
  nextKey: 'ca-next.key',
  serving: 'tls.crt',
  servingKey: 'tls.key',
} as const;

const zFields = z.object({
  [FIELDS.bundle]: z.string().min(1),
  [FIELDS.authorityKey]: z.string().min(1),
  [FIELDS.nextKey]: z.string().optional(),
  [FIELDS.serving]: z.string().min(1),
  [FIELDS.servingKey]: z.string().min(1),
});

/** Every certificate that a peer should trust, the signing one first. */
export function bundleOf({ authority, next, old }: TlsMaterial): string {
  const certificates = [authority.certificate, ...(next ? [next.certificate] : []), ...old];
  return certificates.join('');
}

export function secretFields(material: TlsMaterial): Readonly<Record<string, string>> {
  const { authority, next, serving } = material;
  return {
    [FIELDS.bundle]: bundleOf(material),
    [FIELDS.authorityKey]: authority.key,
    ...(next && { [FIELDS.nextKey]: next.key }),
    [FIELDS.serving]: serving.certificate,
    [FIELDS.servingKey]: serving.key,
  };
}

/**
 * Reads what `secretFields` wrote; undefined where the Secret is empty or its parts do not belong
 * together: then everything is made anew.
 */
export function readMaterial(fields: Readonly<Record<string, string>>): TlsMaterial | undefined {
  const parsed = zFields.safeParse(fields);
  if (!parsed.success) return undefined;
  const [first, ...others] = splitBundle(parsed.data[FIELDS.bundle]);
  if (first === undefined) return undefined;
  const authority = { certificate: first, key: parsed.data[FIELDS.authorityKey] };
  const nextKey = parsed.data[FIELDS.nextKey];
  const [second] = others;
  const next =
    nextKey === undefined || second === undefined
      ? undefined
      : { certificate: second, key: nextKey };
  const serving = {
    certificate: parsed.data[FIELDS.serving],
    key: parsed.data[FIELDS.servingKey],
  };
  const old = next === undefined ? others : others.slice(1);
  const material = { authority, next, old, serving };
  return belongTogether(material) ? material : undefined;
}

function splitBundle(bundle: string): string[] {
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return (certificates ?? []).map((certificate) => `${certificate}\n`);
}

function belongTogether({ authority, next, serving }: TlsMaterial): boolean {
  try {
    const pairs = [authority, serving, ...(next ? [next] : [])];
    const issuer = new X509Certificate(authority.certificate);
    return (
      pairs.every(({ certificate, key }) =>
        new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)),
      ) && new X509Certificate(serving.certificate).verify(issuer.publicKey)
    );
  } catch {
    return false;
  }
}
