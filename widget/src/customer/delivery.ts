import { WireError } from '../wire/frames';
import { activateChat, type Call, listChats, sendEvent, startChat } from './actions';
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
  const thread = { events: [event] };
  const isStarted = !target.chatId && (await start(call, target, event));
  if (isStarted) return;
  const { chatId } = target;
  if (target.isActive && (await unless('chat_inactive', sendEvent(call, { chatId, event })))) return;
  // Another tab or the agent may have opened the thread meanwhile.
  const activated = activateChat(call, { chat: { id: chatId, thread }, continuous: true });
  if (!(await unless('chat_already_active', activated))) await sendEvent(call, { chatId, event });
}

/** False when the customer has a chat already, which is now known. */
async function start(call: Call, target: Target, event: NewEvent): Promise<boolean> {
  const started = startChat(call, { chat: { thread: { events: [event] } }, continuous: true }).then(({ chat }) => {
    target.chatId = chat.id;
  });
  if (await unless('chat_limit_reached', started)) return true;
  const [chat] = (await listChats(call)).chatsSummary;
  if (!chat) throw new WireError('not_found', 'The chat is gone.', true);
  target.chatId = chat.id;
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
