// The tables that the published SDK is driven through hold every documented name, and its flows beside them work.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as documented from './support/documented.mjs'
import { events, unforced } from './support/events.mjs'
import { last, methods } from './support/methods.mjs'

test('every documented method and event has its entry, and no entry is of something else', () => {
  assert.equal(documented.methods.length, 37)
  assert.equal(documented.events.length, 29)
  assert.deepEqual(Object.keys({ ...methods, ...last }).sort(), [...documented.methods].sort())
  assert.deepEqual(Object.keys({ ...events, ...unforced }).sort(), [...documented.events].sort())
})
