import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CustomerSDK } from '../src/sdk/api';
import { METHODS } from './support/documented';
import {
  AGENT,
  AT,
  CHAT,
  DONE,
  EVENT,
  EVENT_IDS,
  FIELDS,
  PROPERTIES,
  READ_AGENT,
  READ_CHAT,
  READ_EVENT,
  READ_THREAD,
  THREAD,
  THREAD_IDS,
  WIRE_FIELDS,
  WIRE_IDS,
  WIRE_THREAD,
} from './support/objects';
import { CUSTOMER, FakePage } from './support/page';

type Json = Record<string, unknown>;

const exercised = new Set<string>();
after(() => assert.deepEqual([...exercised].sort(), METHODS, 'every documented method is exercised'));

/** The instance with a note of what is called on it. */
function watched(sdk: CustomerSDK): CustomerSDK {
  return new Proxy(sdk, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      exercised.add(String(name));
      return value.bind(target);
    },
  });
}

async function connected(config = {}) {
  const page = new FakePage();
  page.login.chats = [{ chat_id: 'chat-1', last_seq: 2 }];
  const sdk = watched(page.open(config));
  await page.settle();
  return { page, sdk };
}

interface Case {
  call(sdk: CustomerSDK): Promise<unknown>;
  action: string;
  payload: Json;
  answer?: Json;
  /** The push that settles it. */
  push?: [string, Json];
  result?: unknown;
}

