import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { AllEvents } from '../src/sdk/api';
import type { Sdk } from '../src/sdk/sdk';
import { EVENTS } from './support/documented';
import { CUSTOMER, FakePage } from './support/page';

type Json = Record<string, unknown>;
type Name = keyof AllEvents;

const seen = new Set<string>();
after(() => assert.deepEqual([...seen].sort(), EVENTS, 'every documented event is exercised'));

/** Everything the instance tells from now on, as `[name, payload]`. */
function record(sdk: Sdk): unknown[] {
  const told: unknown[] = [];
  for (const name of [...EVENTS, 'send_failed', 'history_lost'] as Name[]) {
    sdk.on(name, (payload) => {
      if (EVENTS.includes(name)) seen.add(name);
      told.push(payload === undefined ? [name] : [name, payload]);
    });
  }
  return told;
}

async function connected(page = new FakePage(), config = {}) {
  page.login.chats = [{ chat_id: 'chat-1', last_seq: 4 }];
  const sdk = page.open(config);
  await page.settle();
  return { page, sdk, told: record(sdk) };
}

const AT = '2026-11-20T10:00:00.000000Z';
const WIRE_EVENT = { id: 'e5', type: 'message', seq: 5, created_at: AT, author_id: 'a1', text: 'Hello' };
const EVENT = { id: 'e5', type: 'message', seq: 5, threadId: 't1', createdAt: AT, authorId: 'a1', text: 'Hello', properties: {} };
const WIRE_AGENT = { id: 'a1', type: 'agent', name: 'Olive', avatar: 'https://x.test/a.png', job_title: 'Support', present: true };
const AGENT = { id: 'a1', type: 'agent', name: 'Olive', avatar: 'https://x.test/a.png', jobTitle: 'Support', present: true };
const IDS = { chat_id: 'chat-1', thread_id: 't1', event_id: 'e1' };
const READ_IDS = { chatId: 'chat-1', threadId: 't1', eventId: 'e1' };
const { event_id: _, ...WIRE_THREAD } = IDS;
const { eventId: __, ...THREAD } = READ_IDS;
const UPDATED = { a_b: { c_d: 1 } };
const DELETED = { a_b: ['c_d'] };
const GREETING = {
  id: 7,
  unique_id: 'G1',
  displayed_first_time: true,
  accepted: false,
  event: { ...WIRE_EVENT, seq: undefined, id: 'g1', text: 'May I help?' },
  agent: { id: 'a1', name: 'Olive', avatar: '', job_title: 'Support', is_bot: false },
};
const READ_GREETING = {
  id: 7,
  uniqueId: 'G1',
  displayedFirstTime: true,
  accepted: false,
  text: 'May I help?',
  event: { ...EVENT, seq: 0, threadId: '', id: 'g1', text: 'May I help?' },
  agent: { id: 'a1', type: 'agent', name: 'Olive', avatar: '', jobTitle: 'Support', isBot: false },
};

