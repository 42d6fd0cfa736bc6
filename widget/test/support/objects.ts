// Objects on the wire, and as the Customer SDK gives them.

export const AT = '2026-11-20T10:00:00.000000Z';
export const EVENT = { id: 'e1', type: 'message', seq: 3, created_at: AT, author_id: 'customer-1', text: 'Hi 🍵', custom_id: 'c1' };
export const READ_EVENT = {
  id: 'e1', type: 'message', seq: 3, threadId: 't1', createdAt: AT, authorId: 'customer-1', text: 'Hi 🍵', customId: 'c1', properties: {},
};
export const AGENT = { id: 'a1', type: 'agent', name: 'Olive', avatar: '', job_title: 'Support', present: true, events_seen_up_to: AT };
export const READ_AGENT = { id: 'a1', type: 'agent', name: 'Olive', avatar: '', jobTitle: 'Support', present: true };
export const THREAD = {
  id: 't1', active: true, created_at: AT, user_ids: ['customer-1', 'a1'], events: [EVENT], access: { group_ids: [0] },
  properties: { rating: { score: 1 } }, previous_thread_id: 't0', queue: { position: 2, wait_time: 60, queued_at: AT },
};
export const READ_THREAD = {
  id: 't1', chatId: 'chat-1', active: true, createdAt: AT, userIds: ['customer-1', 'a1'], events: [READ_EVENT], access: { groupIds: [0] },
  properties: { rating: { score: 1 } }, previousThreadId: 't0', nextThreadId: null, queue: { position: 2, waitTime: 60, queuedAt: AT },
};
export const CHAT = { id: 'chat-1', users: [AGENT], access: { group_ids: [0] }, properties: { a: { b_c: 1 } }, thread: THREAD };
export const READ_CHAT = {
  id: 'chat-1', users: [READ_AGENT], access: { groupIds: [0] }, properties: { a: { b_c: 1 } }, thread: READ_THREAD,
  eventsSeenUpToMap: { a1: AT },
};
export const PROPERTIES = { shop: { basket_value: '10', isRegular: true } };
export const EVENT_IDS = { chatId: 'chat-1', threadId: 't1', eventId: 'e1' };
export const WIRE_IDS = { chat_id: 'chat-1', thread_id: 't1', event_id: 'e1' };
const { eventId: _, ...THREAD_IDS } = EVENT_IDS;
const { event_id: __, ...WIRE_THREAD } = WIRE_IDS;
export { THREAD_IDS, WIRE_THREAD };
export const DONE = { success: true };
export const FIELDS = { name: 'Ada', email: 'ada@example.com', sessionFields: { plan_name: 'pro' } };
export const WIRE_FIELDS = { name: 'Ada', email: 'ada@example.com', session_fields: [{ plan_name: 'pro' }] };
