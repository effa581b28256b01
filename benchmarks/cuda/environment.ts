/** What a run was made on, and where its results go. */
import { describeMachine } from '../environment.js';
import type { DeviceFacts } from '../../test/conformance/record.js';
import type { Environment } from './record.js';

export function describeEnvironment(device: DeviceFacts, selection: string): Environment {
  return { date: new Date().toISOString(), seconds: 0, selection, versions: {}, ...describeMachine(), device };
}

/** 'NVIDIA H100 80GB HBM3' → benchmarks/results/cuda-h100-80gb-hbm3.json. Only a real GPU's results belong there. */
export function defaultFile({ kind, name }: DeviceFacts): string {
  const slug = name
    .toLowerCase()
    .replace(/^nvidia\s+/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return kind === 'gpu' ? `benchmarks/results/cuda-${slug}.json` : `build/check-cuda-${kind}.json`;
}