/** Push, its payload, and what the page is told. */
const CASES: [string, Json, unknown[]][] = [
  ['incoming_multicast', { type: 'lc2', content: { name: 'groups_update', groups: [{ status: 'offline' }] } }, ['availability_updated', { availability: 'offline' }]],
  ['incoming_multicast', { type: 'lc2', content: { name: 'groups_update', groups: [{ status: 'online_for_queue' }] } }, ['availability_updated', { availability: 'online' }]],
  ['chat_deactivated', { ...WIRE_THREAD, seq: 5, user_id: 'a1' }, ['chat_deactivated', { chatId: 'chat-1' }]],
  ['chat_properties_updated', { chat_id: 'chat-1', seq: 5, properties: UPDATED }, ['chat_properties_updated', { chatId: 'chat-1', properties: UPDATED }]],
  ['chat_properties_deleted', { chat_id: 'chat-1', seq: 5, properties: DELETED }, ['chat_properties_deleted', { chatId: 'chat-1', properties: DELETED }]],
  [
    'chat_transferred',
    { ...WIRE_THREAD, seq: 5, reason: 'manual', requester_id: 'a1', transferred_to: { group_ids: [2] }, queue: { position: 1, wait_time: 9, queued_at: AT } },
    ['chat_transferred', { ...THREAD, reason: 'manual', requesterId: 'a1', transferredTo: { groupIds: [2] }, queue: { position: 1, waitTime: 9, queuedAt: AT } }],
  ],
  [
    'chat_transferred',
    { ...WIRE_THREAD, seq: 5, reason: 'unassigned', transferred_to: { agent_ids: ['a2'] } },
    ['chat_transferred', { ...THREAD, reason: 'unassigned', transferredTo: { agentIds: ['a2'] }, queue: null }],
  ],
  ['customer_page_updated', { url: 'https://shop.test/b', title: 'B', timestamp: 1_760_000_000 }, ['customer_page_updated', { url: 'https://shop.test/b', title: 'B', timestamp: 1_760_000_000_000 }]],
  [
    'customer_updated',
    { customer: { id: 'customer-1', name: 'Eve', session_fields: [{ a: '1' }, { b_c: '2' }] } },
    ['customer_updated', { customer: { name: 'Eve', sessionFields: { a: '1', b_c: '2' } } }],
  ],
  ['event_properties_updated', { ...IDS, seq: 5, properties: UPDATED }, ['event_properties_updated', { ...READ_IDS, properties: UPDATED }]],
  ['event_properties_deleted', { ...IDS, seq: 5, properties: DELETED }, ['event_properties_deleted', { ...READ_IDS, properties: DELETED }]],
  ['event_updated', { ...WIRE_THREAD, seq: 5, event: { ...WIRE_EVENT, seq: 3, text: 'New' } }, ['event_updated', { ...THREAD, event: { ...EVENT, seq: 3, text: 'New' } }]],
  ['events_marked_as_seen', { chat_id: 'chat-1', seq: 5, user_id: 'a1', seen_up_to: AT }, ['events_marked_as_seen', { chatId: 'chat-1', userId: 'a1', seenUpTo: AT }]],
  ['greeting_accepted', { unique_id: 'G1' }, ['greeting_accepted', { uniqueId: 'G1' }]],
  ['greeting_canceled', { unique_id: 'G1' }, ['greeting_canceled', { uniqueId: 'G1' }]],
  ['incoming_greeting', GREETING, ['incoming_greeting', READ_GREETING]],
  ['incoming_event', { ...WIRE_THREAD, event: WIRE_EVENT }, ['incoming_event', { chatId: 'chat-1', event: EVENT }]],
  [
    'incoming_rich_message_postback',
    { ...IDS, seq: 5, user_id: 'customer-1', postback: { id: 'b1', toggled: true } },
    ['incoming_rich_message_postback', { ...READ_IDS, userId: 'customer-1', postback: { id: 'b1', toggled: true } }],
  ],
  [
    'incoming_typing_indicator',
    { ...WIRE_THREAD, typing_indicator: { author_id: 'a1', recipients: 'all', timestamp: 1, is_typing: true } },
    ['incoming_typing_indicator', { chatId: 'chat-1', typingIndicator: { authorId: 'a1', isTyping: true } }],
  ],
  ['queue_position_updated', { ...WIRE_THREAD, queue: { position: 2, wait_time: 60 } }, ['queue_position_updated', { ...THREAD, queue: { position: 2, waitTime: 60 } }]],
  ['thread_properties_updated', { ...WIRE_THREAD, seq: 5, properties: UPDATED }, ['thread_properties_updated', { ...THREAD, properties: UPDATED }]],
  ['thread_properties_deleted', { ...WIRE_THREAD, seq: 5, properties: DELETED }, ['thread_properties_deleted', { ...THREAD, properties: DELETED }]],
  ['user_removed_from_chat', { ...WIRE_THREAD, seq: 5, user_id: 'a1', reason: 'manual' }, ['user_removed_from_chat', { chatId: 'chat-1', userId: 'a1' }]],
];

for (const [action, payload, expected] of CASES) {
  test(`the push ${action} is told as ${String(expected[0])}`, async () => {
    const { page, told } = await connected();

    page.socket.push(action, payload);
    // What was told already is not told again.
    if (JSON.stringify(payload).includes('"seq":5')) page.socket.push(action, payload);

    assert.deepEqual(told, [expected]);
  });
}

test('who comes into a chat is told before what brought them', async () => {
  const { page, told } = await connected();
  page.socket.push('user_added_to_chat', { ...WIRE_THREAD, seq: 5, user: WIRE_AGENT, reason: 'assigned' });
  page.socket.push('incoming_chat', {
    chat: { id: 'chat-1', users: [WIRE_AGENT], thread: { id: 't2', active: true, created_at: AT, user_ids: ['a1'], events: [] } },
    seq: 6,
    last_seq: 6,
  });

  const thread = { id: 't2', chatId: 'chat-1', active: true, createdAt: AT, userIds: ['a1'], events: [], properties: {}, access: {}, previousThreadId: null, nextThreadId: null };
  assert.deepEqual(told, [
    ['user_data', AGENT],
    ['user_added_to_chat', { chatId: 'chat-1', user: AGENT, present: true }],
    ['user_data', AGENT],
    ['incoming_chat', { chat: { id: 'chat-1', access: {}, users: [AGENT], properties: {}, thread, eventsSeenUpToMap: { a1: null } } }],
  ]);
});