const CASES: Record<string, Case> = {
  acceptGreeting: {
    call: (sdk) => sdk.acceptGreeting({ greetingId: 7, uniqueId: 'G1' }),
    action: 'accept_greeting',
    payload: { greeting_id: 7, unique_id: 'G1' },
  },
  cancelGreeting: { call: (sdk) => sdk.cancelGreeting({ uniqueId: 'G1' }), action: 'cancel_greeting', payload: { unique_id: 'G1' } },
  startChat: {
    call: (sdk) =>
      sdk.startChat({
        continuous: true,
        chat: {
          access: { groupIds: [2] },
          properties: PROPERTIES,
          thread: { events: [{ type: 'message', text: 'Hi', customId: 'c1' }], properties: PROPERTIES },
        },
      }),
    action: 'start_chat',
    payload: {
      continuous: true,
      chat: {
        access: { group_ids: [2] },
        properties: PROPERTIES,
        thread: { events: [{ type: 'message', text: 'Hi', custom_id: 'c1' }], properties: PROPERTIES },
      },
    },
    answer: { chat_id: 'chat-1', thread_id: 't1' },
    push: ['incoming_chat', { chat: CHAT, seq: 3, last_seq: 4 }],
    result: { chat: READ_CHAT },
  },
  activateChat: {
    call: (sdk) => sdk.activateChat({ chat: { id: 'chat-1', thread: { events: [] } } }),
    action: 'activate_chat',
    payload: { chat: { id: 'chat-1', thread: { events: [] } } },
    answer: { thread_id: 't1' },
    push: ['incoming_chat', { chat: CHAT, seq: 3, last_seq: 4 }],
    result: { chat: READ_CHAT },
  },
  deactivateChat: {
    call: (sdk) => sdk.deactivateChat({ chatId: 'chat-1' }),
    action: 'deactivate_chat',
    payload: { chat_id: 'chat-1' },
    push: ['chat_deactivated', { chat_id: 'chat-1', thread_id: 't1', seq: 3 }],
  },
  deleteChatProperties: {
    call: (sdk) => sdk.deleteChatProperties({ chatId: 'chat-1', properties: { shop: ['basket_value'] } }),
    action: 'delete_chat_properties',
    payload: { chat_id: 'chat-1', properties: { shop: ['basket_value'] } },
  },
  deleteThreadProperties: {
    call: (sdk) => sdk.deleteThreadProperties({ ...THREAD_IDS, properties: { shop: ['basket_value'] } }),
    action: 'delete_thread_properties',
    payload: { ...WIRE_THREAD, properties: { shop: ['basket_value'] } },
  },
  deleteEventProperties: {
    call: (sdk) => sdk.deleteEventProperties({ ...EVENT_IDS, properties: { shop: ['basket_value'] } }),
    action: 'delete_event_properties',
    payload: { ...WIRE_IDS, properties: { shop: ['basket_value'] } },
  },
  updateChatProperties: {
    call: (sdk) => sdk.updateChatProperties({ chatId: 'chat-1', properties: PROPERTIES }),
    action: 'update_chat_properties',
    payload: { chat_id: 'chat-1', properties: PROPERTIES },
  },
  updateThreadProperties: {
    call: (sdk) => sdk.updateThreadProperties({ ...THREAD_IDS, properties: PROPERTIES }),
    action: 'update_thread_properties',
    payload: { ...WIRE_THREAD, properties: PROPERTIES },
  },
  updateEventProperties: {
    call: (sdk) => sdk.updateEventProperties({ ...EVENT_IDS, properties: PROPERTIES }),
    action: 'update_event_properties',
    payload: { ...WIRE_IDS, properties: PROPERTIES },
  },
  getChat: {
    call: (sdk) => sdk.getChat({ chatId: 'chat-1', threadId: 't1' }),
    action: 'get_chat',
    payload: { chat_id: 'chat-1', thread_id: 't1' },
    answer: CHAT,
    result: READ_CHAT,
  },
  getCustomer: {
    call: (sdk) => sdk.getCustomer(),
    action: 'get_customer',
    payload: {},
    answer: CUSTOMER,
    result: {
      id: 'customer-1',
      type: 'customer',
      name: 'Ada',
      sessionFields: { plan: 'pro' },
      statistics: {
        chatsCount: 1, threadsCount: 2, visitsCount: 3, pageViewsCount: 4, greetingsShownCount: 5, greetingsAcceptedCount: 6,
      },
    },
  },
  getForm: {
    call: (sdk) => sdk.getForm({ groupId: 0, type: 'prechat' }),
    action: 'get_form',
    payload: { group_id: 0, type: 'prechat' },
    answer: { enabled: true, form: { id: 'f1', fields: [{ id: '1', type: 'group_chooser', options: [{ id: '0', group_id: 2, label: 'Tea' }] }] } },
    result: { enabled: true, form: { id: 'f1', fields: [{ id: '1', type: 'group_chooser', options: [{ id: '0', groupId: 2, label: 'Tea' }] }] } },
  },
  getPredictedAgent: {
    call: (sdk) => sdk.getPredictedAgent({ groupId: 2 }),
    action: 'get_predicted_agent',
    payload: { group_id: 2 },
    answer: { id: 'a1', type: 'agent', name: 'Olive', avatar: '', job_title: 'Support', is_bot: false },
    result: { id: 'a1', type: 'agent', name: 'Olive', avatar: '', jobTitle: 'Support', isBot: false },
  },
  getUrlInfo: {
    call: (sdk) => sdk.getUrlInfo({ url: 'https://tea.test/' }),
    action: 'get_url_info',
    payload: { url: 'https://tea.test/' },
    answer: { url: 'https://tea.test/', title: 'Tea', description: 'Leaves', image_url: 'chat.test/i.png', image_width: 4, image_height: 3 },
    result: { url: 'https://tea.test/', title: 'Tea', description: 'Leaves', imageUrl: 'https://chat.test/i.png', imageWidth: 4, imageHeight: 3 },
  },
  listChats: {
    call: (sdk) => sdk.listChats({ limit: 5, pageId: 'p' }),
    action: 'list_chats',
    payload: { limit: 5, page_id: 'p' },
    answer: {
      chats_summary: [
        { id: 'old', active: false, users: [AGENT], last_event_per_type: {} , last_thread_created_at: '2026-01-01T00:00:00.000000Z' },
        {
          id: 'chat-1', active: true, users: [AGENT], access: { group_ids: [0] }, last_thread_id: 't1', last_thread_created_at: AT,
          last_event_per_type: { message: { thread_id: 't1', event: EVENT } },
        },
      ],
      total_chats: 2,
      next_page_id: 'n',
    },
    result: {
      chatsSummary: [
        {
          id: 'chat-1', active: true, users: [READ_AGENT], access: { groupIds: [0] }, properties: {}, lastThreadId: 't1',
          lastThreadCreatedAt: AT, eventsSeenUpToMap: { a1: AT }, lastEventsPerType: { message: READ_EVENT }, lastEvent: READ_EVENT,
        },
        {
          id: 'old', active: false, users: [READ_AGENT], access: {}, properties: {}, eventsSeenUpToMap: { a1: AT },
          lastThreadCreatedAt: '2026-01-01T00:00:00.000000Z',
        },
      ],
      totalChats: 2,
      users: [READ_AGENT],
      previousPageId: null,
      nextPageId: 'n',
    },
  },
  listGroupStatuses: {
    call: (sdk) => sdk.listGroupStatuses({ groupIds: [3, 10] }),
    action: 'list_group_statuses',
    payload: { group_ids: [3, 10] },
    answer: { groups_status: { 3: 'online', 10: 'online_for_queue' } },
    result: { 3: 'online', 10: 'online_for_queue' },
  },
  listThreads: {
    call: (sdk) => sdk.listThreads({ chatId: 'chat-1', sortOrder: 'asc', limit: 3 }),
    action: 'list_threads',
    payload: { chat_id: 'chat-1', sort_order: 'asc', limit: 3 },
    answer: { threads: [THREAD], found_threads: 1, previous_page_id: 'p' },
    result: { threads: [READ_THREAD], previousPageId: 'p', nextPageId: null },
  },
  markEventsAsSeen: {
    call: (sdk) => sdk.markEventsAsSeen({ chatId: 'chat-1', seenUpTo: AT }),
    action: 'mark_events_as_seen',
    payload: { chat_id: 'chat-1', seen_up_to: AT },
  },
  sendEvent: {
    call: (sdk) =>
      sdk.sendEvent({
        chatId: 'chat-1',
        attachToLastThread: true,
        event: {
          type: 'message',
          text: 'Hi 🍵',
          customId: 'c1',
          properties: PROPERTIES,
          postback: { id: 'b1', threadId: 't1', eventId: 'e0', type: 'message', value: 'yes' },
        },
      }),
    action: 'send_event',
    payload: {
      chat_id: 'chat-1',
      attach_to_last_thread: true,
      event: {
        type: 'message',
        text: 'Hi 🍵',
        custom_id: 'c1',
        properties: PROPERTIES,
        postback: { id: 'b1', thread_id: 't1', event_id: 'e0', type: 'message', value: 'yes' },
      },
    },
    answer: { event_id: 'e1', custom_id: 'c1', seq: 3, duplicate: false },
    push: ['incoming_event', { chat_id: 'chat-1', thread_id: 't1', event: EVENT }],
    result: READ_EVENT,
  },
  sendRichMessagePostback: {
    call: (sdk) => sdk.sendRichMessagePostback({ ...EVENT_IDS, postback: { id: 'b1' } }),
    action: 'send_rich_message_postback',
    payload: { ...WIRE_IDS, postback: { id: 'b1', toggled: true } },
  },
  setCustomerSessionFields: {
    call: (sdk) => sdk.setCustomerSessionFields({ sessionFields: { plan_name: 'pro' } }),
    action: 'set_customer_session_fields',
    payload: { session_fields: [{ plan_name: 'pro' }] },
  },
  updateCustomer: { call: (sdk) => sdk.updateCustomer(FIELDS), action: 'update_customer', payload: WIRE_FIELDS },
};

