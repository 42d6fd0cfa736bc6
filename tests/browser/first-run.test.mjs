// From an empty folder to the first page view, as somebody who has just built Parlor meets it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, launch, picture } from './support/browser.mjs'
import { durable, owner } from './support/parlor.mjs'

let parlor, browser, setup, admin
before(async () => {
  parlor = await durable()
  browser = await launch()
  setup = await parlor.start()
})
after(async () => {
  await parlor?.stop()
  await browser?.close()
})

test('the printed link sets the instance up once and lands on the snippet', async () => {
  admin = (await browser.person()).page
  assert.ok(setup, 'the start printed a setup link')
  await admin.goto(`${parlor.url}/`)
  await admin.getByText('parlor setup-link').waitFor()
  await admin.goto(setup)
  await accessible(admin, 'setup')
  await picture(admin, 'setup')
  await admin.getByRole('textbox', { name: 'Name of your site' }).fill('Hazel & Oak')
  await admin.getByRole('textbox', { name: 'Your name' }).fill(owner.name)
  await admin.getByRole('textbox', { name: 'Your e-mail' }).fill(owner.email)
  await admin.getByLabel('Password').fill(owner.password)
  await admin.getByRole('button', { name: 'Set up and log in' }).click()
  await admin.getByRole('heading', { name: `Welcome, ${owner.name}` }).waitFor()

  const snippet = await admin.locator('#snippet').innerText()
  assert.match(snippet, new RegExp(`<script async src="${parlor.url}/widget.js" data-site="[^"]+"></script>`))
  const again = await admin.request.get(setup)
  assert.equal(again.status(), 404)
  await accessible(admin, 'welcome')
  await picture(admin, 'welcome')
})

test('the copy button copies the snippet', async () => {
  await admin.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await admin.getByRole('button', { name: 'Copy' }).first().click()

  const copied = await admin.evaluate(() => navigator.clipboard.readText())

  assert.equal(copied.trim(), (await admin.locator('#snippet').innerText()).trim())
})

test('empty pages say what to do next', async () => {
  for (const [path, heading] of [['/chats', 'Chats'], ['/visitors', 'Visitors']]) {
    await admin.goto(`${parlor.url}${path}`)
    await admin.getByRole('heading', { name: heading, exact: true }).first().waitFor()
    await admin.locator('.empty:visible').first().getByRole('link').waitFor()
    await accessible(admin, `empty ${path}`)
    await picture(admin, `empty${path.replaceAll('/', '-')}`)
  }
})

test('the demo shop is seen by the agent within a second', async () => {
  await admin.goto(`${parlor.url}/visitors`)
  const { page } = await browser.person({ locale: 'de-DE' })
  await page.goto(`${parlor.url}/demo`)
  await page.getByRole('button', { name: /^Chat öffnen|^Open chat/ }).waitFor()
  const row = admin.locator('[data-visitor]').filter({ hasText: 'Hollow Oak Tea' }).first()
  await row.waitFor()

  const told = await row.innerText()
  assert.match(told, /Chrom/)
  assert.match(told, /Linux/)
  assert.match(told, /de/i)
  await page.getByRole('link', { name: 'Basket' }).click()
  await page.getByRole('heading', { name: 'Your basket' }).waitFor()
  const opened = Date.now()
  await row.filter({ hasText: 'Your basket' }).waitFor()
  const took = Date.now() - opened
  assert.ok(took < 1000, `the next page showed after ${took} ms`)
})
