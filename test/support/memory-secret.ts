import type { KeptSecret, SecretState } from '../../src/server/kept-secret.ts';

/** A Secret in memory with versions, and a hook in front of each write: where another is faster. */
export class MemorySecret implements KeptSecret {
  fields: Readonly<Record<string, string>> | undefined;
  beforeWrite: () => void = () => undefined;
  /** What reads end with. */
  fault: Error | undefined;
  writes = 0;
  #version = 1;

  constructor(fields?: Readonly<Record<string, string>>) {
    this.fields = fields;
  }

  /** What another writer does. */
  put(fields: Readonly<Record<string, string>>): void {
    this.fields = fields;
    this.#version += 1;
  }

  async get(): Promise<SecretState | undefined> {
    if (this.fault !== undefined) throw this.fault;
    const { fields } = this;
    return await Promise.resolve(fields && { fields, version: String(this.#version) });
  }

  async update(fields: Readonly<Record<string, string>>, version: string): Promise<boolean> {
    this.beforeWrite();
    return await Promise.resolve(version === String(this.#version) && this.#write(fields));
  }

  async create(fields: Readonly<Record<string, string>>): Promise<boolean> {
    this.beforeWrite();
    return await Promise.resolve(this.fields === undefined && this.#write(fields));
  }

  #write(fields: Readonly<Record<string, string>>): boolean {
    this.writes += 1;
    this.put(fields);
    return true;
  }
}
