import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './support/clock';
import { FakeServer } from './support/server';
import { FakeStorage } from './support/store';
import { openTab } from './support/visitor';

async function setUp() {
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  const storage = new FakeStorage();
  const tab = openTab(server, storage.tab(), clock);
  tab.customer.connect();
  await clock.advance(100);
  return { clock, server, storage, tab };
}

test('the first message opens the chat, the next ones go into its thread', async () => {
  const { clock, server, tab, storage } = await setUp();

  tab.conversation.send('Hello');
  tab.conversation.send('Is anybody there?');
  await clock.advance(100);

  assert.deepEqual(server.texts, ['Hello', 'Is anybody there?']);
  assert.deepEqual(tab.texts(), server.texts);
  assert.deepEqual(tab.conversation.view.unsent, []);
  assert.equal(storage.values.has('outbox'), false);
  assert.equal(storage.values.get('chat'), '1');
});

test('a message waits while the network is away and is sent once it is back', async () => {
  const { clock, server, tab } = await setUp();
  tab.network = false;
  server.cutAll();

  tab.conversation.send('Kept');
  await clock.advance(20_000);
  assert.deepEqual(tab.conversation.view.unsent.map(({ text }) => text), ['Kept']);
  assert.deepEqual(server.texts, []);

  tab.network = true;
  await clock.advance(60_000);
  assert.deepEqual(server.texts, ['Kept']);
  assert.deepEqual(tab.conversation.view.unsent, []);
});

test('a message left unsent is sent from the next page', async () => {
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  const storage = new FakeStorage();
  const closed = openTab(server, storage.tab(), clock);
  closed.conversation.send('Written just before the tab was closed');

  const next = openTab(server, storage.tab(), clock);
  next.customer.connect();
  await clock.advance(100);

  assert.deepEqual(server.texts, ['Written just before the tab was closed']);
});

test('a message whose answer was lost is stored and shown once', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('One');
  await clock.advance(100);
  let asked = 0;
  // The next cut falls after the event is stored and before its answer leaves.
  server.cutsNow = () => ++asked === 3;

  tab.conversation.send('Two');
  await clock.advance(60_000);

  assert.deepEqual(server.texts, ['One', 'Two']);
  assert.deepEqual(tab.texts(), ['One', 'Two']);
  assert.deepEqual(tab.conversation.view.unsent, []);
});

test('writing after the close opens a new thread below the earlier one', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Before');
  await clock.advance(100);
  server.close();
  await clock.advance(100);
  assert.equal(tab.conversation.view.isActive, false);

  tab.conversation.send('After');
  await clock.advance(100);

  assert.deepEqual(tab.texts(), ['Before', 'After']);
  assert.equal(tab.conversation.view.isActive, true);
  assert.equal(tab.conversation.view.threads.size, 2);
});

test('a fresh page shows earlier threads above the open one', async () => {
  const { clock, server, storage, tab } = await setUp();
  tab.conversation.send('Before');
  await clock.advance(100);
  server.close();
  tab.conversation.send('After');
  await clock.advance(100);

  const fresh = openTab(server, storage.tab(), clock);
  fresh.customer.connect();
  await clock.advance(100);

  assert.deepEqual(fresh.texts(), ['Before', 'After']);
  assert.equal(fresh.conversation.view.isActive, true);
});

test('a final refusal leaves the message to the visitor and lets the next ones pass', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Hello');
  await clock.advance(100);
  server.refuseNext = { type: 'validation', message: 'No.', data: { retryable: false } };

  tab.conversation.send('Refused');
  tab.conversation.send('Passed');
  await clock.advance(100);

  assert.deepEqual(server.texts, ['Hello', 'Passed']);
  const [refused] = tab.conversation.view.unsent;
  assert.equal(refused?.refused, 'validation');
  tab.conversation.retry(refused?.id ?? '');
  await clock.advance(100);
  assert.deepEqual(server.texts, ['Hello', 'Passed', 'Refused']);
  assert.deepEqual(tab.conversation.view.unsent, []);
});

test('a refusal for now is repeated after the time it names', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Hello');
  await clock.advance(100);
  server.refuseNext = { type: 'too_many_requests', message: 'Slowly.', data: { retryable: true, retry_after: 7 } };

  tab.conversation.send('Again');
  await clock.advance(6_900);
  assert.deepEqual(server.texts, ['Hello']);
  await clock.advance(200);

  assert.deepEqual(server.texts, ['Hello', 'Again']);
});