for (const [name, { call, action, payload, answer = {}, push, result = DONE }] of Object.entries(CASES)) {
  test(`${name} asks for ${action} and resolves as documented`, async () => {
    const { page, sdk } = await connected();

    const resolved = call(sdk);
    await page.settle();
    const request = page.take();
    request.answer(answer);
    if (push) request.push(...push);

    assert.deepEqual([request.action, request.payload], [action, payload]);
    assert.deepEqual(await resolved, result);
    assert.deepEqual(page.waiting, []);
  });

  test(`${name} rejects with the code of the refusal, and when the connection is lost or gone`, async () => {
    const { page, sdk } = await connected();
    const code = (rejected: Promise<unknown>): Promise<unknown> => rejected.then(() => 'resolved', ({ code }) => code);

    const refused = code(call(sdk));
    await page.settle();
    page.take().refuse('validation', { retryable: false });
    assert.equal(await refused, 'VALIDATION');

    if (name !== 'sendEvent') {
      const lost = code(call(sdk));
      await page.settle();
      page.socket.cut();
      assert.equal(await lost, 'CONNECTION_LOST');
      assert.equal(await code(call(sdk)), 'NO_CONNECTION');
    }
    sdk.disconnect();
    assert.equal(await code(call(sdk)), 'NO_CONNECTION');
    sdk.destroy();
    assert.equal(await code(call(sdk)), 'SDK_DESTROYED');
  });
}

