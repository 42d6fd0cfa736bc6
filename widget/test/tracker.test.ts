import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { type Outcome, Tracker } from '../src/loader/tracker';
import { settle } from './support/clock';
import { FakeStorage } from './support/store';

interface Sent {
  site: string;
  token?: string;
  config: string;
  calls: { id: string; call: string; name?: string }[];
}

const CONFIG = { version: 'v1', tracking: true, honour_dnt: true };

/** What the server answers next: a status and a body, or nothing at all. */
type Reply = (sent: Sent) => { status?: number; body: object } | 'no answer';

let requests: Sent[];
let beacons: Sent[];
let reply: Reply;
let storage: FakeStorage;
let causes: string[];

const allOk: Reply = ({ calls }) => ({ body: { results: calls.map(({ id }) => ({ id, ok: true })), tracking: true } });

function install(fields: object = {}): void {
  const fakes = {
    navigator: {
      language: 'en-GB',
      sendBeacon: (_: string, body: Blob) => {
        void body.text().then((text) => beacons.push(JSON.parse(text)));
        return true;
      },
      ...fields,
    },
    screen: { width: 1440, height: 900 },
    location: { origin: 'https://shop.test' },
    fetch: (_: string, { body }: { body: string }) => {
      const sent = JSON.parse(body) as Sent;
      requests.push(sent);
      const answer = reply(sent);
      if (answer === 'no answer') return Promise.reject(new TypeError('Failed to fetch'));
      return Promise.resolve(new Response(JSON.stringify(answer.body), { status: answer.status ?? 200 }));
    },
  };
  for (const [name, value] of Object.entries(fakes)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

function open(): Tracker {
  return new Tracker('https://chat.test/', 'site-key', storage.tab(), {
    configChanged: () => {},
    tokenChanged: (cause) => void causes.push(cause),
    greeted: () => {},
  });
}

/** Lets time pass, answers included. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    mock.timers.tick(Math.min(left, 50));
    await settle();
    await settle();
  }
}

/** The outcome so far: undefined while the call waits. */
function watch(outcome: Promise<Outcome>): { now?: Outcome } {
  const seen: { now?: Outcome } = {};
  void outcome.then((value) => {
    seen.now = value;
  });
  return seen;
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(console, 'warn', () => {});
  requests = [];
  beacons = [];
  causes = [];
  reply = allOk;
  storage = new FakeStorage();
  install();
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

test('everything a page says at once goes out in one request that also asks for the settings', async () => {
  reply = (sent) => ({ body: { ...(allOk(sent) as { body: object }).body, config: CONFIG } });
  const tracker = open();
  tracker.start();
  tracker.call('page', { url: 'https://shop.test/' });
  const outcome = watch(tracker.call('event', { name: 'signup' }).outcome);

  await pass(100);

  assert.equal(requests.length, 1);
  assert.deepEqual(requests[0]?.calls.map(({ call }) => call), ['page', 'event']);
  assert.match(requests[0]?.token ?? '', /^[\w-]{43}$/);
  assert.deepEqual(outcome.now, { ok: true });
  assert.equal(tracker.config?.version, 'v1');
  assert.equal(storage.values.has('calls'), false);
});

test('the settings held are named, and the token stays the same', async () => {
  storage.values.set('config', JSON.stringify(CONFIG));
  const tracker = open();
  tracker.call('page', {});
  await pass(100);
  tracker.call('event', { name: 'x' });
  await pass(100);

  assert.deepEqual(requests.map(({ config }) => config), ['v1', 'v1']);
  assert.equal(requests[0]?.token, requests[1]?.token);
});

test('without an answer the same calls go out again with the same ids, also from the next page', async () => {
  reply = () => 'no answer';
  const tracker = open();
  const { id, outcome } = tracker.call('event', { name: 'x' });
  const seen = watch(outcome);
  await pass(3_000);
  assert.ok(requests.length >= 2);
  assert.equal(seen.now, undefined);

  reply = allOk;
  const next = open();
  next.start();
  await pass(100);

  assert.ok(requests.every(({ calls }) => calls[0]?.id === id));
  await pass(40_000);
  assert.deepEqual(seen.now, { ok: true });
});

test('a refused call is told why and not repeated', async () => {
  const error = { code: 'validation', message: 'too long', field: 'name' };
  reply = ({ calls }) => ({ body: { results: [{ id: calls[0]?.id, ok: false, error }] } });
  const seen = watch(open().call('event', { name: 'x' }).outcome);

  await pass(1_000);

  assert.deepEqual(seen.now, { ok: false, error });
  assert.equal(requests.length, 1);
});

test('a call that spoils its batch is found and dropped, the others arrive', async () => {
  reply = (sent) => {
    const isSpoiled = sent.calls.some(({ name }) => name === 'bad');
    return isSpoiled ? { status: 400, body: { error: { code: 'malformed', message: 'no' } } } : allOk(sent);
  };
  const tracker = open();
  const seen = ['good', 'bad', 'better'].map((name) => watch(tracker.call('event', { name }).outcome));

  await pass(5_000);

  assert.deepEqual(seen.map(({ now }) => now?.ok), [true, false, true]);
  assert.equal(seen[1]?.now?.error?.code, 'malformed');
});

test('a revoked token is replaced and the calls go out under the new one', async () => {
  reply = (sent) => (requests.length === 1 ? { status: 401, body: { error: { code: 'authentication', message: '' } } } : allOk(sent));
  const seen = watch(open().call('page', {}).outcome);

  await pass(2_000);

  assert.notEqual(requests[1]?.token, requests[0]?.token);
  assert.deepEqual(seen.now, { ok: true });
  assert.deepEqual(causes, ['refused']);
});

test('a page that may not call is told once and asks no more', async () => {
  reply = () => ({ status: 403, body: { error: { code: 'origin_not_allowed', message: 'not listed' } } });
  const tracker = open();
  const seen = watch(tracker.call('page', {}).outcome);
  await pass(60_000);
  tracker.call('event', { name: 'x' });
  await pass(60_000);

  assert.equal(seen.now?.error?.code, 'origin_not_allowed');
  assert.equal(requests.length, 1);
});

test('a busy server is asked again after the time it names', async () => {
  reply = (sent) => (requests.length === 1 ? { status: 503, body: { error: { code: 'unavailable', retry_after: 9 } } } : allOk(sent));
  open().call('page', {});

  await pass(8_900);
  assert.equal(requests.length, 1);
  await pass(500);
  assert.equal(requests.length, 2);
});

test('who asks not to be tracked is not: no call, no token, only the settings', async () => {
  install({ globalPrivacyControl: true });
  reply = () => ({ body: { results: [], tracking: false, config: CONFIG } });
  const tracker = open();
  tracker.start();
  const before = watch(tracker.call('page', {}).outcome);
  await pass(1_000);
  const after = watch(tracker.call('event', { name: 'x' }).outcome);
  tracker.flushOnLeave();
  await pass(1_000);

  assert.deepEqual(requests.map(({ token, calls }) => [token, calls]), [[undefined, []]]);
  assert.deepEqual([before.now?.error?.code, after.now?.error?.code], ['not_tracked', 'not_tracked']);
  assert.deepEqual(beacons, []);
  assert.deepEqual([...storage.values.keys()], ['config']);
});

test('a site may choose not to heed it', async () => {
  install({ doNotTrack: '1' });
  reply = (sent) => ({ body: { ...(allOk(sent) as { body: object }).body, config: { ...CONFIG, honour_dnt: false } } });
  const tracker = open();
  tracker.start();
  tracker.call('page', {});

  await pass(1_000);

  assert.deepEqual(requests.map(({ calls }) => calls.length), [0, 1]);
});

test('the token of another person replaces the one that was sent', async () => {
  const switched = 'n'.repeat(43);
  reply = (sent) => ({ body: { ...(allOk(sent) as { body: object }).body, token: sent.calls[0]?.call === 'event' ? undefined : switched } });
  const tracker = open();
  tracker.call('identify', { user_id: '42' });
  await pass(100);
  assert.equal(storage.values.get('token'), switched);
  tracker.call('event', { name: 'x' });
  await pass(100);

  assert.equal(requests[1]?.token, switched);
  assert.deepEqual(causes, ['identify']);
});

test('from one named person to the next, and after a reset, nothing of the first may stay', async () => {
  let made = 0;
  reply = (sent) => ({ body: { ...(allOk(sent) as { body: object }).body, token: `${made++}`.padStart(43, 't') } });
  const tracker = open();
  for (const call of ['identify', 'identify', 'reset', 'identify']) {
    tracker.call(call, {});
    await pass(100);
  }
  assert.deepEqual(causes, ['identify', 'reset', 'reset', 'identify']);
});

test('what is unanswered is handed to the browser when the page goes', async () => {
  reply = () => 'no answer';
  const tracker = open();
  const { id } = tracker.call('page', {});
  tracker.call('leave', { page: id }, true);
  tracker.flushOnLeave();
  tracker.flushOnLeave();
  await settle();

  assert.deepEqual(beacons.map(({ calls }) => calls.length), [2, 1]);
  assert.deepEqual(beacons[0]?.calls.map(({ call }) => call), ['page', 'leave']);
  assert.deepEqual(JSON.parse(storage.values.get('calls') ?? '').calls.map(({ id }: { id: string }) => id), [id]);
});

test('a call that is too large is refused at once', async () => {
  const seen = watch(open().call('event', { name: 'x', properties: { text: 'ä'.repeat(31_000) } }).outcome);
  await pass(100);
  assert.equal(seen.now?.error?.code, 'too_large');
  assert.equal(requests.length, 0);
});

test('a batch holds at most fifty calls and sixty thousand bytes', async () => {
  const tracker = open();
  for (let i = 0; i < 70; i++) tracker.call('event', { name: 'x' });
  await pass(1_000);
  assert.deepEqual(requests.map(({ calls }) => calls.length), [50, 20]);

  requests.length = 0;
  for (let i = 0; i < 5; i++) tracker.call('event', { name: 'x', properties: { text: 'x'.repeat(25_000) } });
  await pass(1_000);
  assert.ok(requests.every((sent) => JSON.stringify(sent).length < 64_000));
});
