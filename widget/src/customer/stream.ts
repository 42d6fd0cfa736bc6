import type { Push } from '../wire/frames';
import { type Json, list, object, string } from './case';
import { seqOf } from './read';

/** What a page of `resume` asks for next. */
export type Resumed = 'more' | 'complete' | 'resync';

/**
 * The numbers of one chat. Numbered changes are let through once each and in order: what was seen already is dropped, and what leaves a
 * hole is held back until `resume` brings it again with what is missing.
 */
export class Stream {
  readonly #apply: (push: Push) => void;
  #last = 0;
  #highest = 0;

  constructor(apply: (push: Push) => void, last = 0) {
    this.#apply = apply;
    this.start(last);
  }

  /** The number up to which nothing is missing. */
  get last(): number {
    return this.#last;
  }

  /** A number above `last` was heard of, so something is missing. */
  get hasHole(): boolean {
    return this.#highest > this.#last;
  }

  /** Nothing up to this number is missing, from wherever it was got. */
  start(last: number): void {
    this.#last = last;
    this.#highest = last;
  }

  /** Everything up to this number exists. */
  hearOf(seq: number): void {
    this.#highest = Math.max(this.#highest, seq);
  }

  /** Takes a push; what is not numbered goes straight through. */
  push(push: Push): void {
    const { payload } = push;
    const seq = push.action === 'incoming_event' ? seqOf(object(payload.event)) : seqOf(payload);
    // The connection that opened a thread gets all that happened up to `last_seq` in one piece.
    const lastSeq = push.action === 'incoming_chat' ? Math.max(seq, Number(payload.last_seq) || 0) : seq;
    this.hearOf(lastSeq);
    if (seq > this.#last + 1 || (seq !== 0 && lastSeq <= this.#last)) return;
    if (lastSeq) this.#last = lastSeq;
    this.#apply(push);
  }

  /** Takes one answer of `resume`. */
  resumed(chatId: string, payload: Json): Resumed {
    if (payload.resync === true) return 'resync';
    const before = this.#last;
    for (const entry of list(payload.events)) {
      const seq = seqOf(entry);
      if (seq <= this.#last) continue;
      // The server's own page has no holes: what it leaves out is not for this customer.
      this.#last = seq - 1;
      this.push(asPushed(chatId, entry, seq));
      this.#last = Math.max(this.#last, seq);
    }
    const lastSeq = typeof payload.last_seq === 'number' ? payload.last_seq : this.#last;
    if (this.#last === before) this.#last = Math.max(this.#last, lastSeq);
    this.#highest = Math.max(this.#highest, this.#last, lastSeq);
    return this.#last < this.#highest ? 'more' : 'complete';
  }
}

/** An entry of `resume` as it was, or would have been, pushed. */
function asPushed(chatId: string, entry: Json, seq: number): Push {
  if (entry.action) {
    // The start of a thread was drawn as the chat is now, but what is in it comes after it.
    return { action: string(entry.action), payload: { ...object(entry.payload), seq, last_seq: seq } };
  }
  if (entry.type === undefined) return { action: 'seq_only', payload: { chat_id: chatId, seq } };
  return { action: 'incoming_event', payload: { chat_id: chatId, thread_id: entry.thread_id, event: entry } };
}

/** The chat that a push is about; empty where it is about none. */
export function chatOf({ payload }: Push): string {
  return string(payload.chat_id) || string(object(payload.chat).id);
}
