// Every page with people in it: pictures at 1440 and 390 px in light and dark, no violation of WCAG 2.2 AA, nothing to scroll sideways.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, launch, picture } from './support/browser.mjs'
import { ephemeral } from './support/parlor.mjs'
import { agent, logIn, visitor } from './support/people.mjs'

let parlor, browser, admin
before(async () => {
  parlor = await ephemeral()
  browser = await launch()
  admin = (await browser.person()).page
})
after(async () => {
  await parlor?.stop()
  await browser?.close()
})

async function fits(page, name) {
  const size = page.viewportSize()
  await page.setViewportSize({ width: 360, height: 740 })
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await page.setViewportSize(size)
  assert.ok(wider <= 0, `${name} is ${wider} px wider than a phone`)
}

async function looked(page, name) {
  await accessible(page, name)
  await fits(page, name)
  await picture(page, name)
}

test('the login page', async () => {
  await admin.goto(`${parlor.url}/login`)
  await looked(admin, 'login')
  await logIn(admin, parlor.url)
})

test('the lists and profiles of visitors', async () => {
  const people = [
    { locale: 'de-DE', name: 'Ada Lovelace', email: 'ada@example.com', path: 'product.html', says: 'Is the oolong in stock?' },
    { locale: 'fr-FR', name: '<b>Bold & Co</b>', email: 'bold@example.com', path: 'basket.html', says: '' },
    { locale: 'en-GB', name: '', email: '', path: 'index.html', says: 'Hello there' },
  ]
  for (const { locale, name, email, path, says } of people) {
    const { page } = await browser.person({ locale })
    await page.goto(`${parlor.url}/demo/index.html`)
    await page.goto(`${parlor.url}/demo/${path}`)
    await page.locator('parlor-chat').waitFor({ state: 'attached' })
    if (name) await page.evaluate(([id, rest]) => globalThis.Parlor('identify', id, rest), [email, { name, email, attributes: { plan: 'pro', seats: 3 } }])
    await page.evaluate(() => globalThis.Parlor('track', 'looked_around', { shelf: 'green tea' }))
    if (says) {
      const guest = visitor(page)
      await page.locator('parlor-chat').getByRole('button').first().click()
      await guest.composer.or(page.locator('parlor-chat').getByRole('textbox')).first().fill(says)
      await page.keyboard.press('Enter')
    }
  }
  await admin.goto(`${parlor.url}/visitors`)
  await admin.getByText('Ada Lovelace').first().waitFor()
  await admin.getByText('<b>Bold & Co</b>').first().waitFor()
  await looked(admin, 'visitors')
  await admin.getByRole('link', { name: 'Ada Lovelace' }).first().click()
  await admin.getByText('looked_around').first().waitFor()
  await admin.getByRole('link', { name: 'Chat, open' }).first().waitFor()
  await looked(admin, 'profile')
  await admin.goto(`${parlor.url}/visitors/all`)
  await admin.getByText('Ada Lovelace').first().waitFor()
  await looked(admin, 'all-visitors')
})

test('a conversation beside its visitor', async () => {
  await admin.goto(`${parlor.url}/chats?list=all`)
  await agent(admin).rows.filter({ hasText: 'Is the oolong in stock?' }).getByRole('link').click()
  await agent(admin).say('It is, and freshly roasted. See https://example.com/oolong for the harvest.')
  await admin.getByRole('link', { name: 'https://example.com/oolong', exact: true }).waitFor()
  await looked(admin, 'conversation')
})

test('the forms around a conversation, each as a page of its own', async () => {
  const { pathname: chat } = new URL(admin.url())
  const profile = await admin.getByRole('link', { name: 'Whole profile' }).getAttribute('href')
  for (const [name, path] of [['transfer', `${chat}/transfer`], ['attach', `${chat}/files`], ['quick-replies', `${chat}/quick-replies`], ['ban', `${profile}/ban`]]) {
    await admin.goto(parlor.url + path)
    await admin.getByRole('heading', { level: 1 }).first().waitFor()
    await looked(admin, `form-${name}`)
  }
})

test('tickets', async () => {
  await admin.goto(`${parlor.url}/tickets`)
  await admin.getByText('Nobody waits for an answer').waitFor()
  await looked(admin, 'tickets-none')
  await admin.goto(`${parlor.url}/settings/site`)
  const license = Number(await admin.locator('dd code').nth(1).textContent())
  const left = await fetch(`${parlor.url}/v2/tickets/new`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      licence_id: license, subject: 'Where is my <b>order</b>?', requester: { name: 'Ada Lovelace', mail: 'ada@example.com' }, timezone: 'Europe/Berlin',
      ticket_message: 'Your message: It was to come yesterday.', offline_message: 'Your name: Ada Lovelace\nYour message: It was to come yesterday.',
    }),
  })
  assert.equal(left.status, 201)
  await admin.goto(`${parlor.url}/tickets`)
  await looked(admin, 'tickets')
  await admin.getByRole('link', { name: 'Where is my <b>order</b>?' }).click()
  await admin.getByRole('link', { name: 'Reply by e-mail' }).waitFor()
  await looked(admin, 'ticket')
})

test('the settings', async () => {
  for (const page of ['site', 'agents', 'groups', 'groups/new', 'groups/0', 'forms', 'forms/0/prechat', 'forms/0/ticket', 'greetings', 'greetings/new', 'canned-replies', 'keys', 'keys/new', 'bans', 'profile']) {
    await admin.goto(`${parlor.url}/settings/${page}`)
    await admin.getByRole('heading', { level: 1 }).first().waitFor()
    await looked(admin, `settings-${page.replaceAll('/', '-')}`)
  }
})

test('the demo shop with the messenger closed and open', async () => {
  const { page } = await browser.person()
  await page.goto(`${parlor.url}/demo/index.html`)
  const guest = visitor(page)
  await guest.launcher.waitFor()
  await looked(page, 'demo')
  await guest.open()
  await looked(page, 'demo-messenger')
})

test('everything can be done from the keyboard', async () => {
  await admin.goto(`${parlor.url}/visitors`)
  await admin.keyboard.press('g')
  await admin.keyboard.press('c')
  await admin.waitForURL('**/chats**')
  await admin.keyboard.press('?')
  await admin.getByRole('dialog').waitFor()
  await accessible(admin, 'shortcuts')
  await admin.keyboard.press('Escape')

  const { page } = await browser.person()
  await page.goto(`${parlor.url}/demo/index.html`)
  const guest = visitor(page)
  await guest.launcher.focus()
  await page.keyboard.press('Enter')
  await guest.composer.waitFor()
  await page.keyboard.type('Typed without a mouse')
  await page.keyboard.press('Enter')
  await page.locator('parlor-chat').getByText('Sent').waitFor()
  await page.keyboard.press('Escape')
  const focused = await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.getAttribute('aria-label'))
  assert.match(String(focused), /Open chat/)
})
