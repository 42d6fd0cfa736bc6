// What the messenger shows and does beside messages: files, quick replies, forms, a rating, the queue, greetings.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { agentOf } from './support/agent.mjs'
import { accessible, launch, picture } from './support/browser.mjs'
import { ephemeral, owner } from './support/parlor.mjs'
import { logIn, settles, visitor } from './support/people.mjs'
import { addGreeting, enableForm, enableTickets, limitChats } from './support/settings.mjs'
import { shop } from './support/shop.mjs'

// One red pixel.
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64')

let parlor, tea, browser, olive, admin, shopper, guest, chat

before(async () => {
  tea = await shop({ snippet: () => parlor })
  parlor = await ephemeral({ origins: [tea.origin] })
  browser = await launch()
  // The group answers while one of its agents has the dashboard open.
  const desk = await browser.person()
  await logIn(desk.page, parlor.url)
  await desk.page.goto(`${parlor.url}/chats`)
  admin = await desk.context.newPage()
  olive = await agentOf(parlor, owner.name)
  await olive.status('accepting')
  shopper = await arrive()
  guest = visitor(shopper.page)
})
after(async () => {
  tea?.close()
  await parlor?.stop()
  await browser?.close()
})

async function arrive(path = '/product.html', options = {}) {
  const person = await browser.person(options)
  await person.page.goto(`${tea.origin}${path}`)
  return person
}

const eventsOf = async id => (await olive.call('GET', `/chats/${id}/events`)).items
const found = async (id, check) => {
  await settles(async () => (await eventsOf(id)).some(check), true, 'the event is stored')
  return (await eventsOf(id)).findLast(check)
}
const known = new Set()
/** The chat that nobody has asked for yet, once it is stored. */
async function newestChat() {
  const fresh = async () => (await olive.call('GET', '/chats?list=active')).items.map(({ id }) => id).find(id => !known.has(id))
  await settles(async () => await fresh() !== undefined, true, 'the chat is stored')
  const id = await fresh()
  known.add(id)
  return id
}

test('a file goes out and a picture comes in', async () => {
  await guest.open()
  await guest.say('I send you the leaflet')
  await shopper.page.locator('parlor-chat').getByText('Sent', { exact: true }).first().waitFor()
  chat = await newestChat()
  const chooser = shopper.page.waitForEvent('filechooser')
  await shopper.page.getByRole('button', { name: 'Attach a file' }).click()
  await (await chooser).setFiles({ name: 'leaflet.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4\n%%EOF\n') })
  const sent = await found(chat, ({ type }) => type === 'file')
  assert.equal(sent.name, 'leaflet.pdf')
  await guest.log.getByRole('link', { name: /leaflet\.pdf/ }).waitFor()

  const form = new FormData()
  form.append('file', new Blob([PIXEL], { type: 'image/png' }), 'tin.png')
  const answer = await fetch(`${parlor.url}/api/agent/files`, { method: 'POST', headers: { authorization: `Bearer ${parlor.api_key}` }, body: form })
  const { url } = await answer.json()
  await olive.call('POST', `/chats/${chat}/events`, { type: 'file', url, alternative_text: 'A tin of tea' })

  const image = guest.log.getByRole('img', { name: 'A tin of tea' })
  await image.waitFor()
  await settles(() => image.evaluate(img => img.naturalWidth), 1, 'the picture is loaded')
  assert.equal(await image.getAttribute('width'), '1')
  assert.equal(await guest.log.getByRole('link', { name: 'A tin of tea' }).getAttribute('target'), '_blank')
})

test('a file of a refused type says so and can be taken away', async () => {
  const chooser = shopper.page.waitForEvent('filechooser')
  await shopper.page.getByRole('button', { name: 'Attach a file' }).click()
  await (await chooser).setFiles({ name: 'virus.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ\u0000\u0001 not for you') })
  await shopper.page.getByText('Files of this type are not taken.').waitFor()
  await shopper.page.getByRole('button', { name: 'Cancel virus.exe' }).click()

  await shopper.page.getByText('Files of this type are not taken.').waitFor({ state: 'detached' })
})

