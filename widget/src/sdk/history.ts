import { type Call, EVENTS_A_PAGE, listThreads } from '../customer/actions';
import type { Thread } from '../customer/objects';
import type { ThreadsHistory } from './api';

/** Reads a chat backwards, whole threads at a time, so that no event is left out or comes twice whatever is written meanwhile. */
export class History implements ThreadsHistory {
  readonly #call: Call;
  readonly #chatId: string;
  #pageId: string | null | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(call: Call, chatId: string) {
    this.#call = call;
    this.#chatId = chatId;
  }

  next(): ReturnType<ThreadsHistory['next']> {
    const page = this.#turn.then(() => this.#read());
    // The next call waits for this one and reads the same page again if it failed.
    this.#turn = page.catch(() => {});
    return page;
  }

  async #read(): Promise<{ done: boolean; value: { threads: Thread[] } | undefined }> {
    if (this.#pageId === null) return { done: true, value: undefined };
    const chatId = this.#chatId;
    const first = { chatId, minEventsCount: EVENTS_A_PAGE };
    const { threads, nextPageId } = await listThreads(this.#call, this.#pageId ? { chatId, pageId: this.#pageId } : first);
    this.#pageId = nextPageId;
    return { done: nextPageId === null, value: { threads: threads.reverse() } };
  }
}
