import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accentOn, accentText, contrast } from '../src/look/contrast';
import { pieces } from '../src/messenger/links';
import { rows, type Source } from '../src/messenger/rows';

function rgb(css: string): [number, number, number] {
  return css.match(/\d+/g)?.map(Number) as [number, number, number];
}

test('whatever accent a site chooses, text on it and text in it can be read', () => {
  const papers = { light: 'rgb(250 249 247)', dark: 'rgb(28 25 23)' } as const;
  for (const r of [0, 51, 102, 153, 204, 255]) {
    for (const g of [0, 51, 102, 128, 153, 204, 255]) {
      for (const b of [0, 102, 255]) {
        const chosen = `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
        for (const scheme of ['light', 'dark'] as const) {
          const { fill, ink } = accentOn(scheme, chosen);
          const text = accentText(scheme, chosen);
          assert.ok(contrast(rgb(fill), rgb(ink)) >= 4.45, `${chosen} ${scheme} ${fill} ${ink}`);
          assert.ok(contrast(rgb(text), rgb(papers[scheme])) >= 4.45, `${chosen} ${scheme} ${text}`);
        }
      }
    }
  }
});

test('a readable accent is left as it is, a broken one becomes the default', () => {
  assert.equal(accentOn('light', '#1d5fa8').fill, 'rgb(29 95 168)');
  for (const broken of ['', 'red', '#12345', '#0g766e', '#0f766e;}', 'url(x)']) assert.equal(accentOn('light', broken).fill, 'rgb(15 118 110)', broken);
});

test('only web and mail addresses become links', () => {
  const cases: [string, (string | [string, string])[]][] = [
    ['no link', ['no link']],
    ['see https://shop.test/a?b=1#c.', ['see ', ['https://shop.test/a?b=1#c', 'https://shop.test/a?b=1#c'], '.']],
    ['(https://shop.test/a_(b))', ['(', ['https://shop.test/a_(b)', 'https://shop.test/a_(b)'], ')']],
    ['www.shop.test!', [['www.shop.test', 'https://www.shop.test/'], '!']],
    ['ask ada@shop.test, please', ['ask ', ['ada@shop.test', 'mailto:ada@shop.test'], ', please']],
    ['javascript:alert(1)', ['javascript:alert(1)']],
    ['data:text/html,<b>x</b>', ['data:text/html,<b>x</b>']],
    ['file:///etc/passwd', ['file:///etc/passwd']],
    ['http://', ['http://']],
    ['<script>alert("https://x.test/")</script>', ['<script>alert("', ['https://x.test/', 'https://x.test/'], '")</script>']],
  ];
  for (const [text, expected] of cases) {
    const found = pieces(text).map(({ text, href }) => (href ? [text, href] : text));
    assert.deepEqual(found, expected, text);
    assert.equal(pieces(text).map(({ text }) => text).join(''), text);
  }
});

const NOON = Date.UTC(2026, 10, 20, 12);

function source(messages: { minute: number; by?: string; thread?: string }[], rest: Partial<Source> = {}): Source {
  return {
    events: messages.map(({ minute, by = 'visitor', thread = 't1' }, index) => ({
      id: `e${index}`,
      properties: {},
      systemMessageType: '',
      textVars: {},
      type: by === 'system' ? 'system_message' : 'message',
      seq: index + 1,
      threadId: thread,
      createdAt: new Date(NOON + minute * 60_000).toISOString(),
      authorId: by,
      text: `text ${index}`,
    })),
    threads: new Map(),
    unsent: [],
    agentSeenUpTo: '',
    isOwn: ({ authorId }) => authorId === 'visitor',
    ...rest,
  };
}

function kinds(of: Source): string[] {
  return rows(of).map((row) => (row.kind === 'group' ? `${row.isOwn ? 'own' : row.authorId} ${row.messages.length}` : row.kind));
}

test('messages are grouped by author and time, parted by day and thread', () => {
  const of = source([
    { minute: 0 },
    { minute: 1 },
    { minute: 2, by: 'ada' },
    { minute: 2, by: 'bob' },
    { minute: 9, by: 'bob' },
    { minute: 9, by: 'system' },
    { minute: 10, thread: 't2' },
    { minute: 60 * 24 + 1, thread: 't2' },
  ]);
  assert.deepEqual(kinds(of), ['day', 'own 2', 'ada 1', 'bob 1', 'bob 1', 'system', 'thread', 'own 1', 'day', 'own 1']);
});

test('the state is written at the last message of each run of a state', () => {
  const of = source([{ minute: 0 }, { minute: 1 }, { minute: 2 }], {
    agentSeenUpTo: new Date(NOON + 60_000).toISOString(),
    unsent: [
      { id: 'a', text: 'a', at: NOON + 180_000, isAcknowledged: true },
      { id: 'b', text: 'b', at: NOON + 181_000, isAcknowledged: false },
      { id: 'c', text: 'c', at: NOON + 182_000, isAcknowledged: false, refused: 'validation' },
    ],
  });
  const states = rows(of).flatMap((row) => (row.kind === 'group' ? row.messages.map(({ state, showsState }) => `${state} ${showsState}`) : []));
  assert.deepEqual(states, ['seen false', 'seen true', 'stored false', 'stored true', 'waiting true', 'refused true']);
});

test('an own message keeps its key when it is stored', () => {
  const waiting = rows(source([], { unsent: [{ id: 'custom', text: 'x', at: NOON, isAcknowledged: false }] }));
  const stored = source([{ minute: 0 }]);
  (stored.events[0] as { customId?: string }).customId = 'custom';
  const key = (all: ReturnType<typeof rows>): string | undefined => all.flatMap((row) => (row.kind === 'group' ? row.messages : []))[0]?.key;
  assert.equal(key(waiting), 'custom');
  assert.equal(key(rows(stored)), 'custom');
});
