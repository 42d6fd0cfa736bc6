import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../src/sdk/api';
import { create } from '../src/sdk/init';
import type { Sdk } from '../src/sdk/sdk';
import { FakePage } from './support/page';
import type { FakeSocket } from './support/socket';

type Json = Record<string, unknown>;

const AT = '2026-11-20T10:00:00.000000Z';

function follow(sdk: Sdk) {
  const told = { reasons: [] as string[], connected: 0, texts: [] as string[], failed: [] as string[], lost: 0, unstable: 0 };
  sdk.on('disconnected', ({ reason }) => told.reasons.push(reason));
  sdk.on('connected', () => void told.connected++);
  sdk.on('incoming_event', ({ event }) => event.type === 'message' && told.texts.push(event.text));
  sdk.on('send_failed', ({ code }) => told.failed.push(code));
  sdk.on('history_lost', () => void told.lost++);
  return told;
}

async function connected(page = new FakePage(), config: Partial<Config> = {}) {
  page.login.chats = [{ chat_id: 'chat-1', last_seq: 4 }];
  const sdk = page.open(config);
  const told = follow(sdk);
  await page.settle();
  return { page, sdk, told };
}

function message(seq: number, text: string, customId?: string): Json {
  const event = { id: `e${seq}`, type: 'message', seq, created_at: AT, author_id: 'a1', text, ...(customId && { custom_id: customId }) };
  return { chat_id: 'chat-1', thread_id: 't1', event };
}

const code = (rejected: Promise<unknown>): Promise<unknown> => rejected.then(() => 'resolved', ({ code }) => code);

/** What becomes of an instance after each documented reason. */
const REASONS: [string, 'reconnects' | 'waits for connect' | 'is destroyed'][] = [
  ['access_token_expired', 'reconnects'],
  ['internal_error', 'reconnects'],
  ['misdirected_connection', 'reconnects'],
  ['too_many_unauthorized_connections', 'reconnects'],
  ['connection_timeout', 'reconnects'],
  ['a_later_invention', 'reconnects'],
  ['inactivity_timeout', 'waits for connect'],
  ['customer_banned', 'is destroyed'],
  ['customer_temporarily_blocked', 'is destroyed'],
  ['license_not_found', 'is destroyed'],
  ['too_many_connections', 'is destroyed'],
  ['unsupported_version', 'is destroyed'],
  ['users_limit_reached', 'is destroyed'],
  ['identity_mismatch', 'is destroyed'],
];

for (const [reason, reaction] of REASONS) {
  test(`after ${reason} the instance ${reaction}`, async () => {
    const { page, sdk, told } = await connected();

    page.socket.push('customer_disconnected', { reason, data: { region: 'fra' } });
    page.socket.cut(reason === 'inactivity_timeout' ? 1000 : 1011);
    page.listener?.online();
    await page.settle();
    await page.clock.advance(60_000);
    await page.settle();

    assert.deepEqual(told.reasons, [reason], 'told once');
    assert.equal(page.sockets.length, reaction === 'reconnects' ? 2 : 1);
    assert.equal(told.connected, reaction === 'reconnects' ? 2 : 1);
    const bought = page.posts.filter(({ body }) => body.browser_token).length;
    assert.equal(bought, reason === 'access_token_expired' ? 2 : 1, 'tokens bought');
    if (reaction === 'is destroyed') assert.equal(await code(sdk.getCustomer()), 'SDK_DESTROYED');
    if (reaction === 'waits for connect') {
      assert.equal(await code(sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'x' } })), 'NO_CONNECTION');
      sdk.connect();
      await page.settle();
      assert.equal(told.connected, 2);
    }
  });
}

test('login errors end it, are repeated, or renew the token, as documented', async () => {
  const cases: [string, string[], boolean][] = [
    ['customer_banned', ['customer_banned'], false],
    ['users_limit_reached', ['users_limit_reached'], false],
    ['wrong_product_version', ['wrong_product_version'], false],
    ['internal', [], true],
    ['service_unavailable', [], true],
    ['authentication', [], true],
  ];
  for (const [type, reasons, isAgain] of cases) {
    const page = new FakePage();
    page.loginErrors = [{ type, message: type, data: { retryable: type !== 'authentication' } }];
    const sdk = page.open();
    const told = follow(sdk);
    await page.settle();
    await page.clock.advance(5_000);
    await page.settle();

    assert.deepEqual(told.reasons, reasons, type);
    assert.equal(told.connected, isAgain ? 1 : 0, type);
    const tokens = page.posts.filter(({ body }) => body.browser_token).length;
    assert.equal(tokens, type === 'authentication' ? 2 : 1, type);
  }
});

