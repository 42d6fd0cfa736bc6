import { WireError } from '../wire/frames';
import { type Call, newEvent, sendEvent } from './actions';
import { list, string } from './case';
import type { NewEvent } from './objects';

/** The one chat as a delivery must know it. */
export interface Target {
  chatId: string;
  readonly isActive: boolean;
}

/** Brings an event into the visitor's one chat, whatever it takes: opens the chat, or a new thread of it, or writes into the open one. */
export async function deliver(send: Call, target: Target, event: NewEvent): Promise<void> {
  // What was stored comes by the chat's own numbers: the response is all that is waited for.
  const call: Call = (action, payload) => send(action, payload);
  const thread = { events: [newEvent(event)] };
  const isStarted = !target.chatId && (await start(call, target, thread));
  if (isStarted) return;
  const { chatId } = target;
  if (target.isActive && (await unless('chat_inactive', sendEvent(call, { chatId, event })))) return;
  // Another tab or the agent may have opened the thread meanwhile.
  const activated = call('activate_chat', { chat: { id: chatId, thread }, continuous: true });
  if (!(await unless('chat_already_active', activated))) await sendEvent(call, { chatId, event });
}

/** False when the customer has a chat already, which is now known. */
async function start(call: Call, target: Target, thread: object): Promise<boolean> {
  const started = call('start_chat', { chat: { thread }, continuous: true }).then(({ chat_id }) => {
    target.chatId = string(chat_id);
  });
  if (await unless('chat_limit_reached', started)) return true;
  const { chats_summary } = await call('list_chats', { limit: 1 });
  const [chat] = list(chats_summary);
  if (!chat) throw new WireError('not_found', 'The chat is gone.', true);
  target.chatId = string(chat.id);
  return false;
}

/** True when it was done, false when it failed for the expected reason; other failures go on. */
async function unless(reason: string, done: Promise<unknown>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (error instanceof WireError && error.type === reason) return false;
    throw error;
  }
}
