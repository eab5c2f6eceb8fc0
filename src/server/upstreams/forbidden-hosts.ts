import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ClawError } from '../../base/error.ts';

/**
 * What no endpoint of a Secret may be: the server's own pod, its node's link (where clouds hand out
 * credentials) and no host at all. Mapped IPv4 addresses are held to the rules of IPv4.
 */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('127.0.0.0', 8, 'ipv4');
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4');
FORBIDDEN.addSubnet('0.0.0.0', 8, 'ipv4');
FORBIDDEN.addAddress('::1', 'ipv6');
FORBIDDEN.addAddress('::', 'ipv6');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');

function isForbiddenAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && FORBIDDEN.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Host of a URL, by name or by address. `own`: names of the server itself, in lower case. */
export function isForbiddenHost(hostname: string, own: ReadonlySet<string>): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost') || own.has(name)) return true;
  // Of a Service, whatever the cluster's domain is.
  const service = /^.*?\.svc(?=\.)/.exec(name)?.[0];
  if (service !== undefined && own.has(service)) return true;
  return isForbiddenAddress(name.replace(/^\[|\]$/g, ''));
}

/** All addresses of a name, as `dns.lookup` finds them. */
export type LookUpAll = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** As the system's lookup, for connections: a name that leads to a forbidden address fails. */
export function guardedLookup(system: LookUpAll = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    system(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      const forbidden = addresses?.find(({ address }) => isForbiddenAddress(address));
      if (error !== null) return callback(error, '');
      if (first === undefined || forbidden !== undefined) {
        const why = forbidden === undefined ? 'no address' : forbidden.address;
        const message = `${hostname} leads to ${why}; an endpoint cannot be a loopback, link-local or unspecified address`;
        return callback(new ClawError('InvalidInput', message), '');
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
