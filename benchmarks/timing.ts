/**
 * Timing contenders against each other: repetition by repetition, so that what disturbs one disturbs all. Every other round
 * is in reverse order, so that nobody always comes after the same other one and finds the machine as that one left it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Participant } from './contenders/index.js';

export interface Budget {
  /** Seconds per contender and case. */
  seconds: number;
  fewest: number;
  /** For what takes more than two seconds. */
  fewestOfSlow: number;
  most: number;
  /** Calls are repeated until a repetition takes this long, so that the cost of clock and loop does not count. */
  leastSeconds: number;
}

export interface Plan {
  calls: number;
  repetitions: number;
}

export function plan(secondsPerCall: number, budget: Budget): Plan {
  const calls = Math.max(1, Math.ceil(budget.leastSeconds / secondsPerCall));
  const fewest = secondsPerCall > 2 ? budget.fewestOfSlow : budget.fewest;
  const affordable = Math.floor(budget.seconds / (calls * secondsPerCall));
  return { calls, repetitions: Math.min(Math.max(affordable, fewest), budget.most) };
}

async function timed(participant: Participant, calls: number): Promise<number> {
  const seconds = await participant.time(calls);
  // Threads that still spin would run on the cores of whoever is next.
  if (participant.settles) await sleep(participant.settles);
  return seconds;
}

/** Longer first calls are as good a repetition as any. */
const firstCounts = 0.5;

/** Seconds per call of each repetition of each participant, all of which have computed once before. */
export async function timeSideBySide(
  participants: readonly Participant[],
  budgets: readonly Budget[],
): Promise<number[][]> {
  const samples: number[][] = participants.map(() => []);
  const plans: Plan[] = [];
  for (const [i, participant] of participants.entries()) {
    const budget = budgets[i];
    let estimate = await timed(participant, 1);
    if (estimate >= firstCounts) samples[i].push(estimate);
    // A first short call is a bad guess of the ones after it.
    if (estimate < budget.leastSeconds) estimate = Math.min(estimate, await timed(participant, 10));
    plans.push(plan(estimate, budget));
  }
  const most = Math.max(0, ...plans.map(({ repetitions }) => repetitions));
  const order = [...participants.entries()];
  for (let round = 0; round < most; round++, order.reverse()) {
    for (const [i, participant] of order) {
      const { calls, repetitions } = plans[i];
      if (round < repetitions && samples[i].length <= round) samples[i].push(await timed(participant, calls));
    }
  }
  return samples;
}
