/** Names, in lower case, that programs of the host need; proxies are read in both cases. */
const NAMES: ReadonlySet<string> = new Set([
  'path',
  'home',
  'tmpdir',
  'lang',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'node_extra_ca_certs',
  'ssl_cert_file',
  'omp_num_threads',
]);
const PREFIXES = ['lc_', 'npm_config_', 'pip_'];

/**
 * What of an environment a program of the host may see: its search path, its folders, the language,
 * the way to the network, the threads to compute with. Everything else stays behind, above all the model's key: installers run
 * code of other people.
 */
export function programEnv(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isPassed(name.toLowerCase())) passed[name] = value;
  }
  return passed;
}

function isPassed(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