test('rateChat and cancelRate change the newest thread, and need one', async () => {
  const { page, sdk } = await connected();
  const rated = sdk.rateChat({ chatId: 'chat-1', rating: { score: 1, comment: 'Good' } });
  await page.settle();
  page.take().answer({ threads: [THREAD] });
  await page.settle();
  const update = page.take();
  update.answer();
  assert.deepEqual([update.action, update.payload], [
    'update_thread_properties',
    { ...WIRE_THREAD, event_id: undefined, properties: { rating: { score: 1, comment: 'Good' } } },
  ].map((value) => JSON.parse(JSON.stringify(value))));
  assert.deepEqual(await rated, DONE);

  const canceled = sdk.cancelRate({ chatId: 'chat-1', properties: ['score', 'comment'] });
  await page.settle();
  page.take().answer({ threads: [THREAD] });
  await page.settle();
  const deletion = page.take();
  deletion.answer();
  assert.equal(deletion.action, 'delete_thread_properties');
  assert.deepEqual(deletion.payload.properties, { rating: ['score', 'comment'] });
  assert.deepEqual(await canceled, DONE);

  for (const rate of [() => sdk.rateChat({ chatId: 'c', rating: { score: 0 } }), () => sdk.cancelRate({ chatId: 'c' })]) {
    const missing = rate().catch(({ code }) => code);
    await page.settle();
    page.take().answer({ threads: [] });
    assert.equal(await missing, 'MISSING_CHAT_THREAD');
  }
});

test('the history pages back without holes or repeats, calls queue up, and a failed page is read again', async () => {
  const { page, sdk } = await connected();
  const history = sdk.getChatHistory({ chatId: 'chat-1' });
  const thread = (id: string): Json => ({ ...THREAD, id, events: [] });

  const [first, second] = [history.next(), history.next().catch(({ code }) => code)];
  await page.settle();
  assert.deepEqual(page.waiting, ['list_threads']);
  const newest = page.take();
  assert.deepEqual(newest.payload, { chat_id: 'chat-1', sort_order: 'desc', min_events_count: 25 });
  newest.answer({ threads: [thread('t4'), thread('t3')], next_page_id: 'p2' });
  const { done, value } = await first;
  assert.deepEqual([done, value?.threads.map(({ id }) => id)], [false, ['t3', 't4']]);
  await page.settle();
  page.take().refuse('internal');
  assert.equal(await second, 'INTERNAL');

  const again = history.next();
  await page.settle();
  const older = page.take();
  assert.deepEqual(older.payload, { chat_id: 'chat-1', page_id: 'p2' });
  older.answer({ threads: [thread('t2'), thread('t1')] });
  const last = await again;
  assert.deepEqual([last.done, last.value?.threads.map(({ id }) => id)], [true, ['t1', 't2']]);
  assert.deepEqual(await history.next(), { done: true, value: undefined });
});

test('setSneakPeek is sent for active chats only and answers with nothing', async () => {
  const { page, sdk } = await connected();

  assert.equal(sdk.setSneakPeek({ chatId: 'chat-1', sneakPeekText: 'not yet' }), undefined);
  page.socket.push('incoming_chat', { chat: CHAT, seq: 3, last_seq: 4 });
  sdk.setSneakPeek({ chatId: 'chat-1', sneakPeekText: 'what is' });
  const peek = page.take();
  assert.deepEqual([peek.action, peek.payload], ['send_sneak_peek', { chat_id: 'chat-1', sneak_peek_text: 'what is' }]);
  peek.refuse('internal');
  page.socket.push('chat_deactivated', { chat_id: 'chat-1', thread_id: 't1', seq: 5 });
  sdk.setSneakPeek({ chatId: 'chat-1', sneakPeekText: 'too late' });

  assert.deepEqual(page.waiting, []);
});

test('updateCustomerPage is told while connected, else with the next login', async () => {
  const page = new FakePage();
  const sdk = watched(page.open({ autoConnect: false }));
  assert.equal(sdk.updateCustomerPage({ url: 'https://shop.test/a', title: 'A' }), undefined);

  sdk.connect();
  await page.settle();
  assert.deepEqual(page.socket.sent[0]?.payload?.customer_page, { url: 'https://shop.test/a', title: 'A' });
  sdk.updateCustomerPage({ url: 'https://shop.test/b', title: 'B' });

  const update = page.take();
  assert.deepEqual([update.action, update.payload], ['update_customer_page', { url: 'https://shop.test/b', title: 'B' }]);
});

