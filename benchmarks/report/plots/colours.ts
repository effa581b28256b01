/** Colours that readers with any colour vision can tell apart, after Okabe and Ito, for light and dark paper. */
import { wayOf } from '../format.js';

const light = `--chart-paper: #ffffff; --chart-ink: #1d2329; --chart-soft: #56606a; --chart-line: #dfe2e4;
--chart-blue: #0072b2; --chart-green: #009e73; --chart-red: #d55e00; --chart-pink: #b8558c; --chart-yellow: #dc9a00;
--chart-grey: #7d868f; --chart-violet: #6a51a3;`;

const dark = `--chart-paper: #161b22; --chart-ink: #e9ecef; --chart-soft: #a3adb7; --chart-line: #343b43;
--chart-blue: #4ba6e8; --chart-green: #35c79c; --chart-red: #f07f3c; --chart-pink: #e39ac4; --chart-yellow: #f2c14e;
--chart-grey: #9aa3ac; --chart-violet: #a99bdc;`;

export const colourRules = `.gld-chart { ${light} }
@media screen and (prefers-color-scheme: dark) { .gld-chart { ${dark} } }`;

interface Look {
  colour: string;
  dash: string;
}

const look = (colour: string, dash = 'none'): Look => ({ colour: `var(--chart-${colour})`, dash });

const looks: Record<string, Look> = {
  'gld-loss': look('blue'),
  'gld-loss moments': look('green'),
  pytorch: look('red', '7 4'),
  'pytorch-tuned': look('pink', '12 3'),
  'pytorch-refblas': look('grey', '7 4'),
  'pytorch-compile': look('violet', '10 3 2 3'),
  'pytorch-compile-tuned': look('green', '10 3 2 3'),
  tfjs: look('yellow', '2 4'),
  typescript: look('grey', '4 2 1 2'),
};

/** Colour and dashes of a contender, or of one of its ways where that has its own. */
export const lookOf = ({ contender, variant }: { contender: string; variant?: string }): Look =>
  looks[`${contender} ${variant}`] ?? looks[wayOf(contender)] ?? look('grey', '1 3');

export const boundColours = { bytes: 'var(--chart-yellow)', flops: 'var(--chart-blue)' } as const;
