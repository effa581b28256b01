/** A run as a list of trainings, and what each leaves behind. */
import type { RelationMatrix } from '../report/types.js';
import type { TrainingState } from '../tfjs/train.js';
import type { ArmName } from './arms.js';
import type { Settings } from './settings.js';

export interface Job {
  /** Unique, and the name of its checkpoint: 'teacher' or '<arm>-seed<n>'. */
  id: string;
  role: 'teacher' | ArmName;
  seed: number;
  network: string;
  epochs: number;
  /** Whether the teacher must be there first. */
  needsTeacher: boolean;
}

/** The state in a job's checkpoint, besides weights and momentum. */
export interface JobState {
  finished: boolean;
  /** Of the data set, which a resumed run must find unchanged. */
  trainSize: number;
  training: TrainingState;
  /** Time the whole run had taken when this was saved, pauses left out. */
  runSeconds: number;
  relationMatrix?: RelationMatrix;
}

/** What the two networks and the data set turn out to be; the scheduler asks a worker for it. */
export interface Description {
  networks: Record<'teacher' | 'student', { parameters: number; flops: number; map: [number, number, number] }>;
  data: {
    description: string; classes: string[]; imageShape: [number, number, number]; trainSize: number; testSize: number;
  };
  /** tfjs's version and backend. */
  framework: string;
}

/** The teacher first: students that do not need it can be trained beside it. */
export function planJobs({ arms, seeds, teacher, student, baseSeed }: Settings): Job[] {
  const jobs: Job[] = [{
    id: 'teacher', role: 'teacher', seed: baseSeed, network: teacher.network, epochs: teacher.epochs,
    needsTeacher: false,
  }];
  for (const role of arms) {
    for (const seed of seeds) {
      jobs.push({
        id: `${role}-seed${seed}`, role, seed, network: student.network, epochs: student.epochs,
        needsTeacher: role !== 'ce',
      });
    }
  }
  return jobs;
}

/** Floating-point operations of one training step, up to a factor: forward and backward, and the teacher's forward. */
export function stepCost(job: Job, { networks }: Description): number {
  const own = networks[job.role === 'teacher' ? 'teacher' : 'student'].flops;
  // The constant stands for the work that does not grow with the network; without it small ones look too cheap.
  return 3 * own + (job.needsTeacher ? networks.teacher.flops : 0) + 2e6;
}
