// Forms, custom events and rich messages through the published SDK: sent by the page, written by the agent, read back by both.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events as names } from './support/documented.mjs'
import { builds, Guest } from './support/published.mjs'
import { stage } from './support/suite.mjs'
import { configOf } from './support/world.mjs'

const at = stage(async at => {
  const fields = [
    { type: 'name', label: 'Your name', is_required: true },
    { type: 'email', label: 'Your e-mail', is_required: true },
    { type: 'radio', label: 'Tea?', choices: [{ label: 'Green' }, { label: 'Black' }] },
    { type: 'checkbox', label: 'With', choices: [{ label: 'Milk' }, { label: 'Sugar' }] },
    { type: 'group_chooser', label: 'About', groups: [0] },
  ]
  at.form = await at.agent.call('PUT', '/groups/0/forms/prechat', { is_enabled: true, fields })
})

const plain = object => JSON.parse(JSON.stringify(object))

/** The newest event of a type as agents read it. */
async function stored(chat, type) {
  const { items } = await at.agent.call('GET', `/chats/${chat}/events?limit=100`)
  return items.findLast(event => event.type === type)
}

const heardOf = (guest, id) => guest.hears('incoming_event', ({ event }) => event?.id === id)

/** The fields of a form, answered. */
function answered({ id, fields }) {
  const answers = {
    name: () => ({ answer: 'Ann Visitor' }),
    email: () => ({ answer: 'ann@example.com' }),
    radio: ({ options: [, { id, label }] }) => ({ answer: { id, label } }),
    checkbox: ({ options }) => ({ answers: options.map(({ id, label }) => ({ id, label })) }),
    group_chooser: ({ options: [{ id, label, groupId }] }) => ({ answer: { id, label, groupId } }),
  }
  return { type: 'filled_form', formId: id, fields: fields.map(field => ({ type: field.type, id: field.id, label: field.label, ...answers[field.type](field) })) }
}

/** A form before the chat, which began with it; then another into the open chat. */
async function filledForms({ guest, id, chat }) {
  const { formId, fields, authorId } = chat.thread.events.find(({ type }) => type === 'filled_form')
  assert.equal(authorId, id)
  assert.ok(formId)
  const given = Object.fromEntries(fields.map(({ type, answer, answers }) => [type, answer ?? answers]))
  assert.deepEqual([given.name, given.email, given.radio.label], ['Ann Visitor', 'ann@example.com', 'Black'])
  assert.deepEqual(given.checkbox.map(({ label }) => label), ['Milk', 'Sugar'])
  assert.equal(given.group_chooser.groupId, 0)

  const read = await stored(chat.id, 'filled_form')
  assert.deepEqual(read.fields.map(({ label }) => label), ['Your name', 'Your e-mail', 'Tea?', 'With', 'About'])
  const { value: { name, email } } = await guest.call('getCustomer')
  assert.deepEqual([name, email], ['Ann Visitor', 'ann@example.com'])

  // A second one goes into the open chat; one that misses what is required is refused.
  const again = { type: 'filled_form', formId, fields: fields.map(field => field.type === 'name' ? { ...field, answer: 'Ann Again' } : field) }
  const { value: sent, message } = await guest.call('sendEvent', { chatId: chat.id, event: again })
  assert.equal(message, undefined)
  assert.equal(sent.fields.find(({ type }) => type === 'name').answer, 'Ann Again')
  const lacking = { ...again, fields: again.fields.filter(({ type }) => type !== 'name') }
  assert.equal((await guest.call('sendEvent', { chatId: chat.id, event: lacking })).code, 'VALIDATION')
}

/** Custom events of both sides, with what they hold. */
async function customEvents({ build, guest, chat }) {
  const content = { steps: [1, null, 'two'], deep: { name: 'Öolong 🍵' } }
  const { event: { id } } = await at.agent.call('POST', `/chats/${chat.id}/events`, { type: 'custom', content, custom_id: 'from-agent' })
  if (build.major === 2) {
    // This version knows no custom events: it passes over them and stays whole.
    await at.agent.say(chat.id, 'Still with me?')
    await guest.hears('incoming_event', ({ event }) => event?.text === 'Still with me?')
  } else {
    const { event } = await heardOf(guest, id)
    assert.deepEqual([event.type, event.customId], ['custom', 'from-agent'])
    assert.deepEqual(plain(event.content), content)

    const { value: sent, message } = await guest.call('sendEvent', { chatId: chat.id, event: { type: 'custom', content, customId: 'from-page' } })
    assert.equal(message, undefined)
    assert.deepEqual([sent.type, sent.customId, plain(sent.content)], ['custom', 'from-page', content])
    assert.deepEqual((await stored(chat.id, 'custom')).content, content)
  }
}