test('another identity than before destroys the instance', async () => {
  const { page, sdk, told } = await connected();
  page.entityOf = () => 'customer-2';

  page.socket.push('customer_disconnected', { reason: 'access_token_expired' });
  await page.settle();

  assert.deepEqual(told.reasons, ['access_token_expired', 'identity_mismatch']);
  assert.equal(page.sockets.length, 1);
  assert.equal(await code(sdk.getCustomer()), 'SDK_DESTROYED');
});

test('a site that does not exist, or does not know this page, destroys the instance', async () => {
  for (const [error, reason] of [
    ['site_not_found', 'license_not_found'],
    ['origin_not_allowed', 'unauthorized_client'],
  ] as const) {
    const page = new FakePage();
    page.answerPost = () => ({ status: 404, body: { error: { code: error, message: 'No.' } } });
    const sdk = page.open();
    const told = follow(sdk);
    await page.settle();

    assert.deepEqual(told.reasons, [reason]);
    assert.equal(await code(sdk.getCustomer()), 'SDK_DESTROYED');
  }
});

test('tokens are bought with the widget\'s own, kept, renewed and replaced when they ended', async () => {
  const page = new FakePage();
  page.storage.values.set('site-key:token', 'widget-token');
  const sdk = page.open({ autoConnect: false });
  assert.equal(sdk.auth.hasToken(), false);
  const token = await sdk.auth.getToken();
  assert.deepEqual(page.posts.map(({ body }) => body), [{ license_id: 7 }, { license_id: 7, browser_token: 'widget-token' }]);
  assert.deepEqual(token, {
    accessToken: 'access-1',
    entityId: 'customer-1',
    expiresIn: 28_800_000,
    tokenType: 'Bearer',
    creationDate: page.clock.now(),
    licenseId: 7,
    organizationId: 'org-1',
  });

  const next = page.open({ autoConnect: false });
  assert.deepEqual([next.auth.hasToken(), await next.auth.getToken()], [true, token]);
  assert.notEqual((await next.auth.getFreshToken()).accessToken, token.accessToken);
  next.auth.invalidate();
  assert.equal(next.auth.hasToken(), false);
  await page.clock.advance(28_800_000);
  assert.equal(page.open({ autoConnect: false }).auth.hasToken(), false);
  page.answerPost = (_, { browser_token }) =>
    browser_token === 'widget-token' ? { status: 401, body: { error: { code: 'authentication' } } } : undefined;
  await next.auth.getToken();
  assert.equal(page.storage.values.get('site-key:token')?.length, 43);

  page.isNetworkUp = false;
  assert.equal(await code(next.auth.getFreshToken()), 'CONNECTION_LOST');
});

test('a site is named by license, organization or key', async () => {
  const page = new FakePage();
  page.open({ licenseId: undefined as unknown as number, organizationId: 'org-1' });
  page.open({ licenseId: undefined as unknown as number, site: 'site-key' });
  page.open();
  await page.settle();
  const base = 'wss://chat.test/base/v3.2/customer/rtm/ws';
  assert.deepEqual(page.addresses.sort(), [`${base}?license_id=7`, `${base}?organization_id=org-1`, `${base}?site=site-key`]);
});

test('init throws for wrong types and names what is wrong', () => {
  const script = 'https://chat.test/sdk/customer-sdk.js';
  const { environment } = new FakePage();
  const good = { licenseId: 7, clientId: 'c', autoConnect: false };
  const cases: [unknown, RegExp][] = [
    [undefined, /configuration/],
    [{ clientId: 'c' }, /licenseId/],
    [{ licenseId: '7', clientId: 'c' }, /licenseId/],
    [{ licenseId: Number.NaN, clientId: 'c' }, /licenseId/],
    [{ licenseId: 7 }, /clientId/],
    [{ licenseId: 7, clientId: 8 }, /clientId/],
    [{ organizationId: 'o' }, /clientId/],
    [{ ...good, autoConnect: 'yes' }, /autoConnect/],
    [{ ...good, groupId: '1' }, /groupId/],
    [{ ...good, region: 'moon' }, /region/],
    [{ ...good, customerDataProvider: {} }, /customerDataProvider/],
    [{ ...good, server: 5 }, /server/],
  ];
  for (const [config, message] of cases) assert.throws(() => create(config as Config, script, environment), (error) => error instanceof TypeError && message.test(error.message));
  assert.throws(() => create(good as Config, undefined, environment), /server/);
  assert.equal(typeof create({ ...good, server: 'https://chat.test' } as Config, undefined, environment).connect, 'function');
});