test('sendTicketForm posts who writes and what, with a key against doubles', async () => {
  const { page, sdk } = await connected();
  page.answerPost = (url) => (url.endsWith('/v2/tickets/new') ? { status: 201, body: { id: 12 } } : undefined);

  const sent = await sdk.sendTicketForm({
    groupId: 10,
    timeZone: 'Europe/Berlin',
    filledForm: {
      type: 'filled_form',
      formId: 'f1',
      fields: [
        { type: 'subject', id: '0', label: 'Subject:', answer: 'Order 123' },
        { type: 'email', id: '1', label: 'Your email:', answer: 'john@example.com' },
        { type: 'checkbox', id: '2', label: 'Question:', answers: [{ id: '0', label: 'One' }, { id: '1', label: 'Two' }] },
        { type: 'textarea', id: '3', label: 'Message:', answer: 'Where is it?' },
        { type: 'name', id: '4', label: 'Name:', answer: '' },
        { type: 'rating', id: '5', label: 'Dropped:', answer: 'x' },
      ],
    },
  });

  assert.deepEqual(sent, { id: '12', text: 'Question: One, Two\nMessage: Where is it?' });
  const { url, body, headers } = page.posts.at(-1) ?? { url: '', body: {}, headers: {} };
  const { custom_id, ...rest } = body;
  assert.equal(url, 'https://chat.test/base/v2/tickets/new');
  assert.equal(headers.Authorization, 'Bearer access-1');
  assert.equal(String(custom_id).length, 22);
  assert.deepEqual(rest, {
    licence_id: 7,
    visitor_id: 'customer-1',
    ticket_message: 'Question: One, Two\nMessage: Where is it?',
    offline_message: 'Subject: Order 123\nYour email: john@example.com\nQuestion: One, Two\nMessage: Where is it?\nName:',
    requester: { mail: 'john@example.com' },
    subject: 'Order 123',
    group: 10,
    source: { url: 'https://shop.test/' },
    timezone: 'Europe/Berlin',
  });
  page.answerPost = () => ({ status: 422, body: { errors: [{ 'incorrect requester structure': ['requester.mail is missing'] }] } });
  const refused = await sdk.sendTicketForm({ filledForm: { type: 'filled_form', formId: '', fields: [] } }).catch((error) => error);
  assert.deepEqual([refused.code, refused.message], ['VALIDATION', 'incorrect requester structure: requester.mail is missing']);
});

test('uploadFile sends with progress, and its refusals, its end and its size are told', async () => {
  const { page, sdk } = await connected();
  const progress: number[] = [];
  const file = new Blob(['x'.repeat(10)], { type: 'text/plain' });

  const { promise } = sdk.uploadFile({ file, onProgress: (part) => progress.push(part) });
  await page.settle();
  const [request] = page.uploads;
  request?.upload.onprogress?.({ lengthComputable: true, loaded: 5, total: 10 });
  request?.upload.onprogress?.({ lengthComputable: true, loaded: 10, total: 10 });
  request?.answer(200, { url: 'https://chat.test/files/k/a.txt' });
  assert.deepEqual(await promise, { url: 'https://chat.test/files/k/a.txt' });
  assert.deepEqual(progress, [0.5, 1]);
  assert.equal(request?.url, 'https://chat.test/base/v3.2/customer/action/upload_file?license_id=7');
  assert.equal(request?.headers.get('Authorization'), 'Bearer access-1');
  assert.equal((request?.body?.get('file') as Blob).size, 10);

  const code = ({ promise }: { promise: Promise<unknown> }): Promise<unknown> => promise.catch(({ code }) => code);
  const refused = sdk.uploadFile({ file });
  await page.settle();
  page.uploads[1]?.answer(413, { error: { type: 'entity_too_large', message: 'No.' } });
  assert.equal(await code(refused), 'ENTITY_TOO_LARGE');
  const failed = sdk.uploadFile({ file });
  await page.settle();
  page.uploads[2]?.onerror?.();
  assert.equal(await code(failed), 'UPLOAD_FAILED');
  const canceled = sdk.uploadFile({ file });
  await page.settle();
  canceled.cancel();
  assert.equal(await code(canceled), 'UPLOAD_CANCELED');
  assert.equal(page.uploads[3]?.isAborted, true);
  const large = Object.defineProperty(new Blob([]), 'size', { value: 10 * 1024 * 1024 + 1 });
  assert.equal(await code(sdk.uploadFile({ file: large })), 'TOO_BIG_FILE');
  assert.equal(page.uploads.length, 4);
});

test('on, off and once subscribe and unsubscribe; a listener that throws harms nobody', async () => {
  const { page, sdk } = await connected();
  const told: string[] = [];
  const always = (): void => void told.push('on');
  const silent = console.error;
  console.error = () => {};
  sdk.once('greeting_accepted', () => {
    throw new Error('the page is wrong');
  });
  sdk.on('greeting_accepted', always);
  sdk.once('greeting_accepted', () => void told.push('once'));

  page.socket.push('greeting_accepted', { unique_id: 'G1' });
  page.socket.push('greeting_accepted', { unique_id: 'G1' });
  sdk.off('greeting_accepted', always);
  page.socket.push('greeting_accepted', { unique_id: 'G1' });
  console.error = silent;

  assert.deepEqual(told, ['on', 'once', 'on']);
});
