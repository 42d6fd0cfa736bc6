import type { ShownGreeting } from '../customer/conversation';
import type { ChatEvent, SystemMessageEvent } from '../customer/objects';
import type { ThreadHead } from '../customer/replica';

/** How far an own message has come; `refused` needs the visitor's decision. */
export type MessageState = 'waiting' | 'stored' | 'seen' | 'refused';

export interface Message {
  key: string;
  text: string;
  /** Unix ms. */
  at: number;
  /** Own messages only. */
  state?: MessageState;
  /** Where the state is written out: at the last message of each run of a state. */
  showsState?: boolean;
  refusal?: string;
  /** What is more than a text. */
  event?: ChatEvent;
}

export type Row =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'thread'; key: string; at: number }
  | { kind: 'system'; key: string; event: SystemMessageEvent }
  | { kind: 'group'; key: string; isOwn: boolean; authorId: string; messages: Message[] };

interface Unsent {
  id: string;
  text: string;
  at: number;
  refused?: string;
  isAcknowledged: boolean;
}

export interface Source {
  events: ChatEvent[];
  threads: ReadonlyMap<string, ThreadHead>;
  unsent: Unsent[];
  agentSeenUpTo: string;
  greeting?: ShownGreeting | null;
  isOwn(event: ChatEvent): boolean;
}

const GROUP_MS = 3 * 60_000;

/** The lines of the window, oldest first: dividers by day and thread, system lines, and messages grouped by author and time. */
export function rows(source: Source): Row[] {
  const all: Row[] = [];
  let day = '';
  let threadId = '';

  function divide(at: number, thread: string): void {
    const date = new Date(at).toDateString();
    if (date !== day) all.push({ kind: 'day', key: `day ${date}`, at });
    if (threadId && thread && thread !== threadId) all.push({ kind: 'thread', key: `thread ${thread}`, at });
    day = date;
    threadId = thread || threadId;
  }

  function add(message: Message, authorId: string, isOwn: boolean): void {
    const last = all.at(-1);
    const isSameGroup =
      last?.kind === 'group' &&
      last.isOwn === isOwn &&
      (isOwn || last.authorId === authorId) &&
      message.at - (last.messages.at(-1)?.at ?? 0) < GROUP_MS;
    if (isSameGroup) last.messages.push(message);
    else all.push({ kind: 'group', key: message.key, isOwn, authorId, messages: [message] });
  }

  for (const event of withGreeting(source)) {
    const at = Date.parse(event.createdAt);
    divide(at, event.threadId);
    if (event.type === 'system_message') {
      all.push({ kind: 'system', key: event.id, event });
      continue;
    }
    const isOwn = source.isOwn(event);
    // An own message keeps the key it had while it waited, so that its bubble stays the same element.
    const message: Message = { key: event.customId ?? event.id, at, ...(event.type === 'message' ? { text: event.text } : { text: '', event }) };
    if (isOwn) message.state = event.createdAt <= source.agentSeenUpTo ? 'seen' : 'stored';
    add(message, event.authorId, isOwn);
  }
  for (const { id, text, at, refused, isAcknowledged } of source.unsent) {
    divide(Math.max(at, 0), '');
    const state = isAcknowledged ? 'stored' : refused ? 'refused' : 'waiting';
    add({ key: id, text, at, state, ...(refused && { refusal: refused }) }, '', true);
  }
  showStates(all);
  return all;
}

/** A greeting is none of the chat's events; it stands among them where it came. */
function withGreeting({ events, greeting }: Source): ChatEvent[] {
  if (!greeting) return events;
  const isBefore = ({ seq }: ChatEvent): boolean => seq <= greeting.afterSeq;
  const event = { ...greeting.event, authorId: greeting.agent.id };
  return [...events.filter(isBefore), event, ...events.filter((event) => !isBefore(event))];
}

function showStates(all: Row[]): void {
  const own = all.flatMap((row) => (row.kind === 'group' && row.isOwn ? row.messages : []));
  own.forEach((message, index) => {
    message.showsState = message.state !== own[index + 1]?.state || message.state === 'refused';
  });
}
