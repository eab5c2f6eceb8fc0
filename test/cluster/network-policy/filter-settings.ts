/**
 * Shell commands that a node's network namespace needs before its rulesets mean anything; each
 * setting belongs to the namespace in which it is written.
 */
export const FILTER_SETTINGS: readonly string[] = [
  // Frames between pods of one node pass the packet filter of IP.
  'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables',
  'echo 1 > /proc/sys/net/bridge/bridge-nf-call-ip6tables',
  // Every refused packet is told of, else some callers wait where others fail at once.
  'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit',
];
