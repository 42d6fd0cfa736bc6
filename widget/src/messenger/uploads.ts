import { randomId } from '../random';
import { type Sending, upload } from '../sdk/upload';
import { toWireError } from '../wire/frames';

/** A file on its way; with an `error` it waits for the visitor's decision. */
export interface Outgoing {
  id: string;
  file: File;
  /** 0 to 1. */
  progress: number;
  error?: string;
}

export interface UploadsOptions {
  /** Where files are sent. */
  url: string;
  token(): string;
  /** The server has the file at this address. */
  uploaded(file: File, url: string): void;
  changed(): void;
}

const MOST = 10;
/** What the server would say. */
const SAME: Record<string, string> = { too_big_file: 'entity_too_large', upload_failed: 'connection_lost' };

/** Files on their way, one after the other; what they become is a message that waits like any other. */
export class Uploads {
  list: Outgoing[] = [];
  readonly #options: UploadsOptions;
  #current: { id: string; cancel(): void } | undefined;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  add(files: Iterable<File>): void {
    const added = [...files].map((file) => ({ id: randomId(), file, progress: 0 }));
    this.list = [...this.list, ...added].slice(0, MOST);
    this.#next();
  }

  retry(id: string): void {
    this.#change(id, { error: '' });
    this.#next();
  }

  remove(id: string): void {
    this.list = this.list.filter((file) => file.id !== id);
    if (this.#current?.id === id) this.#current.cancel();
    this.#options.changed();
  }

  /** Another person uses the browser now. */
  clear(): void {
    this.list = [];
    this.#current?.cancel();
  }

  #next(): void {
    this.#options.changed();
    const next = this.list.find(({ error }) => !error);
    if (this.#current || !next) return;
    const { url, token, uploaded } = this.#options;
    const { promise, cancel } = upload({
      url,
      file: next.file,
      token: async () => token(),
      open: () => new XMLHttpRequest() as unknown as Sending,
      onProgress: (progress) => this.#change(next.id, { progress }),
    });
    this.#current = { id: next.id, cancel };
    promise
      .then(
        (stored) => {
          this.remove(next.id);
          uploaded(next.file, stored.url);
        },
        (error: unknown) => {
          const { type } = toWireError(error);
          this.#change(next.id, { error: SAME[type] ?? type, progress: 0 });
        },
      )
      .finally(() => {
        this.#current = undefined;
        this.#next();
      });
  }

  #change(id: string, change: Partial<Outgoing>): void {
    this.list = this.list.map((file) => (file.id === id ? { ...file, ...change } : file));
    this.#options.changed();
  }
}