test('a quick reply is pressed by keyboard, answers, and stays pressed', async () => {
  await olive.ask(chat, 'Green or black?', [{ text: 'Green', id: 'green' }, { text: 'Black', id: 'black' }])
  const green = guest.log.getByRole('button', { name: 'Green' })
  await green.focus()
  await shopper.page.keyboard.press('Enter')

  const reply = await found(chat, ({ type, text }) => type === 'message' && text === 'Green')
  assert.equal(reply.postback.id, 'green')
  await found(chat, event => event.type === 'rich_message' && event.elements[0].buttons[0].user_ids.length === 1)
  await settles(() => green.getAttribute('aria-pressed'), 'true', 'the button is pressed')
  assert.ok(await guest.log.getByRole('button', { name: 'Black' }).isDisabled())
})

test('cards show pictures, links and numbers, and refuse other addresses', async () => {
  await olive.call('POST', `/chats/${chat}/events`, {
    type: 'rich_message', template_id: 'cards',
    elements: [
      {
        title: 'Sencha', subtitle: 'First flush', image: { url: `${tea.origin}/sencha.svg`, width: 400, height: 200, alternative_text: 'Sencha tin' },
        buttons: [
          { type: 'url', text: 'See it', postback_id: 'see', value: `${tea.origin}/product.html`, target: 'new' },
          { type: 'phone', text: 'Call us', postback_id: 'call', value: '+49 30 1234' },
        ],
      },
      { title: 'Assam', buttons: [{ type: 'message', text: 'Take it', postback_id: 'assam', value: 'Assam please' }] },
    ],
  })
  const see = guest.log.getByRole('link', { name: 'See it' })
  await see.waitFor()
  assert.equal(await see.getAttribute('rel'), 'noopener noreferrer nofollow')
  assert.equal(await guest.log.getByRole('link', { name: 'Call us' }).getAttribute('href'), 'tel:+49301234')
  await guest.log.getByRole('button', { name: 'Take it' }).waitFor()
  await accessible(shopper.page, 'messenger, cards')
  await picture(shopper.page, 'messenger-cards')
})

test('an edited message changes in place', async () => {
  const { event: { id } } = await olive.say(chat, 'It costs 4 euro')
  await guest.log.getByText('It costs 4 euro').waitFor()
  await olive.edit(chat, id, 'It costs 5 euro')

  await guest.log.getByText('It costs 5 euro').waitFor()
  assert.equal(await guest.log.getByText('It costs 4 euro').count(), 0)
})

test('a closed chat can be rated, commented, and the rating taken back', async () => {
  await olive.close(chat)
  const good = guest.log.getByRole('button', { name: 'Good' })
  await good.click()
  await found(chat, ({ system_message_type }) => system_message_type === 'rating.chat_rated')
  await settles(() => good.getAttribute('aria-pressed'), 'true', 'the rating is shown')
  await guest.log.getByRole('textbox', { name: 'Comment' }).fill('Quick and kind')
  await accessible(shopper.page, 'messenger, rating')
  await picture(shopper.page, 'messenger-rating')
  await guest.log.getByRole('button', { name: 'Send' }).click()
  await found(chat, ({ system_message_type }) => system_message_type === 'rating.chat_commented')

  await shopper.page.reload()
  await settles(() => good.getAttribute('aria-pressed'), 'true', 'the rating is shown after a reload')
  await good.click()
  await found(chat, ({ system_message_type }) => system_message_type === 'rating.chat_rating_canceled')
  await settles(() => good.getAttribute('aria-pressed'), 'false', 'the rating is gone')
})

test('a greeting becomes the first message, and the chat begins below it', async () => {
  await addGreeting(admin, parlor.url, { text: 'Can I help you choose?', part: 'basket.html', agent: owner.name })
  const { page, context } = await arrive('/basket.html')
  await page.getByRole('button', { name: /Can I help you choose\?/ }).click()
  const reader = visitor(page)
  await reader.log.getByText('Can I help you choose?').waitFor()
  await picture(page, 'messenger-greeting')
  await reader.say('Yes please')

  await page.locator('parlor-chat').getByText('Sent', { exact: true }).waitFor()
  const written = await reader.log.locator('.bubble').allInnerTexts()
  assert.deepEqual(written.map(text => text.trim()), ['Can I help you choose?', 'Yes please'])
  await olive.close(await newestChat())
  await context.close()
})

