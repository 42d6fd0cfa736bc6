import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShownGreeting } from '../src/customer/conversation';
import type { FormField } from '../src/customer/objects';
import { readForm } from '../src/messenger/forms';
import { webAddress } from '../src/messenger/links';
import { rows } from '../src/messenger/rows';
import { answerOf } from '../src/sdk/tickets';
import { FakeClock } from './support/clock';
import { FakeServer } from './support/server';
import { FakeStorage } from './support/store';
import { openTab } from './support/visitor';

const CHOICES = [
  { id: 'a', label: 'Tea', chosenByDefault: true },
  { id: 'b', label: 'Cups' },
];
const FIELDS: FormField[] = [
  { id: '0', type: 'header', label: 'Hello' },
  { id: '1', type: 'name', label: 'Name', required: true },
  { id: '2', type: 'email', label: 'E-mail' },
  { id: '3', type: 'radio', label: 'About', answers: CHOICES },
  { id: '4', type: 'checkbox', label: 'More', answers: CHOICES, required: true },
  { id: '5', type: 'group_chooser', label: 'Who', options: [{ id: '7', groupId: 7, label: 'Sales' }] },
  { id: '6', type: 'rating', label: 'How', commentLabel: 'Why' },
];

function read(written: Record<string, string[]>) {
  return readForm(FIELDS, (name) => written[name] ?? []);
}

test('a form is read by the types of its fields, what is empty is left out', () => {
  const { fields, faults } = read({ 1: [' Ada '], 3: ['b'], 4: ['a', 'b'], 5: ['7'], 6: ['0'], '6 comment': ['Slow'] });
  assert.equal(faults.size, 0);
  assert.deepEqual(
    fields.map(({ id, answer, answers }) => [id, answer ?? answers]),
    [
      ['1', 'Ada'],
      ['3', { id: 'b', label: 'Cups' }],
      ['4', [{ id: 'a', label: 'Tea' }, { id: 'b', label: 'Cups' }]],
      ['5', { id: '7', groupId: 7, label: 'Sales' }],
      ['6', { score: 0, comment: 'Slow' }],
    ],
  );
});

test('what is required and missing, or no address, is named by its field', () => {
  const { faults } = read({ 1: ['  '], 2: ['ada@'] });
  assert.deepEqual([...faults], [['1', 'required'], ['2', 'invalid'], ['4', 'required']]);
});

test('answers are shown as people read them', () => {
  const base = { id: '1', type: 'x', label: 'x' };
  assert.equal(answerOf({ ...base, answer: 'Ada' }), 'Ada');
  assert.equal(answerOf({ ...base, answer: { id: 'b', label: 'Cups' } }), 'Cups');
  assert.equal(answerOf({ ...base, answers: CHOICES }), 'Tea, Cups');
  assert.equal(answerOf({ ...base, answer: { score: 1, comment: 'Kind' } }, ['Bad', 'Good']), 'Good: Kind');
  assert.equal(answerOf(base), '');
});

test('only addresses of the web are loaded from or led to', () => {
  assert.equal(webAddress('https://shop.test/a'), 'https://shop.test/a');
  assert.equal(webAddress('/a.png', 'https://shop.test/x/'), 'https://shop.test/a.png');
  for (const bad of ['', undefined, 'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//', 'blob:https://x.test/1']) {
    assert.equal(webAddress(bad), null, bad);
  }
});

test('a greeting stands where it came, as a message of its agent', () => {
  const event = (id: string, seq: number, authorId: string) =>
    ({ id, seq, authorId, type: 'message', text: id, threadId: 't', createdAt: '2026-11-20T12:00:00.000000Z', properties: {} }) as const;
  const greeting = { event: event('greeting', 0, ''), agent: { id: 'ada' }, afterSeq: 1 } as unknown as ShownGreeting;
  const all = rows({
    events: [event('before', 1, 'visitor'), event('after', 2, 'visitor')],
    threads: new Map(),
    unsent: [],
    agentSeenUpTo: '',
    greeting,
    isOwn: ({ authorId }) => authorId === 'visitor',
  });
  const said = all.flatMap((row) => (row.kind === 'group' ? row.messages.map(({ text }) => [row.authorId, text]) : []));
  assert.deepEqual(said, [['visitor', 'before'], ['ada', 'greeting'], ['visitor', 'after']]);
});

async function setUp() {
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  const tab = openTab(server, new FakeStorage().tab(), clock);
  tab.customer.connect();
  await clock.advance(100);
  return { clock, server, tab };
}

test('an event that is more than a text waits and is sent like any other', async () => {
  const { clock, server, tab } = await setUp();
  server.cutAll();
  tab.conversation.send('leaflet.pdf', { type: 'file', url: 'https://chat.test/files/key/leaflet.pdf' });
  assert.deepEqual(tab.conversation.view.unsent.map(({ text }) => text), ['leaflet.pdf']);

  await clock.advance(60_000);

  const stored = server.rows.filter(({ event }) => event?.type === 'file');
  assert.deepEqual(stored.map(({ event }) => event?.url), ['https://chat.test/files/key/leaflet.pdf']);
  assert.deepEqual(tab.conversation.view.unsent, []);
});

test('a delivered event opens the chat; what the server refuses rejects', async () => {
  const { clock, server, tab } = await setUp();
  const fields = [{ id: '1', type: 'name', label: 'Name', answer: 'Ada' }];
  const delivered = tab.conversation.deliver({ type: 'filled_form', formId: 'form', fields, customId: 'once' });
  await clock.advance(100);
  await delivered;
  assert.equal(server.rows.filter(({ event }) => event?.type === 'filled_form').length, 1);
  assert.ok(tab.conversation.view.isActive);

  server.refuseNext = { type: 'validation', message: 'event.fields.0.answer: is required' };
  const refused = tab.conversation.deliver({ type: 'filled_form', formId: 'form', fields: [], customId: 'twice' });
  const settled = assert.rejects(refused, /fields\.0/);
  await clock.advance(100);
  await settled;
});