test('every type of event arrives with its fields', async () => {
  const { page, told } = await connected();
  const types: [Json, Json][] = [
    [
      { type: 'file', name: 'a.png', url: 'u', content_type: 'image/png', size: 9, width: 3, height: 2, thumbnail_url: 't', thumbnail2x_url: 't2' },
      { type: 'file', name: 'a.png', url: 'u', contentType: 'image/png', size: 9, width: 3, height: 2, thumbnailUrl: 't', thumbnail2xUrl: 't2' },
    ],
    [
      { type: 'filled_form', form_id: 'f', fields: [{ id: '0', type: 'group_chooser', label: 'Who', answer: { id: '1', group_id: 2, label: 'Tea' } }] },
      { type: 'filled_form', formId: 'f', fields: [{ id: '0', type: 'group_chooser', label: 'Who', answer: { id: '1', groupId: 2, label: 'Tea' } }] },
    ],
    [
      { type: 'system_message', text: 'Rated', system_message_type: 'rating.chat_rated', text_vars: { customer_name: 'Ada' } },
      { type: 'system_message', text: 'Rated', systemMessageType: 'rating.chat_rated', textVars: { customer_name: 'Ada' } },
    ],
    [
      { type: 'rich_message', template_id: 'cards', elements: [{ title: 'T', buttons: [{ type: 'webview', text: 'B', postback_id: 'p', user_ids: ['a1'], webview_height: 'tall' }] }] },
      { type: 'rich_message', templateId: 'cards', elements: [{ title: 'T', buttons: [{ type: 'webview', text: 'B', postbackId: 'p', userIds: ['a1'], webviewHeight: 'tall' }] }] },
    ],
    [{ type: 'custom', content: { my_key: 1 }, properties: { n_s: { k_k: 1 } } }, { type: 'custom', content: { my_key: 1 }, properties: { n_s: { k_k: 1 } } }],
  ];
  types.forEach(([wire], index) => {
    page.socket.push('incoming_event', { ...WIRE_THREAD, event: { id: 'e', created_at: AT, seq: 5 + index, ...wire } });
  });

  const base = { id: 'e', threadId: 't1', createdAt: AT, authorId: 'system', properties: {} };
  const expected = types.map(([, read], index) => ['incoming_event', { chatId: 'chat-1', event: { ...base, seq: 5 + index, ...read } }]);
  assert.deepEqual(told, expected);
});

test('the id comes before the login, and connected tells customer, availability and greeting', async () => {
  const page = new FakePage();
  page.login = { ...page.login, greeting: GREETING, __priv_dynamic_config: { customer_groups: { monitoring: { id: 0 } } } };
  const sdk = page.open();
  const told = record(sdk);
  await page.settle();

  assert.deepEqual(told, [
    ['customer_id', 'customer-1'],
    [
      'connected',
      {
        customer: {
          id: 'customer-1', type: 'customer', name: CUSTOMER.name, sessionFields: { plan: 'pro' },
          statistics: { chatsCount: 1, threadsCount: 2, visitsCount: 3, pageViewsCount: 4, greetingsShownCount: 5, greetingsAcceptedCount: 6 },
        },
        availability: 'offline',
        greeting: READ_GREETING,
      },
    ],
  ]);
});

test('what brought an answer is told to nobody on the connection that asked, other news is', async () => {
  const { page, sdk, told } = await connected();
  const sent = sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'Hello' } });
  await page.settle();
  const request = page.take();
  const { custom_id } = request.payload.event as Json;
  request.answer({});
  request.push('incoming_event', { ...WIRE_THREAD, event: { ...WIRE_EVENT, custom_id } });
  await sent;
  const rated = sdk.updateThreadProperties({ ...THREAD, properties: UPDATED });
  page.take().answer({});
  page.socket.push('thread_properties_updated', { ...WIRE_THREAD, seq: 6, properties: UPDATED });
  await rated;

  assert.deepEqual(told, [['thread_properties_updated', { ...THREAD, properties: UPDATED }]]);
});

test('a connection without a sign of life is unstable, and recovers with the next frame', async () => {
  const { page, told } = await connected();
  page.answersPings = false;

  await page.clock.advance(30_000);
  assert.deepEqual(told, [['connection_unstable']]);
  page.socket.receive({ action: 'ping', type: 'response', success: true, payload: {} });
  assert.deepEqual(told, [['connection_unstable'], ['connection_recovered']]);

  page.listener?.offline();
  page.listener?.offline();
  page.listener?.online();
  page.socket.receive({ action: 'ping', type: 'response', success: true, payload: {} });
  assert.deepEqual(told.slice(2), [['connection_unstable'], ['connection_recovered']]);
  assert.equal(page.sockets.length, 1);
});

test('news of later servers and half news disturb nothing', async () => {
  const { page, told } = await connected();
  for (const action of [...EVENTS, 'constructor', 'toString', 'later_invention']) page.socket.push(action, {});
  page.socket.push('incoming_event', { chat_id: 'chat-1', thread_id: 't1', event: { seq: 5, type: 'later' } });

  assert.equal(page.sockets.length, 1);
  assert.deepEqual((told.at(-1) as [string, { event: Json }])[1].event.type, 'later');
});

test('disconnected is told when the connection is lost, and every reconnection is a connected', async () => {
  const { page, told } = await connected();
  page.socket.cut();
  await page.clock.advance(1_000);
  await page.settle();

  assert.deepEqual(told.map((entry) => (entry as unknown[])[0]), ['disconnected', 'connected']);
  assert.deepEqual(told[0], ['disconnected', { reason: 'connection_lost' }]);
});
