import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Call, CallQueue } from '../src/loader/queue';
import { FakeStorage } from './support/store';

let made = 0;
function call(fields: Partial<Call> = {}): Call {
  made += 1;
  return { id: `id-${made}`, call: 'event', at: made, ...fields };
}

test('a call survives the page until it is answered', () => {
  const storage = new FakeStorage();
  const page = call();
  new CallQueue(storage.tab()).add(page);

  const next = new CallQueue(storage.tab());
  assert.deepEqual(next.pending(), [page]);
  next.settle([page.id]);

  assert.deepEqual(new CallQueue(storage.tab()).pending(), []);
  assert.equal(storage.values.size, 0);
});

test('calls come oldest first, whichever tab made them', () => {
  const storage = new FakeStorage();
  const [first, second] = [new CallQueue(storage.tab()), new CallQueue(storage.tab())];
  const calls = [call(), call(), call()] as const;

  second.add(calls[1]);
  first.add(calls[2]);
  first.add(calls[0]);

  assert.deepEqual(second.pending(), [...calls]);
});

test('a tab keeps its own calls when another tab overwrites the storage', () => {
  const storage = new FakeStorage();
  const queue = new CallQueue(storage.tab());
  const own = call();
  queue.add(own);

  storage.values.clear();

  assert.deepEqual(queue.pending(), [own]);
});

test('an answered call that another tab writes back is not sent again', () => {
  const storage = new FakeStorage();
  const [first, second] = [new CallQueue(storage.tab()), new CallQueue(storage.tab())];
  const shared = call();
  first.add(shared);

  second.settle([shared.id]);
  first.add(call());

  assert.ok(!second.pending().some(({ id }) => id === shared.id));
});

test('the oldest calls are dropped and counted when there are more than a hundred', () => {
  const queue = new CallQueue(new FakeStorage().tab());
  const calls = Array.from({ length: 130 }, () => call());

  for (const one of calls) queue.add(one);

  assert.deepEqual(queue.pending(), calls.slice(30));
  assert.equal(queue.dropped, 30);
});

test('the oldest calls are dropped when the text grows above 64,000 characters', () => {
  const storage = new FakeStorage();
  const queue = new CallQueue(storage.tab());
  for (let i = 0; i < 10; i++) queue.add(call({ properties: { text: 'x'.repeat(20_000) } }));

  assert.equal(queue.pending().length, 3);
  assert.equal(queue.dropped, 7);
  assert.ok((storage.values.get('calls') ?? '').length <= 64_000);
});

test('a fleeting call replaces the earlier one of its kind and is not stored', () => {
  const storage = new FakeStorage();
  const queue = new CallQueue(storage.tab());
  const [seen, later] = [call({ call: 'seen' }), call({ call: 'seen' })];

  queue.add(seen, true);
  queue.add(later, true);

  assert.deepEqual(queue.pending(), [later]);
  assert.deepEqual(new CallQueue(storage.tab()).pending(), []);
});

test('what else stands in the storage breaks nothing', () => {
  for (const text of ['', 'null', '7', '[]', '{"calls":{}}', '{', '{"calls":[],"dropped":"x"}']) {
    const storage = new FakeStorage();
    storage.values.set('calls', text);
    const queue = new CallQueue(storage.tab());
    queue.add(call());
    assert.equal(queue.pending().length, 1, text);
  }
});
