import type { KubeError } from '../../operator/kube/base/kube-error.ts';
import type {
  ListPage,
  PageOptions,
  ResourceClient,
  Selection,
  WatchEvent,
  WatchOptions,
} from '../../operator/kube/client/resource-client.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import type { Resource } from '../../operator/kube/objects/resource.ts';

/** One thing that a list does: gives a page, fails, or waits until the test says so. */
export type ListStep =
  | ListPage<KubeObject>
  | KubeError
  | Promise<unknown>
  | ((options: PageOptions) => void);

const notScripted = () => Promise.reject(new Error('the script has no such call'));

/** A client whose lists follow a script and whose watches are fed by the test: a fault injector. */
export class ScriptedClient implements ResourceClient<KubeObject> {
  readonly resource: Resource<KubeObject> = {
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    plural: 'configmaps',
    namespaced: true,
    parse: () => {
      throw new Error('the script has no raw objects');
    },
  };
  /** Steps of each list, in order; the last is used again when there are no more. */
  readonly lists: (readonly ListStep[])[] = [];
  readonly listCalls: { readonly selection: Selection; readonly options: PageOptions }[] = [];
  readonly watches: ScriptedWatch[] = [];

  readonly get = notScripted;
  readonly list = notScripted;
  readonly create = notScripted;
  readonly replace = notScripted;
  readonly apply = notScripted;
  readonly applyStatus = notScripted;
  readonly patch = notScripted;
  readonly delete = notScripted;

  async *pages(selection: Selection, options: PageOptions): AsyncGenerator<ListPage<KubeObject>> {
    const steps = this.lists[Math.min(this.listCalls.length, this.lists.length - 1)] ?? [];
    this.listCalls.push({ selection, options });
    for (const step of steps) {
      if (step instanceof Error) throw step;
      if (step instanceof Promise) await step;
      else if (typeof step === 'function') step(options);
      else yield step;
    }
  }

  watch(selection: Selection, options: WatchOptions): AsyncIterable<WatchEvent<KubeObject>> {
    const watch = new ScriptedWatch(selection, options);
    this.watches.push(watch);
    return watch;
  }

  /** The newest watch; throws where none was opened. */
  get watching(): ScriptedWatch {
    const watch = this.watches.at(-1);
    if (!watch) throw new Error('no watch was opened');
    return watch;
  }
}

type Step = WatchEvent<KubeObject> | Error | 'end' | (() => void);

/** A watch that gives what the test sends; it ends when its signal aborts, as the contract says. */
export class ScriptedWatch implements AsyncIterable<WatchEvent<KubeObject>> {
  readonly selection: Selection;
  readonly options: WatchOptions;
  readonly #steps: Step[] = [];
  #wake: (() => void) | undefined;

  constructor(selection: Selection, options: WatchOptions) {
    this.selection = selection;
    this.options = options;
    options.signal.addEventListener('abort', () => this.#wake?.());
  }

  send(...steps: readonly Step[]): void {
    this.#steps.push(...steps);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<KubeObject>> {
    for (;;) {
      if (this.options.signal.aborted) return;
      const step = this.#steps.shift();
      if (step === 'end') return;
      if (step instanceof Error) throw step;
      if (typeof step === 'function') step();
      else if (step) yield step;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
