import type { Store } from '../../src/host';

/** One browser's storage, seen by several tabs. */
export class FakeStorage {
  readonly values = new Map<string, string>();
  readonly #watchers: { tab: object; name: string; changed: () => void }[] = [];

  /** A tab's view of it, or of the part below a prefix. */
  tab(prefix = ''): Store {
    const tab = {};
    const write = (key: string, value: string | null): void => {
      const name = prefix + key;
      if (value === null) this.values.delete(name);
      else this.values.set(name, value);
      for (const watcher of this.#watchers) if (watcher.tab !== tab && watcher.name === name) watcher.changed();
    };
    return {
      get: (name) => this.values.get(prefix + name) ?? null,
      set: write,
      remove: (name) => write(name, null),
      watch: (name, changed) => void this.#watchers.push({ tab, name: prefix + name, changed }),
    };
  }
}
