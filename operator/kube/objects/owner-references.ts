import { KubeError } from '../base/kube-error.ts';
import type { ResourceClient, WriteOptions } from '../client/resource-client.ts';
import { lockedPatch } from '../writes/locked-patch.ts';
import type { KubeObject, OwnerReference } from './kube-object.ts';
import { keyOf, keyText } from './object-key.ts';

/**
 * The reference that makes `owner` the one controller of a child: the garbage collector deletes the
 * child with it, and foreground deletion of the owner waits for the child. Throws `InvalidObject`
 * for an owner without a uid, that is one that did not come from the API server.
 */
export function controllerRef(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined)
    throw new KubeError(
      'InvalidObject',
      `${owner.kind} ${name}: no metadata.uid; take the owner from the API server`,
    );
  const { apiVersion, kind } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The reference to the controlling owner. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** By uid: an owner that was deleted and created again under its name is another one. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const { uid } = owner.metadata;
  return uid !== undefined && controllerOf(object)?.uid === uid;
}

/** Index function of a cache: children by the uid of their controller. */
export function byControllerUid(object: KubeObject): readonly string[] {
  const uid = controllerOf(object)?.uid;
  return uid === undefined ? [] : [uid];
}

/**
 * Makes `owner` the controller of an object that has none. The owner is read live first: by a stale
 * cache a dead owner would take objects that the garbage collector then deletes.
 *
 * Throws `NotOwned` where another controller has the object or the owner is gone or going, and
 * `Conflict` where the object changed meanwhile.
 */
export async function adopt<T extends KubeObject, O extends KubeObject>(
  children: ResourceClient<T>,
  object: T,
  owners: ResourceClient<O>,
  owner: O,
  call: WriteOptions,
): Promise<T> {
  if (isControlledBy(object, owner)) return object;
  const place = `${object.kind} ${keyText(keyOf(object))}`;
  if (controllerOf(object) !== undefined)
    throw new KubeError('NotOwned', `${place}: has another controller; rename one of the two`);
  const live = await owners.get(keyOf(owner), call);
  if (live.metadata.uid !== owner.metadata.uid || live.metadata.deletionTimestamp !== undefined)
    throw new KubeError(
      'NotOwned',
      `${place}: not adopted, ${owner.kind} ${owner.metadata.name} is gone or being deleted`,
    );
  const { resourceVersion, ownerReferences = [] } = object.metadata;
  return await lockedPatch(
    children,
    object,
    { '/metadata/resourceVersion': resourceVersion },
    [
      {
        op: 'add',
        path: '/metadata/ownerReferences',
        value: [...ownerReferences, controllerRef(live)],
      },
    ],
    call,
  );
}
