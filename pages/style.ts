const light = `
  --paper: #f7f7f4; --panel: #ffffff; --ink: #1d2329; --soft: #5d6772; --line: #e3e5e2;
  --arm-0: #77818c; --arm-1: #c5780c; --arm-2: #128a7f; --arm-3: #5a4fd0; --arm-4: #c43d6b; --arm-5: #6c8a1f;
  --term-task: #b3a188; --term-global: #3c83c9; --term-local: #74a93c; --term-relation: #b5479f;
  --class-even: #a9b0b6; --class-odd: #dadddf; --right: #2f7d32; --wrong: #b3271e;`;

const dark = `
  --paper: #14171a; --panel: #1b1f24; --ink: #e9ecef; --soft: #9da7b1; --line: #323940;
  --arm-0: #a3adb7; --arm-1: #eca53f; --arm-2: #3fc2b3; --arm-3: #9c94ff; --arm-4: #f2799f; --arm-5: #a9c653;
  --term-task: #b9a88f; --term-global: #5aa3ea; --term-local: #93c558; --term-relation: #d776c4;
  --class-even: #7b858e; --class-odd: #434b53; --right: #7bcf7f; --wrong: #ff8f84;`;

/** The style of the page: inline, follows the reader's light or dark setting, prints in light colours. */
export const style = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
.kicker { color: var(--soft); margin: 0 0 6px; font-size: 14px; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.015em; margin: 0 0 10px; text-wrap: balance; }
h2 { font-size: 22px; letter-spacing: -.01em; margin: 0 0 8px; }
h3 { font-size: 16px; margin: 22px 0 6px; }
p { margin: 0 0 12px; max-width: 76ch; }
.lede { font-size: 19px; line-height: 1.5; max-width: 64ch; }
.about { color: var(--soft); }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 24px;
  margin-top: 22px; }
small { display: block; font-size: 12.5px; line-height: 1.35; font-weight: 400; color: var(--soft); }
.note, .map p { color: var(--soft); font-size: 13.5px; margin: 12px 0 0; max-width: 90ch; }
.quiet, .sd { color: var(--soft); font-weight: 400; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 8px; }
.swatch.line { height: 0; border-radius: 0; border-top: 2px dashed var(--ink); vertical-align: middle; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: middle; padding: 12px 10px; border-top: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { border-top: 0; padding-top: 0; font-size: 13px; font-weight: 600; vertical-align: bottom; }
tbody th small, tfoot th small { padding-left: 19px; max-width: 34ch; }
tfoot td, tfoot th { border-top: 2px solid var(--line); }
.number, .figure, .seeds { text-align: right; white-space: nowrap; }
.number small { white-space: normal; }
.figure { font-size: 21px; } .figure .sd { font-size: 16px; }
.seeds { white-space: normal; min-width: 150px; }
.seeds span { display: inline-block; min-width: 2.9em; color: var(--soft); }
tbody th { min-width: 255px; } .strip { width: 185px; } .strip svg { display: block; width: 100%; min-width: 150px;
  height: auto; }
.ends { display: flex; justify-content: space-between; color: var(--soft); font-weight: 400; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 0; margin: 0 0 10px;
  font-size: 14px; }
figure { margin: 0; min-width: 0; } figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: 14px; font-weight: 600; margin-bottom: 4px; } figcaption small { display: inline;
  margin-left: 8px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 235px), 1fr)); gap: 22px 18px;
  margin-top: 14px; }
.maps { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 22px 26px; }
.grid figure { display: flex; flex-direction: column; justify-content: flex-end; }
.maps figure { justify-content: flex-start; }
.grid svg { width: 100%; } .grid:not(.maps) svg { max-width: 330px; }
.map p { margin-top: 6px; }
.map image { image-rendering: auto; }
.class-even rect { fill: var(--class-even); } .class-odd rect { fill: var(--class-odd); }
.scale { margin-top: 14px; display: flex; align-items: center; gap: 10px; font-size: 13px; color: var(--soft); }
.scale span { white-space: nowrap; } .scale i { flex: 0 1 260px; height: 12px; border-radius: 3px; }
.answers { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.answers figure { justify-content: flex-start; } .answers dl { margin-top: 8px; gap: 3px 12px; }
.grid.answers svg { max-width: 240px; }
.cells { grid-template-columns: repeat(auto-fill, minmax(min(45%, 140px), 1fr)); gap: 14px; margin-top: 6px; }
h3 small { display: inline; margin-left: 8px; }
.right { color: var(--right); } .wrong { color: var(--wrong); } .right, .wrong { font-weight: 700; }
.plain { width: auto; } .plain td, .plain th { padding: 5px 22px 5px 0; font-size: 14.5px; }
.plain:not(.options) td, .plain:not(.options) th { text-align: right; }
.own td { font-weight: 700; } .own td:first-child::before { content: "this run  "; font-weight: 400;
  color: var(--soft); }
.facts { display: grid; grid-template-columns: 5fr 3.2fr 4fr; gap: 8px 32px; } .facts h3 { margin-top: 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 0; font-size: 14.5px; }
dt { color: var(--soft); max-width: 15ch; } dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.command { margin-top: 18px; padding: 10px 14px; background: var(--paper); border-radius: 8px; max-width: none; }
.options { width: 100%; } .options td { vertical-align: top; }
summary { cursor: pointer; margin-top: 14px; font-size: 14.5px; } details table { margin-top: 10px; }
.guide { margin: 0; padding-left: 20px; max-width: 82ch; } .guide li { margin-bottom: 8px; }
footer { color: var(--soft); font-size: 13px; margin-top: 24px; }
.narrow { display: none; }
@media screen and (max-width: 1040px) {
  .results thead { display: none; } .results, .results tbody, .results tfoot { display: block; }
  .results tr { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; padding: 16px 0;
    border-top: 1px solid var(--line); }
  .results tbody tr:first-child { border-top: 0; padding-top: 4px; }
  .results th, .results td { display: block; border: 0; padding: 0; min-width: 0; max-width: none; text-align: left; width: auto; }
  .results th, .results .strip { grid-column: 1 / -1; } .results td:empty { display: none; }
  .results .figure, .results .seeds { align-self: end; } .results .strip svg { max-width: 340px; }
  .results th small { max-width: none; }
  .results td[data-label]::before { content: attr(data-label); display: block; font-size: 12.5px; color: var(--soft);
    font-weight: 400; }
  .results .seeds span { min-width: 0; margin-right: 8px; }
  .results .seeds { order: 1; } .results .strip { order: 2; } .results .number { order: 3; }
}
@media screen and (max-width: 760px) {
  main { padding: 24px 14px 48px; } section { padding: 18px 16px; border-radius: 10px; }
  h1 { font-size: 27px; } .lede { font-size: 17px; }
  .wide { display: none; } .narrow { display: block; }
  .facts { grid-template-columns: 1fr; }
}
@media print {
  body { background: #fff; font-size: 12px; } main { max-width: none; padding: 0; }
  section { border: 0; padding: 0; margin-top: 26px; } figure, tr, dl { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
