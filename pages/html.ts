/** Text that is already HTML. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

export type Content = Html | string | number | undefined | false | Content[];

/** Template tag that escapes whatever is put in, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

function render(content: Content): string {
  if (content === undefined || content === false) return '';
  if (Array.isArray(content)) return content.map(render).join('');
  return content instanceof Html ? content.text : escaped(String(content));
}

/** The little square of colour before a name. */
export const swatch = (colour: string): Html => html`<i class="swatch" style="background:${colour}"></i>`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
