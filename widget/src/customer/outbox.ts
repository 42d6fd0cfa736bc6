import type { Store } from '../host';
import { fromJson, toJson } from '../json';

/** A message of the visitor that the server has not acknowledged. */
export interface Unsent {
  /** Its `custom_id`: makes a repeat harmless. */
  id: string;
  text: string;
  /** When it was written, Unix ms. */
  at: number;
  /** The server's final refusal; the visitor decides what happens now. */
  refused?: string;
}

const KEY = 'outbox';
const MOST = 50;

/**
 * The persistent send queue: a message is in it before anything is sent, and leaves it only when acknowledged or when the visitor discards
 * it. Tabs share what is stored; each also holds its own messages, so that a write lost between two tabs loses none.
 */
export class Outbox {
  readonly #store: Store;
  readonly #own = new Map<string, Unsent>();
  readonly #gone = new Set<string>();

  constructor(store: Store, changed: () => void) {
    this.#store = store;
    store.watch(KEY, changed);
  }

  /** All unsent messages of this browser, oldest first. */
  get entries(): Unsent[] {
    const all = new Map(this.#own);
    for (const entry of this.#stored()) all.set(entry.id, entry);
    for (const id of this.#gone) all.delete(id);
    return [...all.values()].sort((a, b) => a.at - b.at);
  }

  get isFull(): boolean {
    return this.entries.length >= MOST;
  }

  /** The next message to send; refused ones are passed over. */
  next(): Unsent | undefined {
    return this.entries.find((entry) => !entry.refused);
  }

  add(entry: Unsent): void {
    this.#put(entry);
  }

  /** Acknowledged, or discarded by the visitor. */
  remove(id: string): void {
    this.#gone.add(id);
    this.#own.delete(id);
    this.#save();
  }

  refuse(id: string, reason: string): void {
    this.#change(id, (entry) => ({ ...entry, refused: reason }));
  }

  /** The visitor wants a refused message sent again. */
  retry(id: string): void {
    this.#change(id, ({ refused: _, ...entry }) => entry);
  }

  /** What is stored was removed by the loader, for another person uses the browser now. */
  forget(): void {
    this.#own.clear();
  }

  #change(id: string, change: (entry: Unsent) => Unsent): void {
    const entry = this.entries.find((entry) => entry.id === id);
    if (entry) this.#put(change(entry));
  }

  #put(entry: Unsent): void {
    this.#own.set(entry.id, entry);
    this.#save(entry);
  }

  #save(newest?: Unsent): void {
    const all = new Map(this.entries.map((entry) => [entry.id, entry]));
    if (newest) all.set(newest.id, newest);
    if (all.size) this.#store.set(KEY, toJson([...all.values()]));
    else this.#store.remove(KEY);
  }

  #stored(): Unsent[] {
    const stored = fromJson<Unsent[]>(this.#store.get(KEY));
    return Array.isArray(stored) ? stored.filter((entry) => typeof entry?.id === 'string' && typeof entry.text === 'string') : [];
  }
}
