import type { Store } from './host';

/**
 * Texts under `parlor:<site>:<name>` in localStorage. Where storage is denied or full they live in memory for as long as the page does.
 */
export function openStore(site: string, kind: 'localStorage' | 'sessionStorage' = 'localStorage'): Store {
  const memory = new Map<string, string | null>();
  const prefix = `parlor:${site}:`;

  function attempt<T>(use: (storage: Storage) => T, otherwise: T): T {
    try {
      return use(window[kind]);
    } catch {
      // Denied by the browser's settings, or full: the caller goes on in memory.
      return otherwise;
    }
  }

  function write(name: string, value: string | null): void {
    const stored = attempt((storage) => {
      if (value === null) storage.removeItem(prefix + name);
      else storage.setItem(prefix + name, value);
      return true;
    }, false);
    if (stored) memory.delete(name);
    else memory.set(name, value);
  }

  return {
    get: (name) => (memory.has(name) ? (memory.get(name) ?? null) : attempt((storage) => storage.getItem(prefix + name), null)),
    set: write,
    remove: (name) => write(name, null),
    watch(name, changed) {
      addEventListener('storage', (event) => {
        if (event.key === prefix + name || event.key === null) changed();
      });
    },
  };
}