test('who waits sees their place until somebody takes the chat', async () => {
  await limitChats(admin, parlor.url, olive.id, 1)
  const first = await arrive()
  await visitor(first.page).open()
  await visitor(first.page).say('First')
  await first.page.locator('parlor-chat').getByText('Sent', { exact: true }).waitFor()
  const taken = await newestChat()
  const second = await arrive()
  const waiting = visitor(second.page)
  await waiting.open()
  await waiting.say('Second')

  await second.page.getByText(/^You are number 1/).waitFor()
  await picture(second.page, 'messenger-queue')
  await olive.close(taken)
  await second.page.getByText(/^You are number/).waitFor({ state: 'detached' })
  await olive.close(await newestChat())
  await limitChats(admin, parlor.url, olive.id, 20)
  await first.context.close()
  await second.context.close()
})

test('a form stands before the chat, says what is missing, and is stored with it', async () => {
  await enableForm(admin, parlor.url, /before/i)
  const { page, context } = await arrive('/product.html', { locale: 'en-GB' })
  const asked = visitor(page)
  await asked.launcher.click()
  const start = asked.log.getByRole('button', { name: 'Start chat' })
  await start.waitFor()
  assert.equal(await asked.composer.count(), 0)
  const name = asked.log.getByRole('textbox').first()
  await start.click()
  await asked.log.getByText('Please fill this in.').first().waitFor()
  await accessible(page, 'messenger, form')
  await picture(page, 'messenger-form')
  for (const box of await asked.log.getByRole('textbox').all()) await box.fill((await box.getAttribute('type')) === 'email' ? 'ada@example.com' : 'Ada')
  await name.fill('Ada')
  await start.click()

  await asked.composer.waitFor()
  const stored = await found(await newestChat(), ({ type }) => type === 'filled_form')
  assert.ok(stored.fields.some(({ answer }) => answer === 'Ada'))
  await asked.log.getByRole('definition').getByText('Ada', { exact: true }).first().waitFor()
  await picture(page, 'messenger-filled')
  await context.close()
})

test('where nobody is there, a message is left in place of a chat', async () => {
  await enableTickets(admin, parlor.url)
  await olive.status('not_accepting')
  const { page, context } = await arrive()
  const { launcher, log } = visitor(page)
  await launcher.click()
  const send = log.getByRole('button', { name: 'Send' })
  await send.waitFor()
  for (const box of await log.getByRole('textbox').all()) await box.fill((await box.getAttribute('type')) === 'email' ? 'ada@example.com' : 'Out of Sencha?')
  await picture(page, 'messenger-ticket')
  await send.click()

  await log.getByText('Thank you, we have your message').waitFor()
  await page.getByRole('button', { name: 'Leave a message' }).waitFor()
  await admin.goto(`${parlor.url}/tickets`)
  await admin.getByText('Out of Sencha?').first().waitFor()
  await olive.status('accepting')
  await context.close()
})

test('who is banned sees one line and cannot write', async () => {
  const { page, context } = await arrive('/product.html')
  const banned = visitor(page)
  await banned.launcher.click()
  await banned.log.getByRole('button', { name: 'Start chat' }).waitFor()
  for (const box of await banned.log.getByRole('textbox').all()) await box.fill((await box.getAttribute('type')) === 'email' ? 'eve@example.com' : 'Eve')
  await banned.log.getByRole('button', { name: 'Start chat' }).click()
  await banned.composer.waitFor()
  const { visitor_id: id } = await olive.call('GET', `/chats/${await newestChat()}`)
  await olive.call('PUT', `/visitors/${id}/ban`, { reason: 'Rude' })

  await page.getByText('You cannot chat here at the moment.').waitFor()
  assert.ok(await banned.composer.isDisabled())
  await accessible(page, 'messenger, banned')
  await picture(page, 'messenger-banned')
  await context.close()
})

test('German, right to left and narrow, nothing runs out of the window', async () => {
  const { page, context } = await arrive('/product.html', { locale: 'de-DE', viewport: { width: 360, height: 740 } })
  await page.evaluate(() => { document.documentElement.dir = 'rtl' })
  await page.reload()
  await page.evaluate(() => { document.documentElement.dir = 'rtl' })
  await page.locator('parlor-chat').getByRole('button').first().click()
  const card = page.locator('parlor-chat .card')
  await card.waitFor()
  assert.ok(await card.evaluate(element => element.getBoundingClientRect().width <= innerWidth && element.scrollWidth <= element.clientWidth))
  await context.close()
})
