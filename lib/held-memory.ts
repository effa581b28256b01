import type { Engine, Memory } from './engine.js';

/**
 * Memory that calls which wait for their turn will use, and who frees it if it was disposed of meanwhile: it goes with the
 * last of them then. A call that has begun is the engine's, which keeps the memory by itself.
 */
const held = new Map<Memory, { calls: number; disposer: Engine | undefined }>();

export function holdMemory(memory: Memory): void {
  const entry = held.get(memory) ?? { calls: 0, disposer: undefined };
  entry.calls += 1;
  held.set(memory, entry);
}

/** Ends one call's hold. */
export function unholdMemory(memory: Memory): void {
  const entry = held.get(memory);
  if (entry === undefined) return;
  entry.calls -= 1;
  if (entry.calls > 0) return;
  held.delete(memory);
  entry.disposer?.release(memory);
}

/** Frees memory as soon as no call holds it. */
export function disposeMemory(engine: Engine, memory: Memory): void {
  const entry = held.get(memory);
  if (entry === undefined) engine.release(memory);
  else entry.disposer = engine;
}
