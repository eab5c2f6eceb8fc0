/** Strings that look like live credentials, by the form their issuers document. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}/],
  ['an AWS access key id', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}\b/],
  ['an OpenAI or Anthropic key', /\bsk-(?:proj-|ant-[a-z0-9]+-|svcacct-)?[A-Za-z0-9_-]{32,}\b/],
  ['a Google API key', /\bAIza[0-9A-Za-z_-]{35}\b/],
  ['a Slack token', /\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{16,}\b/],
  ['a Hugging Face token', /\bhf_[A-Za-z]{34}\b/],
  ['a Stripe live key', /\b[rs]k_live_[A-Za-z0-9]{24,}\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
];

/** Names of made-up credentials: "EXAMPLE", one character over and over, counting up. */
const MADE_UP =
  /example|sample|dummy|fake|test|placeholder|redacted|changeme|your|xxxx|(.)\1{7}|12345678|abcdefgh/i;

/** What kind of credential a text seems to hold, or undefined. Made-up ones do not count. */
export function secretIn(text: string): string | undefined {
  for (const [kind, pattern] of PATTERNS) {
    const global = new RegExp(pattern.source, 'g');
    for (const [found] of text.matchAll(global)) if (!MADE_UP.test(found)) return kind;
  }
  return undefined;
}
