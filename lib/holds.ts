import type { DeviceMemory } from './native.cjs';

/**
 * Memory on a GPU that calls which wait for their turn will use, and whether it was disposed of meanwhile: it goes with
 * the last of them then. A call that has begun is the addon's, which keeps the memory by itself.
 */
const held = new Map<DeviceMemory, { calls: number; disposed: boolean }>();

export function hold(memory: DeviceMemory): DeviceMemory {
  const entry = held.get(memory) ?? { calls: 0, disposed: false };
  entry.calls += 1;
  held.set(memory, entry);
  return memory;
}

export function letGo(memory: DeviceMemory): void {
  const entry = held.get(memory);
  if (entry === undefined) return;
  entry.calls -= 1;
  if (entry.calls > 0) return;
  held.delete(memory);
  if (entry.disposed) memory.dispose();
}

export function disposeOf(memory: DeviceMemory): void {
  const entry = held.get(memory);
  if (entry === undefined) memory.dispose();
  else entry.disposed = true;
}
