// The demo shop's own script: a basket kept in the browser, and the calls that any shop makes to Parlor.
'use strict';

// The widget loads when it loads: until then calls wait in this queue.
window.Parlor = window.Parlor || function queue() {
  (queue.q = queue.q || []).push(arguments);
};

const BASKET = 'hollow-oak-basket';
const teas = {
  oolong: ['Morning Oolong', 14.5, 'Roasted slowly over oak, tastes of toast and plums.'],
  sencha: ['Meadow Sencha', 11, 'First picking, steamed within the hour. Bright and grassy.'],
  darjeeling: ['Cloud Darjeeling', 16, 'Second flush from a garden above the fog. Muscat and honey.'],
  rooibos: ['Evening Rooibos', 9.5, 'No caffeine, all warmth: orange peel, vanilla, a long red cup.'],
};
const euros = (amount) => `€ ${amount.toFixed(2)}`;
const find = (name) => document.querySelector(`[data-${name}]`);

function basket() {
  try {
    return JSON.parse(localStorage.getItem(BASKET)) ?? {};
  } catch {
    return {};
  }
}

function put(tea) {
  const held = basket();
  held[tea] = (held[tea] ?? 0) + 1;
  try {
    localStorage.setItem(BASKET, JSON.stringify(held));
  } catch {
    // A browser that keeps nothing has an empty basket.
  }
}

function showCount() {
  const tins = Object.values(basket()).reduce((sum, count) => sum + count, 0);
  find('basket-count').textContent = tins;
  find('basket-count').hidden = tins === 0;
}

function showProduct() {
  const slug = location.hash.slice(1) in teas ? location.hash.slice(1) : 'oolong';
  const [name, price, text] = teas[slug];
  document.title = `${name} – Hollow Oak Tea`;
  find('picture').src = `${slug}.svg`;
  find('name').textContent = name;
  find('text').textContent = text;
  find('price').textContent = price.toFixed(2);
  find('add').onsubmit = (submitted) => {
    submitted.preventDefault();
    put(slug);
    showCount();
    find('said').textContent = `${name} is in your basket.`;
    Parlor('track', 'added_to_basket', { product: name, price, currency: 'EUR' });
  };
}

function showBasket() {
  const held = Object.entries(basket()).filter(([slug]) => slug in teas);
  const rows = held.map(([slug, count]) => {
    const row = document.createElement('tr');
    const cells = [teas[slug][0], count, euros(count * teas[slug][1])];
    for (const [place, text] of cells.entries()) {
      const cell = row.insertCell();
      cell.textContent = text;
      if (place > 0) cell.className = 'number';
    }
    return row;
  });
  find('basket').tBodies[0].replaceChildren(...rows);
  find('total').textContent = euros(held.reduce((sum, [slug, count]) => sum + count * teas[slug][1], 0));
  find('basket').hidden = held.length === 0;
  find('basket-empty').hidden = held.length > 0;
}

function signIn(submitted) {
  submitted.preventDefault();
  const { name, email } = Object.fromEntries(new FormData(submitted.target));
  Parlor('identify', { user_id: email.toLowerCase(), name, email });
  find('said').textContent = `Welcome, ${name}.`;
}

showCount();
if (find('product')) {
  showProduct();
  addEventListener('hashchange', showProduct);
}
if (find('basket')) showBasket();
find('sign-in')?.addEventListener('submit', signIn);
