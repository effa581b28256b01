/** Where and with what a run took place, in words. */
import type { Environment } from '../record.js';
import { contenderName } from './format.js';

/** '2026-11-24T…' → '24 November 2026'. */
export function day(date: string): string {
  const options = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  return new Date(date).toLocaleDateString('en-GB', options);
}

/** 'PyTorch 2.13.0 with MKL 2024.2 and oneDNN 3.12.0, tfjs 4.22.0 (wasm)' */
export const versionsText = (environment: Environment): string =>
  [
    `gld-loss ${environment.gldLoss}`,
    `Node.js ${environment.node.replace(/^v/, '')}`,
    ...Object.entries(environment.versions).map(([name, version]) =>
      name === 'blas' ? version : `${contenderName(name)} ${version}`,
    ),
  ].join(', ');

/** Machine, engine level, versions, date and commit. */
export const environmentLine = (environment: Environment): string =>
  `${environment.cpu}, ${environment.cores} cores, engine level ${environment.level}; ${versionsText(environment)}; ` +
  `${day(environment.date)}, commit ${environment.commit}`;

/** Contenders that did not take part, with the reason. */
export const missing = ({ absent }: Environment): string[] =>
  Object.entries(absent).map(([name, reason]) => `${contenderName(name)}: ${reason}`);
