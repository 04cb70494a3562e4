/**
 * The document as xterm may use it: its style sheets and style attributes are inline, which our content security policy
 * refuses, empty ones too. The same styles set through the CSSOM are not: in the place of a style element stands one that
 * means nothing and keeps its text in a constructed sheet, and a style attribute becomes the element's declarations.
 */
export function styledDocument(): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** For what asks the page's document although another was given, while `run` runs: xterm's scroll bar. */
export function whileStyled(run: () => void): void {
  Object.defineProperty(document, 'createElement', { value: createElement, configurable: true });
  try {
    run();
  } finally {
    Reflect.deleteProperty(document, 'createElement');
  }
}

function createElement(tag: string, options?: ElementCreationOptions): HTMLElement {
  const made = tag === 'style' ? 'template' : tag;
  const element = Document.prototype.createElement.call(document, made, options);
  if (tag === 'style') keepInSheet(element);
  else element.setAttribute = setAttribute;
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

function keepInSheet(element: HTMLElement): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', {
    get: () => '',
    set: (text: string) => sheet.replaceSync(text),
  });
  const { remove } = element;
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    remove.call(element);
  };
}