test('agents are shown what is typed a moment after the last key, and only in an open chat', async () => {
  const { clock, server, tab } = await setUp();
  const peeks: unknown[] = [];
  const call = tab.customer.call;
  Object.assign(tab.customer, {
    call: (action: string, payload: { sneak_peek_text?: string }) => {
      if (action === 'send_sneak_peek') peeks.push(payload.sneak_peek_text);
      return call(action, payload);
    },
  });
  tab.conversation.peek('nobody');
  await clock.advance(1_000);
  tab.conversation.send('Hello');
  await clock.advance(100);

  for (const text of ['H', 'Ho', 'How']) tab.conversation.peek(text);
  await clock.advance(1_000);
  server.close();
  await clock.advance(100);
  tab.conversation.peek('later');
  await clock.advance(1_000);

  assert.deepEqual(peeks, ['How']);
});

test('an agent who types is named, also before joining, until they stop or six seconds pass', async () => {
  const { clock, server, tab } = await setUp();
  const typing = (): string[] => tab.conversation.view.typing.map(({ name }) => name);
  tab.conversation.send('Hello');
  await clock.advance(100);

  server.agentTypes(true);
  assert.deepEqual(typing(), ['Bob']);
  server.agentTypes(false);
  assert.deepEqual(typing(), []);
  server.agentTypes(true);
  await clock.advance(6_000);
  assert.deepEqual(typing(), []);
});

test('unread messages are counted until they are marked as seen', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Hello');
  await clock.advance(100);
  server.agentWrites('One');
  await clock.advance(10);
  server.agentWrites('Two');
  await clock.advance(10);
  assert.equal(tab.conversation.view.unread, 2);

  tab.conversation.markSeen();
  await clock.advance(1_000);

  assert.equal(tab.conversation.view.unread, 0);
});

test('own messages are seen once an agent has seen them', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Hello');
  await clock.advance(100);
  const [event] = tab.conversation.view.events;
  assert.ok(event && event.createdAt > tab.conversation.view.agentSeenUpTo);

  server.agentSees();
  await clock.advance(10);

  assert.ok(event.createdAt <= tab.conversation.view.agentSeenUpTo);
});

test('a push that leaves a hole is not shown before the hole is filled', async () => {
  const { clock, server, tab } = await setUp();
  tab.conversation.send('Hello');
  await clock.advance(100);
  server.losesPush = () => true;
  server.agentWrites('One');
  server.losesPush = () => false;
  const seen: string[][] = [];
  tab.customer.on('push', () => seen.push(tab.texts()));

  server.agentWrites('Two');
  await clock.advance(100);

  assert.deepEqual(seen, [['Hello']]);
  assert.deepEqual(tab.texts(), ['Hello', 'One', 'Two']);
});

test('a restored backup is noticed: the copy is dropped and loaded afresh', async () => {
  const { clock, server, tab } = await setUp();
  for (const text of ['One', 'Two', 'Three']) {
    tab.conversation.send(text);
    await clock.advance(100);
  }

  server.restore(4);
  await clock.advance(60_000);

  assert.deepEqual(tab.texts(), server.texts);
  assert.deepEqual(server.texts, ['One', 'Two']);
});

/** A generator of numbers from a seed, so that a failing run can be repeated. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('whatever is cut whenever, every message is everywhere once and in one order', async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const chance = chances(seed);
    const { clock, server, storage, tab } = await setUp();
    const tabs = [tab, openTab(server, storage.tab(), clock)];
    tabs[1]?.customer.connect();
    const written: string[] = [];
    server.pageSize = 1 + Math.floor(chance() * 5);
    server.cutsNow = () => chance() < 0.1;
    server.losesPush = () => chance() < 0.1;

    for (let step = 0; step < 40; step++) {
      const one = tabs[Math.floor(chance() * tabs.length)] as typeof tab;
      const what = chance();
      if (what < 0.4) {
        const text = `visitor ${step}`;
        written.push(text);
        one.conversation.send(text);
      } else if (what < 0.6) {
        if (server.activeThread) written.push(`agent ${step}`);
        server.agentWrites(`agent ${step}`);
      } else if (what < 0.7) server.agentWrites(`note ${step}`, true);
      else if (what < 0.75) server.close();
      else if (what < 0.8) server.agentSees();
      else if (what < 0.85) server.cutAll();
      else one.conversation.wake();
      await clock.advance(Math.floor(chance() * 700));
    }
    server.cutsNow = () => false;
    server.losesPush = () => false;
    await clock.advance(120_000);
    // The first number that arrives after a loss shows the hole.
    server.agentWrites('note', true);
    await clock.advance(1_000);

    const name = `seed ${seed}`;
    assert.deepEqual([...server.texts].sort(), written.sort(), name);
    for (const { texts, conversation } of tabs) {
      assert.deepEqual(texts(), server.texts, name);
      assert.deepEqual(conversation.view.unsent, [], name);
      assert.equal(conversation.view.isActive, server.activeThread !== undefined, name);
    }
    for (const { customer } of tabs) customer.disconnect();
  }
});
