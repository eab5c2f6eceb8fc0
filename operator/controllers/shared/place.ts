/** Name and namespace of an object as arguments of kubectl and clawgym, for messages. */
export function placeOf({
  metadata: { name, namespace },
}: {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}): string {
  return namespace === undefined ? name : `${name} --namespace ${namespace}`;
}
