// Which things that take the keyboard's focus do not show that they have it. To be asked after a Tab, so that the
// browser knows that a keyboard is at work. An expression: the places.
(() => {
  const LOOKED_AT_MAX = 60; // a list of two hundred cases has the same links two hundred times
  const before = document.activeElement;
  const looks = (one, part) => {
    const style = getComputedStyle(one, part);
    const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    return [outline, style.boxShadow, style.borderColor, style.backgroundColor, style.textDecorationLine].join('|');
  };
  const parts = one => [one, ...(one.labels || []), ...(one.parentElement ? [one.parentElement] : [])];
  // A link that covers its card draws its focus around the card.
  const seen = one => [...parts(one).map(part => looks(part)), looks(one, '::after')];
  const blind = [];
  const all = [...document.querySelectorAll('a[href], button, summary, select, textarea, input, [tabindex]')];
  const able = all.filter(one => one.type !== 'hidden' && !one.disabled && one.tabIndex >= 0 && one.checkVisibility());
  for (const one of able.slice(0, LOOKED_AT_MAX)) {
    const away = seen(one);
    one.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== one) continue;
    const shown = seen(one);
    if (shown.every((now, at) => now === away[at] && !now.startsWith('true')))
      blind.push(`${one.localName} «${(one.innerText || one.name || '').trim().slice(0, 30)}»`);
    one.blur();
  }
  before?.focus?.();
  return blind;
})()
