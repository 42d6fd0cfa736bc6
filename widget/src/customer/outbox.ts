import type { Store } from '../host';
import { fromJson, toJson } from '../json';
import type { NewEvent } from './objects';

/** What is kept of everything unsent. */
export interface Entry {
  /** Its `custom_id`: makes a repeat harmless. */
  id: string;
  /** When it was written, Unix ms. */
  at: number;
  /** The server's final refusal; nothing is sent until somebody decides what happens now. */
  refused?: string;
}

/** A message of the visitor that the server has not acknowledged. */
export interface Unsent extends Entry {
  text: string;
  /** What is sent, where it is more than the text. */
  event?: NewEvent;
}

const MOST = 50;

/**
 * A persistent send queue: an entry is in it before anything is sent, and leaves it only when acknowledged or discarded. Tabs share what is
 * stored; each also holds its own entries, so that a write lost between two tabs loses none.
 */
export class Outbox<E extends Entry = Unsent> {
  readonly #store: Store;
  readonly #key: string;
  readonly #isValid: (entry: E) => boolean;
  readonly #own = new Map<string, E>();
  readonly #gone = new Set<string>();

  constructor(store: Store, key: string, isValid: (entry: E) => boolean, changed: () => void) {
    this.#store = store;
    this.#key = key;
    this.#isValid = isValid;
    store.watch(key, changed);
  }

  /** All unsent entries of this browser, oldest first. */
  get entries(): E[] {
    const all = new Map(this.#own);
    for (const entry of this.#stored()) all.set(entry.id, entry);
    for (const id of this.#gone) all.delete(id);
    return [...all.values()].sort((a, b) => a.at - b.at);
  }

  get isFull(): boolean {
    return this.entries.length >= MOST;
  }

  /** The next entry to send; refused ones are passed over. */
  next(): E | undefined {
    return this.entries.find((entry) => !entry.refused);
  }

  add(entry: E): void {
    // A caller may use the id of an entry that was sent before: the server knows it as a repeat.
    this.#gone.delete(entry.id);
    this.#put(entry);
  }

  /** Acknowledged, or discarded. */
  remove(id: string): void {
    this.#gone.add(id);
    this.#own.delete(id);
    this.#save();
  }

  refuse(id: string, reason: string): void {
    this.#change(id, (entry) => ({ ...entry, refused: reason }));
  }

  /** A refused entry is to be sent again. */
  retry(id: string): void {
    this.#change(id, ({ refused: _, ...entry }) => entry as E);
  }

  /** What is stored was removed by the loader, for another person uses the browser now. */
  forget(): void {
    this.#own.clear();
  }

  #change(id: string, change: (entry: E) => E): void {
    const entry = this.entries.find((entry) => entry.id === id);
    if (entry) this.#put(change(entry));
  }

  #put(entry: E): void {
    this.#own.set(entry.id, entry);
    this.#save(entry);
  }

  #save(newest?: E): void {
    const all = new Map(this.entries.map((entry) => [entry.id, entry]));
    if (newest) all.set(newest.id, newest);
    if (all.size) this.#store.set(this.#key, toJson([...all.values()]));
    else this.#store.remove(this.#key);
  }

  #stored(): E[] {
    const stored = fromJson<E[]>(this.#store.get(this.#key));
    return Array.isArray(stored) ? stored.filter((entry) => typeof entry?.id === 'string' && this.#isValid(entry)) : [];
  }
}
