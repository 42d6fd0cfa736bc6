import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseLanguage, fill, launcherTexts, messengerTexts, plural } from '../src/look/texts';

type Table = Record<string, unknown>;

/** Every text with its path, and the places it names. */
function flatten(table: Table, path = ''): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, value] of Object.entries(table)) {
    if (typeof value === 'string') found.set(`${path}${key}`, [...value.matchAll(/\{\w+\}/g)].map(String).sort());
    else for (const [inner, places] of flatten(value as Table, `${path}${key}/`)) found.set(inner, places);
  }
  return found;
}

test('every language has every text, with the same places', () => {
  for (const table of [launcherTexts, messengerTexts] as Record<string, Table>[]) {
    const english = flatten(table.en as Table);
    for (const [language, texts] of Object.entries(table)) {
      assert.deepEqual(flatten(texts), english, language);
      for (const [key, text] of Object.entries(texts)) assert.ok(text, `${language} ${key} is empty`);
    }
  }
});

test('the launcher and the messenger speak the same languages', () => {
  assert.deepEqual(Object.keys(messengerTexts), Object.keys(launcherTexts));
});

test('the first wish that the table has is taken', () => {
  assert.equal(chooseLanguage('de-AT', 'en'), 'de');
  assert.equal(chooseLanguage('', null, undefined, 'fr', 'DE'), 'de');
  assert.equal(chooseLanguage('ar', 'xx'), 'en');
  assert.equal(chooseLanguage('toString', '__proto__'), 'en');
});

test('plurals follow the language, places without a value stay as they are', () => {
  assert.equal(plural('de', launcherTexts.de.unread, 1), '1 ungelesene Nachricht');
  assert.equal(plural('de', launcherTexts.de.unread, 1_200), '1.200 ungelesene Nachrichten');
  assert.equal(plural('en', launcherTexts.en.unread, 0), '0 unread messages');
  assert.equal(fill('{agent} and {other}', { agent: '{other}' }), '{other} and {other}');
});
