// What must be true of the shape of every page, whatever is on it. An expression: a function of the language that the
// page is to be in, that gives the faults as [rule, place].
(language => {
  const TARGET_MIN = 44; // CSS pixels; the accessibility rules for government sites and WCAG 2.5.5
  const faults = [];
  const fault = (rule, place) => faults.push([rule, place]);
  const name = one => {
    const id = one.id ? '#' + one.id : one.getAttribute('name') ? `[name=${one.getAttribute('name')}]` : '';
    const kind = one.classList.length ? '.' + [...one.classList].join('.') : '';
    const words = (one.innerText || one.value || '').trim().replace(/\s+/g, ' ').slice(0, 30);
    return `${one.localName}${id}${kind} «${words}»`;
  };
  const root = document.documentElement;
  const isSeen = one => {
    if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const box = one.getBoundingClientRect();
    // What is there for screen readers only is a pixel large, or lies off the page until it has the focus.
    return box.width > 1 && box.height > 1 && box.right > 0 && box.bottom + scrollY > 0;
  };

  if (root.lang !== language) fault('html-lang', `${root.lang || 'none'} instead of ${language}`);
  if (!document.title.trim()) fault('title', 'none');
  if (!document.querySelector('meta[name=viewport]')) fault('meta-viewport', 'none');
  const headings = [...document.querySelectorAll('h1')].filter(one => one.checkVisibility());
  if (headings.length !== 1) fault('one-h1', headings.map(name).join(', ') || 'none');
  if (!document.querySelector('main')) fault('main', 'none');

  const width = root.clientWidth;
  if (root.scrollWidth > Math.min(width, screen.width)) {
    const wide = [...document.body.querySelectorAll('*')].filter(one => {
      if (one.getBoundingClientRect().right <= screen.width + 0.5 || !isSeen(one)) return false;
      for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== 'visible') return false;
      return true;
    });
    fault('no-sideways-scroll', `${root.scrollWidth} > ${screen.width}: ${wide.slice(0, 3).map(name).join(', ')}`);
  }

  for (const one of document.querySelectorAll('input, select, textarea')) {
    if (one.type === 'hidden' || !one.checkVisibility()) continue;
    const label = one.labels?.length ? [...one.labels].map(label => label.innerText).join('') : '';
    const other = one.getAttribute('aria-label') ||
      (one.getAttribute('aria-labelledby') || '').split(/\s+/).map(id => document.getElementById(id)?.innerText || '').join('');
    if (!label.trim() && !other.trim() && !['submit', 'button', 'reset', 'image'].includes(one.type))
      fault('labelled', name(one));
  }

  const reaches = (one, parts) => {
    one.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    const box = one.getBoundingClientRect();
    const x = box.x + box.width / 2, y = box.y + box.height / 2, far = TARGET_MIN / 2 - 1;
    const hits = (dx, dy) => {
      const hit = document.elementFromPoint(x + dx, y + dy);
      return hit && parts.some(part => part.contains(hit));
    };
    return (box.width >= TARGET_MIN - 0.5 || (hits(-far, 0) && hits(far, 0))) &&
      (box.height >= TARGET_MIN - 0.5 || (hits(0, -far) && hits(0, far)));
  };
  // A link that is text, in a sentence or a list, is as large as its words: axe holds it to WCAG 2.5.8, 24 px or room around it.
  const isText = one => {
    const style = getComputedStyle(one);
    const isBare = style.paddingTop === '0px' && style.borderTopWidth === '0px' && style.minHeight !== '44px';
    return one.localName === 'a' && (style.display === 'inline' || isBare);
  };
  const small = [];
  for (const one of document.querySelectorAll('a[href], button, summary, select, textarea, input')) {
    if (one.type === 'hidden' || one.disabled || isText(one)) continue;
    const parts = [one, ...(one.labels || [])];
    const seen = parts.filter(isSeen);
    if (!seen.length) continue;
    // A radio button and its label are one target, and a label alone when the button is drawn by it.
    if (!seen.some(part => reaches(part, parts))) {
      const box = seen[0].getBoundingClientRect();
      small.push(`${name(seen[0])} ${Math.round(box.width)}×${Math.round(box.height)}`);
    }
  }
  for (const one of small.slice(0, 5)) fault('target-44', one);
  if (small.length > 5) fault('target-44', `and ${small.length - 5} more`);
  scrollTo(0, 0);
  return faults;
})
