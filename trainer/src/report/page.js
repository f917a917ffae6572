'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const byId = id => document.getElementById(id);
byId('title').textContent = document.title;

const make = (tag, text, parent) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};

// A heading sorts its table: numbers from high to low first, names from a to z.
function sortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.tabIndex = 0;
    const sort = () => {
      const text = heading.dataset.sort === 'text';
      const was = heading.getAttribute('aria-sort');
      const rising = was ? was !== 'ascending' : text;
      [...table.tHead.rows[0].cells].forEach(other => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
      body.querySelectorAll('tr.detail').forEach(row => row.remove());
      body.querySelectorAll('[aria-expanded]').forEach(button => button.setAttribute('aria-expanded', false));
      const value = row => row.cells[column].dataset.value;
      const compare = text ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => value(a) - value(b);
      [...body.rows].sort((a, b) => (rising ? 1 : -1) * compare(a, b)).forEach(row => body.append(row));
    };
    heading.addEventListener('click', sort);
    heading.addEventListener('keydown', event => { if (event.key === 'Enter') sort(); });
  });
}
document.querySelectorAll('#tags, #siblings').forEach(sortable);

function play(clip) {
  byId('bar').hidden = false;
  byId('playing').textContent = clip.id;
  byId('player').src = clip.file;
  byId('player').play().catch(() => { byId('playing').textContent = clip.id + ': the file does not play here'; });
}

function example(list, found, digits) {
  const item = make('li', undefined, list), clip = data.clips[found.clip];
  if (clip.file) {
    const button = make('button', '\u25b6 ' + clip.id, item);
    button.className = 'play';
    button.addEventListener('click', () => play(clip));
    item.append(' ');
    const link = make('a', 'file', item);
    link.href = clip.file;
  } else make('span', clip.id, item);
  make('span', (clip.artist ? ', ' + clip.artist : '') + ' \u2014 ' + found.p.toFixed(digits), item);
}
data.best.forEach(found => example(byId('best'), found, 3));
data.worst.forEach(found => example(byId('worst'), found, 3));

// A small curve in the unit square.
function curve(points, x, y, diagonal) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 190 190');
  const add = (tag, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    if (text) element.textContent = text;
    svg.append(element);
  };
  const at = ([px, py]) => (24 + 156 * px).toFixed(1) + ',' + (166 - 156 * py).toFixed(1);
  add('rect', { x: 24, y: 10, width: 156, height: 156, fill: '#fff', stroke: '#ccc' });
  if (diagonal) add('polyline', { points: at([0, 0]) + ' ' + at([1, 1]), stroke: '#999', 'stroke-dasharray': '4 4', fill: 'none' });
  add('polyline', { points: points.map(at).join(' '), stroke: '#0072b2', 'stroke-width': 2, fill: 'none' });
  add('text', { x: 102, y: 184, 'font-size': 12, 'text-anchor': 'middle', fill: '#667' }, x);
  add('text', { x: 14, y: 88, 'font-size': 12, 'text-anchor': 'middle', fill: '#667', transform: 'rotate(-90 14 88)' }, y);
  return svg;
}

function detail(tag) {
  const box = make('div');
  box.className = 'detail-in';
  box.append(curve(tag.roc, 'false positive rate', 'true positive rate', true));
  box.append(curve(tag.precision, 'recall', 'precision', false));
  const lists = make('div', undefined, box);
  lists.className = 'lists';
  for (const [name, found] of [['Has it, and is given it', tag.examples.hits], ['Has it, and is missed', tag.examples.misses],
    ['Has it not, and is given it', tag.examples.false_alarms]]) {
    if (!found.length) continue;
    make('h4', name, lists);
    const list = make('ul', undefined, lists);
    found.forEach(one => example(list, one, 2));
  }
  return box;
}

byId('tags').addEventListener('click', event => {
  const button = event.target.closest('button.open');
  if (!button) return;
  const row = button.closest('tr'), open = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', !open);
  if (open) { row.nextElementSibling.remove(); return; }
  const tag = data.tags[row.dataset.index];
  const below = make('tr');
  below.className = 'detail';
  const place = make('td', undefined, below);
  place.colSpan = row.cells.length;
  place.append(detail(tag));
  row.after(below);
});
