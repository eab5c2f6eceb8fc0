import { z } from 'zod';

const zRule = z.looseObject({
  apiGroups: z.array(z.string()).default([]),
  resources: z.array(z.string()).default([]),
  resourceNames: z.array(z.string()).default([]),
  nonResourceURLs: z.array(z.string()).default([]),
  verbs: z.array(z.string()),
});
const zRole = z.looseObject({ rules: z.array(zRule).nullish() });

/** Rights one by one, as `verb group/resource` with the name of the object where one is named, or `verb URL`. */
export function expandRules(role: unknown): readonly string[] {
  return (zRole.parse(role).rules ?? []).flatMap((rule) => {
    const names = rule.resourceNames.map((name) => ` ${name}`);
    const objects = rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        (names.length === 0 ? [''] : names).map((name) => `${group}/${resource}${name}`),
      ),
    );
    const targets = [...objects, ...rule.nonResourceURLs];
    return rule.verbs.flatMap((verb) => targets.map((target) => `${verb} ${target}`));
  });
}

/**
 * What a role may do that another may not, as `verb group/resource`: the check that an API server
 * makes before it lets somebody give rights away.
 */
export function rightsBeyond(role: unknown, other: unknown): readonly string[] {
  const granted = zRole.parse(other).rules ?? [];
  return (zRole.parse(role).rules ?? []).flatMap((rule) => {
    const urls = rule.nonResourceURLs.map((url) => `${rule.verbs.join(',')} ${url}`);
    const rights = rule.verbs.flatMap((verb) =>
      rule.apiGroups.flatMap((group) =>
        rule.resources.map((resource) => ({ verb, group, resource })),
      ),
    );
    const beyond = rights.filter(
      ({ verb, group, resource }) =>
        !granted.some(
          (other) =>
            // A right on named objects covers no other, and here nothing is asked by name.
            other.resourceNames.length === 0 &&
            holds(other.apiGroups, group) &&
            (holds(other.resources, resource) ||
              holds(other.resources, `*/${resource.split('/')[1]}`)) &&
            holds(other.verbs, verb),
        ),
    );
    return [...urls, ...beyond.map(({ verb, group, resource }) => `${verb} ${group}/${resource}`)];
  });
}

const holds = (list: readonly string[], wanted: string): boolean =>
  list.includes('*') || list.includes(wanted);
