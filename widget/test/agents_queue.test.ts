import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
// @ts-expect-error: the dashboard is plain JavaScript, checked by its own configuration.
import { live } from '../../static/js/live.js';
// @ts-expect-error: as above.
import { enqueue, startSending, waiting } from '../../static/js/send_queue.js';

type Update = Record<string, unknown>;

/** What the agents' socket would carry, and the storage of one browser, which may be full. */
const sent: Update[] = [];
const heard = new Map<string, (update: Update) => void>();
const stored: Record<string, string> = {};
let isFull = false;

const storage = {
  getItem: (key: string) => stored[key] ?? null,
  removeItem: (key: string) => void delete stored[key],
  setItem(key: string, value: string) {
    if (isFull) throw new DOMException('full', 'QuotaExceededError');
    stored[key] = value;
  },
};

Object.assign(globalThis, {
  document: { body: { dataset: { agent: '8' } } },
  addEventListener: () => {},
  // Object.keys of a Storage names what is stored.
  localStorage: new Proxy(storage, {
    ownKeys: () => Object.keys(stored),
    getOwnPropertyDescriptor: (_, key) => ({ value: stored[String(key)], enumerable: true, configurable: true }),
  }),
});
live.on = (type: string, listener: (update: Update) => void) => void heard.set(type, listener);
live.onOpen = () => {};
live.send = (message: Update) => sent.push(message) > 0;
startSending();

function acknowledge(): void {
  const { chat, custom_id } = sent.at(-1) ?? {};
  heard.get('stored')?.({ type: 'stored', chat, custom_id, seq: 1 });
}

beforeEach(() => {
  isFull = false;
  sent.length = 0;
});

test('what an agent writes is sent and acknowledged where the storage is full', () => {
  isFull = true;

  enqueue('1', 'first', false);
  enqueue('1', 'second', false);
  acknowledge();
  acknowledge();

  assert.deepEqual(sent.map(({ text }) => text), ['first', 'second']);
  assert.deepEqual(waiting('1'), []);
});

test('what was stored before the storage was full is sent once, and first', () => {
  enqueue('2', 'first', false);
  isFull = true;
  enqueue('2', 'second', false);
  acknowledge();
  isFull = false;
  acknowledge();

  assert.deepEqual(sent.map(({ text }) => text), ['first', 'second']);
  assert.deepEqual(waiting('2'), []);
  assert.deepEqual(stored, {});
});
