import { X509Certificate } from 'node:crypto';
import { type KeyedCertificate, makeAuthority, makeServing } from './certificates.ts';
import type { TlsMaterial } from './tls-material.ts';

const DAY_MS = 24 * 3_600_000;

export interface TlsLives {
  readonly authorityMs: number;
  readonly servingMs: number;
  /** So long a new authority is published before it signs: longer than any pod lives. */
  readonly settleMs: number;
}

export const TLS_LIVES: TlsLives = {
  authorityMs: 3 * 365 * DAY_MS,
  servingMs: 90 * DAY_MS,
  settleMs: 7 * DAY_MS,
};

/** The material for a server that has none. */
export async function firstMaterial(
  names: readonly string[],
  now: number,
  lives: TlsLives,
): Promise<TlsMaterial> {
  const authority = await makeAuthority(now, lives.authorityMs);
  const serving = await makeServing(authority, names, now, lives.servingMs);
  return { authority, next: undefined, old: [], serving };
}

/**
 * What the material should be at `now`; the same object where nothing is due (design: rollouts.md 6).
 * At two thirds of its life an authority gets a successor beside it, which signs only after
 * `settleMs`; the old one stays in the bundle until it has expired. So no pod ever meets a certificate
 * of an authority that it was not told of.
 */
export async function renewed(
  material: TlsMaterial,
  names: readonly string[],
  now: number,
  lives: TlsLives,
): Promise<TlsMaterial> {
  if (endOf(material.authority.certificate) <= now) return await firstMaterial(names, now, lives);
  const authorities = await renewAuthorities(material, now, lives);
  const moved = authorities.authority !== material.authority;
  if (!moved && !servingIsDue(material.serving, names, now)) return authorities;
  const serving = await makeServing(authorities.authority, names, now, lives.servingMs);
  return { ...authorities, serving };
}

async function renewAuthorities(
  material: TlsMaterial,
  now: number,
  lives: TlsLives,
): Promise<TlsMaterial> {
  const { authority, next, old } = material;
  if (next !== undefined && now - startOf(next.certificate) >= lives.settleMs) {
    return { ...material, authority: next, next: undefined, old: [authority.certificate] };
  }
  if (next === undefined && isDue(authority.certificate, now)) {
    return { ...material, next: await makeAuthority(now, lives.authorityMs) };
  }
  const living = old.filter((certificate) => endOf(certificate) > now);
  return living.length === old.length ? material : { ...material, old: living };
}

function servingIsDue(
  { certificate }: KeyedCertificate,
  names: readonly string[],
  now: number,
): boolean {
  const has = new Set(new X509Certificate(certificate).subjectAltName?.split(', '));
  return isDue(certificate, now) || !names.every((name) => has.has(`DNS:${name}`));
}

/** Past two thirds of its life. */
function isDue(certificate: string, now: number): boolean {
  const from = startOf(certificate);
  return now >= from + ((endOf(certificate) - from) * 2) / 3;
}

const startOf = (certificate: string): number =>
  new X509Certificate(certificate).validFromDate.getTime();
const endOf = (certificate: string): number =>
  new X509Certificate(certificate).validToDate.getTime();
