import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireError } from '../src/wire/frames';
import { Wire, type WireState } from '../src/wire/wire';
import { FakeClock, settle } from './support/clock';
import { FakeSocket } from './support/socket';

function setUp(login: (wire: Wire) => Promise<unknown> = () => Promise.resolve()) {
  const clock = new FakeClock();
  const sockets: FakeSocket[] = [];
  const states: WireState[] = [];
  const pushes: string[] = [];
  const told = { unauthorized: 0, tooLarge: 0, failed: [] as string[], doubts: [] as boolean[] };
  const wire: Wire = new Wire(
    () => 'wss://chat.test/',
    {
      login: async () => void (await login(wire)),
      push: ({ action }) => void pushes.push(action),
      changed: (state) => void states.push(state),
      unauthorized: () => void told.unauthorized++,
      tooLarge: () => void told.tooLarge++,
      failed: ({ type }) => void told.failed.push(type),
      doubted: (isDoubtful) => void told.doubts.push(isDoubtful),
    },
    clock,
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
  );
  const socket = (): FakeSocket => sockets.at(-1) as FakeSocket;
  const connect = async (): Promise<void> => {
    wire.start();
    socket().open();
    await settle();
  };
  return { clock, sockets, socket, states, pushes, told, wire, connect };
}

test('a request gets the answer with its own id', async () => {
  const { wire, socket, connect } = setUp();
  await connect();

  const [first, second] = [wire.request('a', {}), wire.request('b', { x: 1 })];
  const [one, two] = socket().sent;
  assert.ok(one && two);
  socket().answer(two, { of: 'b' });
  socket().answer(one, { of: 'a' });

  assert.deepEqual([await first, await second], [{ of: 'a' }, { of: 'b' }]);
});

test('a refusal says whether and when it may be repeated', async () => {
  const { wire, socket, connect } = setUp();
  await connect();

  const failed = wire.request('send_event', {}).catch((error: unknown) => error);
  socket().refuse(socket().sent[0] as never, { type: 'limit_reached', message: 'Slowly.', data: { retryable: true, retry_after: 3 } });

  const error = await failed;
  assert.ok(error instanceof WireError);
  assert.deepEqual([error.type, error.isRetryable, error.retryAfterMs], ['limit_reached', true, 3_000]);
});

test('a lost connection fails what was under way and comes back after a random wait', async () => {
  const { clock, sockets, socket, wire, states, connect } = setUp();
  await connect();
  const failed = wire.request('ping', {}).catch((error: WireError) => error.type);

  socket().cut();

  assert.equal(await failed, 'connection_lost');
  await clock.advance(249);
  assert.equal(sockets.length, 1);
  await clock.advance(1);
  assert.equal(sockets.length, 2);
  assert.deepEqual(states, ['connecting', 'ready', 'waiting', 'connecting']);
});

test('waits double up to thirty seconds and start over after a good connection', async () => {
  const { clock, sockets, socket, connect } = setUp();
  clock.chance = 1;
  await connect();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    const [from, count] = [clock.now(), sockets.length];
    socket().cut();
    while (sockets.length === count) await clock.advance(100);
    waits.push(clock.now() - from);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);

  socket().open();
  await clock.advance(10_000);
  const from = clock.now();
  const count = sockets.length;
  socket().cut();
  while (sockets.length === count) await clock.advance(100);
  assert.equal(clock.now() - from, 500);
});

test('silence of 25 s asks for a sign of life, of 45 s ends the connection', async () => {
  const { clock, sockets, socket, connect } = setUp();
  clock.chance = 0;
  await connect();

  await clock.advance(24_999);
  assert.deepEqual(socket().sent, []);
  await clock.advance(1);
  assert.deepEqual(socket().sent, [{ action: 'ping' }]);
  socket().receive({ action: 'ping', type: 'response', success: true, payload: {} });
  await clock.advance(44_999);
  assert.equal(sockets.length, 1);
  await clock.advance(1);

  assert.equal(sockets.length, 2);
  assert.ok(sockets[0]?.isClosed);
});

