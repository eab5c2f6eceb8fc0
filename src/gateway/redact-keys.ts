/** Endpoints quote keys in their refusals, whole or with stars in the middle. */
const KEY_LIKE = /\b(?:Bearer\s+\S+|(?:sk|pk|key|api|hf|gsk|xai|nvapi)[-_][\w*.-]{4,})/gi;

/** The text without the key in any of its usual spellings, and without anything that looks like one. */
export function redactKeys(text: string, key: string | undefined): string {
  if (key === undefined || key === '') return text.replaceAll(KEY_LIKE, '[key]');
  const known = spellings(key).reduce((said, each) => said.replaceAll(each, '[key]'), text);
  return known.replaceAll(KEY_LIKE, '[key]');
}

/** As it is, in JSON, in a URL and in base64: an endpoint may quote the request as it came. */
function spellings(key: string): readonly string[] {
  const base64 = Buffer.from(key, 'utf8').toString('base64').replace(/=+$/, '');
  return [key, JSON.stringify(key).slice(1, -1), encodeURIComponent(key), base64];
}
