// The widget on other people's pages: another origin, a strict policy, hostile styles and scripts, storage denied, German, right to left.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, launch, picture } from './support/browser.mjs'
import { ephemeral } from './support/parlor.mjs'
import { agent, logIn, settles, texts, visitor } from './support/people.mjs'
import { shop } from './support/shop.mjs'

const strict = ({ url }) => ({
  'content-security-policy': `default-src 'none'; script-src 'self' ${url}; style-src 'self'; img-src 'self'; connect-src ${url} ${url.replace('http', 'ws')}; require-trusted-types-for 'script'; trusted-types 'none'`,
})

let parlor, browser, stranger, policed, admin
before(async () => {
  stranger = await shop({ snippet: () => parlor })
  policed = await shop({ snippet: () => parlor, headers: strict })
  parlor = await ephemeral({ origins: [policed.origin] })
  browser = await launch()
  admin = (await browser.person()).page
  await logIn(admin, parlor.url)
})
after(async () => {
  stranger?.close()
  policed?.close()
  await parlor?.stop()
  await browser?.close()
})

test('an origin that is not listed is refused, offered to the owner, and works once allowed', async () => {
  const { page } = await browser.person()
  await page.goto(`${stranger.origin}/index.html`)
  await page.waitForResponse(answer => answer.url().endsWith('/track') && answer.status() === 403).catch(() => undefined)
  assert.equal(await page.locator('parlor-chat').count(), 0)

  await admin.goto(`${parlor.url}/settings/site`)
  await admin.getByText(stranger.origin).first().waitFor()
  await admin.getByRole('button', { name: /Allow/ }).first().click()
  await page.reload()

  await visitor(page).launcher.waitFor()
})

test('a page with a strict policy and Trusted Types chats without a violation', async () => {
  const { page } = await browser.person()
  const refused = []
  page.on('console', message => { if (/Content Security Policy|TrustedHTML|Refused/.test(message.text())) refused.push(message.text()) })
  await page.goto(`${policed.origin}/product.html`)
  const guest = visitor(page)
  await guest.open()
  await guest.say('Strict but friendly')
  await page.locator('parlor-chat').getByText('Sent').waitFor()

  assert.deepEqual(refused, [])
  await admin.goto(`${parlor.url}/chats?list=all`)
  await agent(admin).rows.filter({ hasText: 'Strict but friendly' }).waitFor()
})

test('styles and scripts of the page cannot touch the widget, and it throws nothing into the page', async () => {
  const { page } = await browser.person({ expectErrors: true, reducedMotion: 'reduce' })
  const thrown = []
  page.on('pageerror', error => thrown.push(error.message))
  await page.goto(`${parlor.url}/demo/index.html`)
  await visitor(page).launcher.waitFor()
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(':not(html), button, textarea { all: unset !important; display: none !important; font-size: 90px !important; }')
    document.adoptedStyleSheets = [sheet]
  })
  await page.evaluate(() => {
    for (const wrong of [[], ['no such command'], ['identify'], ['identify', {}], ['track'], ['track', 'x'.repeat(9999)], ['on', 'open', 'not a function'], [null]]) globalThis.Parlor(...wrong)
  })
  const box = await visitor(page).launcher.boundingBox()

  assert.ok(box && Math.round(box.width) === 56 && Math.round(box.height) === 56, `the launcher is ${JSON.stringify(box)}`)
  assert.deepEqual(thrown, [])
})

test('without storage the widget still chats', async () => {
  const { context, page } = await browser.person()
  await context.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError') } })
  })
  await page.goto(`${policed.origin}/index.html`)
  const guest = visitor(page)
  await guest.open()
  await guest.say('No storage here')

  await settles(texts(guest.log), ['No storage here'], 'the message')
  await page.locator('parlor-chat').getByText('Sent').waitFor()
})

test('German and right to left are read and laid out so, on a phone too', async () => {
  const { page } = await browser.person({ locale: 'de-DE', viewport: { width: 390, height: 844 }, hasTouch: true })
  await page.goto(`${parlor.url}/demo/index.html`)
  await page.evaluate(() => { document.documentElement.lang = 'de'; document.documentElement.dir = 'rtl' })
  await page.getByRole('button', { name: /^Chat öffnen|^Open chat/ }).click()
  const composer = page.locator('parlor-chat').getByRole('textbox')
  await composer.waitFor()
  const window = await page.locator('parlor-chat').getByRole('dialog').boundingBox()

  assert.deepEqual([window?.width, window?.x, window?.y], [390, 0, 0], 'full screen')
  await accessible(page, 'messenger on a phone')
  await picture(page, 'messenger-phone')
})

test('Do Not Track keeps the visitor out of the list until they write', async () => {
  const { context, page } = await browser.person()
  await context.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { get: () => true }))
  await page.goto(`${parlor.url}/demo/basket.html`)
  const guest = visitor(page)
  await guest.launcher.waitFor()
  const kept = await page.evaluate(() => Object.keys(localStorage).filter(key => /token/.test(key)))
  assert.deepEqual(kept, [])

  await guest.open()
  await guest.say('I may write all the same')

  await admin.goto(`${parlor.url}/chats?list=all`)
  await agent(admin).rows.filter({ hasText: 'I may write all the same' }).waitFor()
})
