/** The test images that the report shows. */
import type { Agreement, Answer, PicturesRecord } from '../report/types.js';
import type { CandidateImage } from './jobs.js';

/** In the order of the page, with how many images of the kind are shown. */
const shownOf: [Agreement, number][] = [
  ['arms differ', 6],
  ['teacher differs', 2],
  ['all agree', 3],
];

function agreementOf(teacher: Answer, [first, ...others]: Answer[]): Agreement {
  if (others.some((answer) => answer.class !== first.class)) return 'arms differ';
  return first.class === teacher.class ? 'all agree' : 'teacher differs';
}

/**
 * Sorts the candidates by who agrees with whom, right or wrong, and takes the first of each kind: a choice that no result
 * can be polished by.
 *
 * @param teacher its answer to each candidate
 * @param arms the same for the student of every arm
 */
export function choosePictures(candidates: CandidateImage[], teacher: Answer[], arms: Answer[][]): PicturesRecord {
  const pictures = candidates.map((image, position) => ({
    position,
    ...image,
    teacher: teacher[position],
    arms: arms.map((answers) => answers[position]),
  }));
  return {
    candidates: candidates.length,
    groups: shownOf.map(([agreement, most]) => {
      const all = pictures.filter((picture) => agreementOf(picture.teacher, picture.arms) === agreement);
      return { agreement, count: all.length, shown: all.slice(0, most) };
    }),
  };
}