test('a login carries group, page and what the provider says, asked before every login', async () => {
  let asked = 0;
  const customerDataProvider = () => ({ name: `Ada ${++asked}`, email: 'a@example.com', sessionFields: { plan: 'pro' } });
  const { page } = await connected(new FakePage(), { groupId: 3, customerDataProvider, referrer: 'https://search.test/', page: { url: 'https://shop.test/tea' } });
  page.socket.cut();
  await page.clock.advance(1_000);
  await page.settle();

  const logins = page.sockets.map(({ sent }) => sent[0]?.payload as Json);
  assert.deepEqual(logins.map(({ customer }) => (customer as Json).name), ['Ada 1', 'Ada 2']);
  assert.deepEqual(logins[0], {
    token: 'Bearer access-1',
    customer: { name: 'Ada 1', email: 'a@example.com', session_fields: [{ plan: 'pro' }] },
    customer_side_storage: {},
    is_mobile: false,
    application: { name: 'customer_sdk', version: 'test' },
    customer_page: { url: 'https://shop.test/tea', title: '' },
    group_id: 3,
    referrer: 'https://search.test/',
  });
});

test('without autoConnect nothing is connected, but a page that is named is told', async () => {
  const page = new FakePage();
  const sdk = page.open({ autoConnect: false, groupId: 2, page: { url: 'https://shop.test/tea' } });
  await page.settle();

  assert.equal(page.sockets.length, 0);
  const { url, body, headers } = page.posts.at(-1) ?? { url: '', body: {}, headers: {} };
  assert.equal(url, 'https://chat.test/base/v3.2/customer/action/check_goals?license_id=7');
  assert.deepEqual(body, { page_url: 'https://shop.test/tea', group_id: 2, session_fields: [], customer_fields: {} });
  assert.equal(headers.Authorization, 'Bearer access-1');
  assert.equal(await code(sdk.sendEvent({ chatId: 'c', event: { type: 'message', text: 'x' } })), 'NO_CONNECTION');
});

test('what is sent offline waits, and its promise settles with the stored event', async () => {
  const { page, sdk } = await connected();
  page.isNetworkUp = false;
  page.socket.cut();
  const sent = sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'In a tunnel 🚇' } });
  const next = sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'Second' } });
  await page.clock.advance(10_000);
  assert.deepEqual(sdk.listUnsentEvents().map(({ event }) => event.type === 'message' && event.text), ['In a tunnel 🚇', 'Second']);

  page.isNetworkUp = true;
  page.listener?.online();
  await page.settle();
  const first = page.take();
  assert.deepEqual(page.waiting, [], 'one in flight');
  assert.equal((first.payload.event as Json).text, 'In a tunnel 🚇');
  first.answer();
  first.push('incoming_event', message(5, 'In a tunnel 🚇', String((first.payload.event as Json).custom_id)));
  assert.equal((await sent).seq, 5);
  await page.settle();
  page.take().push('incoming_event', message(6, 'Second'));
  assert.equal((await next).seq, 6);
  assert.deepEqual(sdk.listUnsentEvents(), []);
});

test('a key that was used before is sent again, and the server says what it stands for', async () => {
  const { page, sdk } = await connected();
  const event = { type: 'message', text: 'Hi', customId: 'mine' } as const;
  for (const push of [message(5, 'Hi', 'mine'), message(5, 'Hi', 'mine')]) {
    const [sent, twice] = [sdk.sendEvent({ chatId: 'chat-1', event }), sdk.sendEvent({ chatId: 'chat-1', event })];
    await page.settle();
    page.take().push('incoming_event', push);
    assert.equal((await sent).seq, 5);
    assert.equal(await twice, await sent);
  }
});

test('what is left unsent is sent by the next page, with the same key, and told as news', async () => {
  const { page, sdk } = await connected();
  void sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'Closed too early', customId: 'mine' } });
  await page.settle();
  page.take();
  page.listener?.hide();

  const later = new FakePage(page.storage);
  const { sdk: next, told } = await connected(later);
  const sent = later.take();
  assert.deepEqual(sent.payload, { chat_id: 'chat-1', event: { type: 'message', text: 'Closed too early', custom_id: 'mine' } });
  sent.push('incoming_event', message(5, 'Closed too early', 'mine'));
  await later.settle();

  assert.deepEqual(told.texts, ['Closed too early']);
  assert.deepEqual(next.listUnsentEvents(), []);
  assert.equal([...page.storage.values.keys()].some((key) => key.includes('outbox')), false);
});

test('what an earlier page left and the server refuses for good is told', async () => {
  const { page, sdk } = await connected();
  void sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'x' } });
  const later = new FakePage(page.storage);
  const { told } = await connected(later);
  later.take().refuse('chat_inactive', { retryable: false });
  await later.settle();

  assert.deepEqual(told.failed, ['CHAT_INACTIVE']);
});