test('any frame counts as a sign of life', async () => {
  const { clock, sockets, socket, connect } = setUp();
  await connect();

  for (let i = 0; i < 20; i++) {
    await clock.advance(20_000);
    socket().push('incoming_typing_indicator', {});
  }

  assert.equal(sockets.length, 1);
  assert.deepEqual(socket().sent, []);
});

test('each close code is answered as agreed', async () => {
  const cases: [number, string, number | null][] = [
    [1000, '', null],
    [1006, '', 250],
    [1008, '', 30_250],
    [1012, '{"retry_in":4.321}', 4_321],
    [1012, '', 250],
    [4008, '', 0],
  ];
  for (const [code, reason, wait] of cases) {
    const { clock, sockets, socket, wire, connect } = setUp();
    await connect();
    await clock.advance(10_000);

    socket().cut(code, reason);

    if (wait === null) {
      await clock.advance(600_000);
      assert.equal(sockets.length, 1, String(code));
      assert.equal(wire.state, 'asleep');
      wire.probe();
      assert.equal(sockets.length, 2);
    } else {
      await clock.advance(Math.max(0, wait - 1));
      assert.equal(sockets.length, wait ? 1 : 2, `${code} early`);
      await clock.advance(1);
      assert.equal(sockets.length, 2, `${code} late`);
    }
  }
});

test('a server that keeps asking to come back at once is backed away from', async () => {
  const { clock, sockets, socket, connect } = setUp();
  clock.chance = 1;
  await connect();
  socket().cut(4008);
  await clock.advance(0);
  socket().open();
  await settle();

  socket().cut(4008);

  await clock.advance(999);
  assert.equal(sockets.length, 2);
  await clock.advance(1);
  assert.equal(sockets.length, 3);
});

test('a refused token stops the wire and is told once', async () => {
  for (const refuse of ['close', 'login'] as const) {
    const { clock, sockets, socket, told, wire, connect } = setUp((wire) =>
      refuse === 'login' ? wire.request('login', {}) : Promise.resolve(),
    );
    await connect();
    if (refuse === 'login') socket().refuse(socket().sent[0] as never, { type: 'authentication', message: 'No.' });
    else socket().cut(4001);
    await clock.advance(600_000);

    assert.equal(told.unauthorized, 1, refuse);
    assert.equal(wire.state, 'stopped');
    assert.equal(sockets.length, 1);
  }
});

test('a login that fails for now is tried again, one that fails for good is not', async () => {
  for (const [type, isAgain] of [
    ['internal', true],
    ['customer_banned', false],
  ] as const) {
    const { clock, sockets, socket, connect } = setUp((wire) => wire.request('login', {}));
    await connect();

    socket().refuse(socket().sent[0] as never, { type, message: '' });
    await clock.advance(60_000);

    assert.equal(sockets.length > 1, isAgain, type);
  }
});

test('a closed connection because of size is told', async () => {
  const { socket, told, connect } = setUp();
  await connect();
  socket().cut(1009);
  assert.equal(told.tooLarge, 1);
});

test('a probe connects at once when waiting, and gives up a dead connection after five seconds', async () => {
  const { clock, sockets, socket, wire, connect } = setUp();
  clock.chance = 1;
  await connect();
  socket().cut();
  wire.probe();
  assert.equal(sockets.length, 2);
  socket().open();
  await settle();

  wire.probe();
  await clock.advance(5_000 + 1_000);

  assert.equal(sockets.length, 3);
});

test('frames that are not of the protocol disturb nothing', async () => {
  const { socket, pushes, wire, connect } = setUp();
  await connect();
  for (const data of ['', 'x', 'null', '7', '[]', '{}', '{"action":1}', '{"action":"a","type":"response","request_id":"r99"}']) {
    socket().onmessage?.({ data });
  }
  socket().push('later_invention', {});
  assert.equal(wire.state, 'ready');
  assert.deepEqual(pushes, ['later_invention']);
});

test('half surrogate pairs leave as replacement characters, emoji as they are', async () => {
  const { socket, wire, connect } = setUp();
  await connect();
  const texts: string[] = [];
  socket().send = (text) => void texts.push(text);

  wire.request('send_event', { text: 'a\ud83d b\u{1f600} \\ud83d' }).catch(() => {});

  assert.ok(texts[0]?.includes('a\ufffd b\u{1f600} \\\\ud83d'));
});