const card = {
  title: 'Oolong', subtitle: 'From the hills', image: { url: 'https://shop.example/oolong.png', name: 'oolong.png' },
  buttons: [
    { type: 'message', text: 'Take it', postback_id: 'take', value: 'I take it', user_ids: [], role: 'primary' },
    { type: 'phone', text: 'Call', postback_id: 'call', value: '+491234567', user_ids: [] },
    { type: 'url', text: 'Look', postback_id: 'look', value: 'https://shop.example/oolong', user_ids: [], target: 'new' },
    { type: 'webview', text: 'Here', postback_id: 'here', value: 'https://shop.example/oolong', user_ids: [], webview_height: 'tall' },
    { type: 'cancel', text: 'No', postback_id: 'no', user_ids: [] },
    { text: 'Plain', postback_id: 'plain', user_ids: [] },
  ],
}

/** 2 passes over the kind of a button that takes a question back. */
const known = ({ major }, type) => major === 2 && type === 'cancel' ? undefined : type

const rich = {
  cards: [card, { title: 'Sencha' }],
  quick_replies: [{ title: 'Green?', buttons: [{ type: 'message', text: 'Yes', postback_id: 'yes', value: 'Yes', user_ids: [] }] }],
  sticker: [{ image: { url: 'https://shop.example/cat.png', name: 'cat.png' } }],
}

/** Every kind of rich message arrives whole, and its buttons answer. */
async function richMessages({ build, guest, id, chat }) {
  const heard = {}
  for (const [template, elements] of Object.entries(rich)) {
    const { event } = await at.agent.call('POST', `/chats/${chat.id}/events`, { type: 'rich_message', template_id: template, elements })
    heard[template] = (await heardOf(guest, event.id)).event
    assert.equal(heard[template].type, 'rich_message')
    assert.equal(heard[template].template, template)
    assert.deepEqual(heard[template].elements.map(({ title }) => title), elements.map(({ title }) => title))
  }
  const [{ subtitle, image, buttons }] = heard.cards.elements
  assert.deepEqual([subtitle, image.url], [card.subtitle, card.image.url])
  assert.deepEqual(buttons.map(({ type, text, postbackId, value }) => ({ type, text, postbackId, value })),
    card.buttons.map(({ type, text, postback_id: postbackId, value }) => ({ type: known(build, type), text, postbackId, value })))
  assert.equal(heard.sticker.elements[0].image.url, rich.sticker[0].image.url)

  const place = { chatId: chat.id, threadId: chat.thread.id, eventId: heard.cards.id }
  const { message } = await guest.call('sendRichMessagePostback', { ...place, postback: { id: 'take', toggled: true } })
  assert.equal(message, undefined)
  const reply = { type: 'message', text: 'I take it', postback: { id: 'take', threadId: chat.thread.id, eventId: heard.cards.id, type: 'message', value: 'I take it' } }
  const { value: sent, code } = await guest.call('sendEvent', { chatId: chat.id, event: reply })
  assert.equal(sent?.text, 'I take it', code)
  const read = await at.agent.call('GET', `/chats/${chat.id}/events?limit=100`)
  const cards = read.items.find(({ template_id }) => template_id === 'cards')
  assert.deepEqual(cards.elements[0].buttons[0].user_ids, [id])
  assert.ok(read.items.some(({ text, author }) => text === 'I take it' && author.type === 'visitor'))

  const refused = await guest.call('sendRichMessagePostback', { ...place, postback: { id: 'nothing', toggled: true } })
  assert.notEqual(refused.code, undefined)
}

for (const build of builds) {
  test(build.name, async t => {
    const { context, page } = await at.browser.person()
    const guest = await Guest.open(page, build, { url: at.web.of(build), config: configOf(build, at.site), names })
    const { customer: { id } } = await guest.hears('connected')
    const { value: { form } } = await guest.call('getForm', { groupId: 0, type: 'prechat' })
    // One chat for all: an address begins few of them in a minute.
    const { value: { chat } } = await guest.call('startChat', { chat: { thread: { events: [answered(form)] } } })
    const all = { build, guest, id, chat }
    await t.test('forms are filled in, heard and read by the agent', () => filledForms(all))
    await t.test('custom events go both ways', () => customEvents(all))
    await t.test('rich messages arrive whole, and their buttons answer', () => richMessages(all))
    await at.agent.close(chat.id)
    await context.close()
  })
}