test('what another visitor of this browser left unsent is not sent', async () => {
  const { page, sdk } = await connected();
  void sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'private' } });
  page.listener?.hide();
  const later = new FakePage(page.storage);
  later.entityOf = () => 'customer-2';
  page.storage.values.set('site-key:token', 'another browser token');
  await connected(later);

  assert.deepEqual(later.waiting, []);
});

test('an answer that was lost with the connection is found again, once', async () => {
  const { page, sdk, told } = await connected();
  const sent = sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'Hi', customId: 'mine' } });
  await page.settle();
  page.take();
  page.login.chats = [{ chat_id: 'chat-1', last_seq: 6 }];
  page.handlers.resume = ({ after_seq, epoch }) => {
    assert.deepEqual([after_seq, epoch], [4, 'epoch-1']);
    const { event: own } = message(5, 'Hi', 'mine');
    const { event: other } = message(6, 'Hello');
    return { events: [{ ...(own as Json), thread_id: 't1' }, { ...(other as Json), thread_id: 't1' }], last_seq: 6 };
  };
  page.socket.cut();
  await page.clock.advance(1_000);
  await page.settle();

  assert.equal((await sent).seq, 5);
  assert.deepEqual(told.texts, ['Hello']);
  assert.deepEqual(page.waiting, [], 'not sent again');
});

test('pushes that skip a number are held back until what is missing has been read', async () => {
  const { page, told } = await connected();
  const stored = [5, 6, 7, 8].map((seq) => ({ ...(message(seq, `m${seq}`).event as Json), thread_id: 't1' }));
  page.handlers.resume = ({ after_seq }) => {
    const rest = stored.slice(Number(after_seq) - 4);
    return { events: rest.slice(0, 2), last_seq: 8 };
  };
  page.socket.push('incoming_event', message(5, 'm5'));
  page.socket.push('incoming_event', message(8, 'm8'));
  await page.settle();
  page.socket.push('incoming_event', message(8, 'm8'));

  assert.deepEqual(told.texts, ['m5', 'm6', 'm7', 'm8']);
});

test('a restored backup is told, and what is written afterwards arrives', async () => {
  const { page, told } = await connected();
  page.login = { ...page.login, epoch: 'epoch-2', chats: [{ chat_id: 'chat-1', last_seq: 2 }] };
  page.socket.cut();
  await page.clock.advance(1_000);
  await page.settle();
  page.socket.push('incoming_event', message(3, 'after'));

  assert.equal(told.lost, 1);
  assert.deepEqual(told.texts, ['after']);
});

test('disconnect says nothing and leaves what is unsent for later; destroy ends what waits and everything else', async () => {
  const { page, sdk, told } = await connected();
  const sent = code(sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'x' } }));
  await page.settle();
  sdk.disconnect();
  page.listener?.online();
  await page.clock.advance(60_000);
  assert.deepEqual([told.reasons, page.sockets.length, sdk.listUnsentEvents().length], [[], 1, 1]);

  sdk.connect();
  await page.settle();
  sdk.destroy();
  sdk.destroy();

  assert.equal(await sent, 'SDK_DESTROYED');
  assert.deepEqual(told.reasons, []);
  assert.equal(page.listener, undefined);
  assert.deepEqual(sdk.listUnsentEvents(), []);
  assert.throws(() => sdk.connect(), { code: 'SDK_DESTROYED' });
});

test('a page that is left and come back to connects again without a word', async () => {
  const { page, told } = await connected();
  page.listener?.hide();
  await page.clock.advance(60_000);
  assert.equal(page.sockets.length, 1);
  page.listener?.show();
  await page.settle();

  assert.deepEqual([told.reasons, told.connected], [[], 2]);
});

test('several instances on one page live beside each other', async () => {
  const page = new FakePage();
  page.login.chats = [{ chat_id: 'chat-1', last_seq: 4 }];
  const [one, two] = [page.open(), page.open()];
  const [toldOne, toldTwo] = [follow(one), follow(two)];
  await page.settle();
  const [first, second] = page.sockets as [FakeSocket, FakeSocket];
  first.push('incoming_event', message(5, 'to one'));
  second.push('incoming_event', message(5, 'to two'));
  one.destroy();
  second.push('incoming_event', message(6, 'still'));

  assert.deepEqual([toldOne.texts, toldTwo.texts], [['to one'], ['to two', 'still']]);
});

test('an event that the server finds too large is refused and does not come again', async () => {
  const { page, sdk } = await connected();
  const sent = code(sdk.sendEvent({ chatId: 'chat-1', event: { type: 'message', text: 'x'.repeat(70_000) } }));
  await page.settle();
  page.take();
  page.socket.cut(1009);
  await page.clock.advance(60_000);
  await page.settle();

  assert.equal(await sent, 'ENTITY_TOO_LARGE');
  assert.deepEqual(page.waiting, []);
});
